# SPDX-License-Identifier: LGPL-2.1-or-later
"""Figures beside qemu-img: both programs in turns in one run, medians, time and memory.

SINTER_BENCH_FOLDER says where images are made. SINTER_BENCH_BEFORE names the sinter-img of a former
build: it runs in the same turns, and the comparison is printed.
"""

import os
import shutil
import statistics
import subprocess
import tempfile
import unittest

from lib import tap

SINTER_IMG = os.environ.get('SINTER_IMG', 'sinter-img')
MEASURE = os.environ.get('SINTER_MEASURE', 'measure')
BEFORE = os.environ.get('SINTER_BENCH_BEFORE')
FOLDER = os.environ.get('SINTER_BENCH_FOLDER')
QEMU_IMG = shutil.which('qemu-img')
N_RUNS = 5
MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40


def measured(command, folder=None):
    """(seconds, peak KiB) of one run, as the small program that starts it sees them."""
    with tempfile.NamedTemporaryFile() as figures:
        subprocess.run([MEASURE, figures.name, *command], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                       cwd=folder, env=os.environ | {'SINTER_MEASURE_CPU_SEC': '300'})
        status, _cpu_msec, peak_kib, usec = map(int, figures.read().split())
    if status != 0:
        raise AssertionError(f'{command}: exit {status}')
    return usec / 1e6, peak_kib


def with_before(ways, command_of=lambda way: way, replaced=lambda way, command: command):
    """@ways, and behind each that runs sinter-img the same with the former build."""
    more = {}
    for name, way in ways.items():
        more[name] = way
        command = command_of(way)
        if BEFORE and command[0] == SINTER_IMG:
            more[f'{name}, before'] = replaced(way, [BEFORE, *command[1:]])
    return more


class BesideCase(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix='sinter-bench-', dir=FOLDER)
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def needs(self, n_bytes, folder=None):
        folder = folder or self.folder
        if shutil.disk_usage(folder).free < n_bytes:
            self.skipTest(f'{folder} has no {n_bytes >> 20} MiB free')

    def qemu_img(self, *words):
        subprocess.run([QEMU_IMG, *words], cwd=self.folder, check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)

    def medians(self, ways, n_runs=N_RUNS):
        """{name: (seconds, KiB)}; all ways in turns, and a round before for the caches. One run
        alone is for what takes so long that caches are nothing to it."""
        ways = with_before(ways)
        runs = {name: [] for name in ways}
        n_rounds_before = 1 if n_runs > 1 else 0
        for turn in range(n_rounds_before + n_runs):
            for name, command in ways.items():
                taken = measured(command, self.folder)
                if turn >= n_rounds_before:
                    runs[name].append(taken)
        return {name: tuple(statistics.median(column) for column in zip(*taken))
                for name, taken in runs.items()}

    def tell(self, what, medians):
        tap.comment(f'{what}, median')
        for name, (seconds, kib) in medians.items():
            tap.comment(f'  {name:<34}{seconds * 1000:12.1f} ms {kib / 1024:10.1f} MiB')
            former = medians.get(f'{name}, before')
            if former:
                tap.comment(f'  {name} takes {seconds / former[0]:.2f} of the time before')

    def ratio(self, medians, name='qemu-img'):
        ratio = medians[name][0] / medians['sinter-img'][0]
        tap.comment(f'  {name} : sinter-img = {ratio:.1f}')
        return ratio
