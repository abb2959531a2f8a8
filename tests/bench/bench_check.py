# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-img check beside qemu-img check, in turns, in one run: time, memory, growth.

The images are metadata_image's: all metadata, the data a hole. SINTER_BENCH_FOLDER says where they
are made; the largest takes 2.6 GiB there.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import metadata_image                                                   # noqa: E402
from lib import tap                                                     # noqa: E402

SINTER_IMG = os.environ.get('SINTER_IMG', 'sinter-img')
MEASURE = os.environ.get('SINTER_MEASURE', 'measure')
FOLDER = os.environ.get('SINTER_BENCH_FOLDER')
QEMU_IMG = shutil.which('qemu-img')
N_RUNS = 5
GIB, TIB = 1 << 30, 1 << 40
# The cache that holds all refcount blocks, for whoever knows to ask for it.
CACHED = 'driver=qcow2,refcount-cache-size=64M,cache-size=80M,file.filename='


def measured(command):
    """(seconds, peak KiB) of one run. Started by a small program: the peak begins with its own."""
    with tempfile.NamedTemporaryFile() as figures:
        start = time.monotonic()
        subprocess.run([MEASURE, figures.name, *command], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        seconds = time.monotonic() - start
        status, _cpu_msec, peak_kib = map(int, figures.read().split())
    if status != 0:
        raise AssertionError(f'{command}: exit {status}')
    return seconds, peak_kib


class Check(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix='sinter-bench-', dir=FOLDER)
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def image(self, virtual_bytes, order):
        """Written, and in the page cache: what is measured is the check, not the disk."""
        path = os.path.join(self.folder, 'image')
        wanted = virtual_bytes // 6000 + (64 << 20)
        if shutil.disk_usage(self.folder).free < wanted:
            self.skipTest(f'{self.folder} has no {wanted >> 20} MiB free')
        metadata_image.write(path, virtual_bytes, order)
        return path

    def medians(self, ways, n_runs=N_RUNS):
        """{name: (seconds, KiB)}; all ways in turns, the first round for the caches."""
        runs = {name: [] for name in ways}
        for turn in range(n_runs + 1):
            for name, command in ways.items():
                taken = measured(command)
                if turn > 0 or n_runs == 1:
                    runs[name].append(taken)
        return {name: tuple(statistics.median(column) for column in zip(*taken))
                for name, taken in runs.items()}

    def tell(self, what, medians):
        tap.comment(f'{what}, median')
        for name, (seconds, kib) in medians.items():
            tap.comment(f'  {name:<34}{seconds * 1000:12.1f} ms {kib / 1024:10.1f} MiB')

    def ratio(self, medians, name):
        ratio = medians[name][0] / medians['sinter-img'][0]
        tap.comment(f'  {name} : sinter-img = {ratio:.1f}')
        return ratio

    def test_full_metadata_of_1_tib(self):
        path = self.image(TIB, 'sequential')
        medians = self.medians({'sinter-img': [SINTER_IMG, 'check', path],
                                'qemu-img': [QEMU_IMG, 'check', path]})
        self.tell('1 TiB, all metadata', medians)
        self.assertGreaterEqual(self.ratio(medians, 'qemu-img'), 5)
        self.assertLessEqual(medians['sinter-img'][1], medians['qemu-img'][1])

    def test_shuffled_entries_of_100_gib(self):
        path = self.image(100 * GIB, 'shuffled')
        medians = self.medians({'sinter-img': [SINTER_IMG, 'check', path],
                                'qemu-img, large cache': [QEMU_IMG, 'check', '--image-opts',
                                                          CACHED + path]})
        medians |= self.medians({'qemu-img': [QEMU_IMG, 'check', path]}, n_runs=1)
        self.tell('100 GiB, shuffled L2 entries', medians)
        self.assertGreaterEqual(self.ratio(medians, 'qemu-img'), 200)
        self.assertGreaterEqual(self.ratio(medians, 'qemu-img, large cache'), 5)

    def test_grows_with_the_metadata(self):
        """From 64 GiB to 16 TiB: each step of 4 costs about 4 times as much."""
        costs = []
        for shift in (36, 38, 40, 42, 44):
            path = self.image(1 << shift, 'sequential')
            seconds, kib = self.medians({'sinter-img': [SINTER_IMG, 'check', path]}, 3)['sinter-img']
            costs.append(seconds)
            tap.comment(f'{(1 << shift) // GIB:8} GiB {seconds * 1000:12.1f} ms '
                        f'{kib / 1024:10.1f} MiB {seconds * 1e9 / (1 << shift >> 16):8.1f} '
                        'ns a cluster')
            os.unlink(path)
        # the small ones are ruled by what every start of a program costs
        self.assertLess(costs[4] / costs[2], 16 * 2)


if __name__ == '__main__':
    unittest.main()
