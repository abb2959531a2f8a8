# SPDX-License-Identifier: LGPL-2.1-or-later
"""The writing verbs beside qemu-img, in turns, in one run; both are durable at the end: what
qemu-img wrote is synced, and that counts. Medians of time, peaks of memory.

SINTER_BENCH_FOLDER says where images are made (about 12 GiB), SINTER_BENCH_XFS names a folder on XFS
with reflink. SINTER_BENCH_SCALE=8 makes all disks an eighth as large, to try the bench itself.
"""

import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import data_image                                                       # noqa: E402
from beside import BesideCase, GIB, MIB, N_RUNS, QEMU_IMG, SINTER_IMG, measured, with_before  # noqa: E402
from lib import tap                                                     # noqa: E402

SCALE = int(os.environ.get('SINTER_BENCH_SCALE', '1'))
XFS = os.environ.get('SINTER_BENCH_XFS')
CLUSTER = data_image.CLUSTER
PEAK_KIB = 64 * 1024


def scattered(virtual_bytes, n_bytes, seed):
    """So many of the disk's clusters, in no order."""
    return random.Random(seed).sample(range(virtual_bytes // CLUSTER), n_bytes // CLUSTER)


def in_order(virtual_bytes):
    return range(virtual_bytes // CLUSTER)


def synced(command, name):
    """The command, and then the file made durable."""
    return ['/bin/sh', '-c', '"$@" && exec sync "$0"', name, *command]


def theirs(*words, wrote):
    return synced([QEMU_IMG, *words], wrote)


class WriteCase(BesideCase):
    def in_turns(self, ways):
        """{name: (seconds, KiB)}; a way is (what makes its files anew, or None, command)."""
        ways = with_before(ways, lambda way: way[1], lambda way, command: (way[0], command))
        runs = {name: [] for name in ways}
        for turn in range(1 + N_RUNS):
            for name, (prepare, command) in ways.items():
                if prepare:
                    prepare()
                os.sync()
                taken = measured(command, self.folder)
                if turn > 0:
                    runs[name].append(taken)
        return {name: (statistics.median(seconds for seconds, _ in taken),
                       max(kib for _, kib in taken)) for name, taken in runs.items()}

    def compare(self, what, ways, at_least):
        medians = self.in_turns(ways)
        self.tell(what, medians)
        ratio = self.ratio(medians)
        self.assertLessEqual(medians['sinter-img'][1], PEAK_KIB)
        if SCALE == 1:
            self.assertGreaterEqual(ratio, at_least)
        return medians

    def copier(self, source, target, reflink='auto'):
        def copy():
            subprocess.run(['cp', f'--reflink={reflink}', self.path(source), self.path(target)],
                           check=True)
        return copy

    def remover(self, name):
        def remove():
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))
        return remove

    def same_disk(self, one, other):
        """However they came to be."""
        self.qemu_img('compare', '-f', 'qcow2', '-F', 'qcow2', one, other)


class Commit(WriteCase):
    """2 GiB of scattered clusters into a base of 3 GiB. The overlays are kept, so that the same work
    is there to be done again."""

    disk, moved = 3 * GIB // SCALE, 2 * GIB // SCALE

    def make(self, *suffixes):
        self.needs((self.disk + self.moved) * len(suffixes) + GIB // SCALE)
        guests = scattered(self.disk, self.moved, 1)
        for suffix in suffixes:
            data_image.write(self.path('base' + suffix), self.disk, in_order(self.disk), seed=2)
            data_image.write(self.path('top' + suffix), self.disk, guests, 'base' + suffix)

    def ours(self, suffix):
        return [SINTER_IMG, 'commit', '-q', '-d', '-f', 'qcow2', 'top' + suffix]

    def qemus(self, suffix):
        return theirs('commit', '-q', '-d', '-f', 'qcow2', 'top' + suffix, wrote='base' + suffix)

    def test_scattered_clusters(self):
        self.make('.s', '.q')
        self.needs(self.moved * 2)
        with open(self.path('bytes'), 'wb') as file:
            data_image.write_data(file, range(self.moved // CLUSTER), 3)
        medians = self.compare(f'commit of {self.moved // MIB} MiB into {self.disk // MIB} MiB', {
            'sinter-img': (None, self.ours('.s')),
            'qemu-img': (None, self.qemus('.q')),
            'cp and sync': (None, synced(['cp', '--reflink=never', 'bytes', 'copy'], 'copy')),
        }, at_least=3)
        beside_cp = medians['sinter-img'][0] / medians['cp and sync'][0]
        tap.comment(f'  sinter-img : cp and sync = {beside_cp:.2f}')
        self.same_disk('base.s', 'base.q')
        if SCALE == 1:
            self.assertLessEqual(beside_cp, 1.3)

    @unittest.skipUnless(XFS, 'no XFS with reflink: SINTER_BENCH_XFS')
    def test_reflink(self):
        """Ours gets a base whose blocks are not yet the overlay's each time; qemu-img writes over
        its own base in place, which is the best that it can have."""
        holder = tempfile.TemporaryDirectory(prefix='sinter-bench-', dir=XFS)
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        self.make('.s', '.q')
        os.rename(self.path('base.s'), self.path('master'))
        self.compare('the same on XFS with reflink', {
            'sinter-img': (self.copier('master', 'base.s', 'always'), self.ours('.s')),
            'qemu-img': (None, self.qemus('.q')),
        }, at_least=10)
        self.same_disk('base.s', 'base.q')


class Flatten(WriteCase):
    """A disk in three layers, each with a third of it."""

    disk = GIB // SCALE

    def setUp(self):
        super().setUp()
        self.needs(self.disk * 8)
        data_image.write(self.path('base'), self.disk, in_order(self.disk), seed=4)
        data_image.write(self.path('mid'), self.disk, scattered(self.disk, self.disk // 3, 5),
                         'base', seed=5)
        data_image.write(self.path('top'), self.disk, scattered(self.disk, self.disk // 3, 6),
                         'mid', seed=6)

    def test_rebase_to_none(self):
        words = ['rebase', '-f', 'qcow2', '-b', '']
        self.compare('rebase to none', {
            'sinter-img': (self.copier('top', 'top.s'), [SINTER_IMG, *words, 'top.s']),
            'qemu-img': (self.copier('top', 'top.q'), theirs(*words, 'top.q', wrote='top.q')),
        }, at_least=2.5)
        self.same_disk('top.s', 'top')

    def test_rebase_onto_the_base(self):
        words = ['rebase', '-f', 'qcow2', '-F', 'qcow2', '-b', 'base']
        self.compare('rebase onto the next but one', {
            'sinter-img': (self.copier('top', 'top.s'), [SINTER_IMG, *words, 'top.s']),
            'qemu-img': (self.copier('top', 'top.q'), theirs(*words, 'top.q', wrote='top.q')),
        }, at_least=2.5)
        self.same_disk('top.s', 'top')

    def test_convert(self):
        words = ['convert', '-f', 'qcow2', '-O', 'qcow2', 'top']
        self.compare('convert of three layers into one image', {
            'sinter-img': (self.remover('new.s'), [SINTER_IMG, *words, 'new.s']),
            'qemu-img': (self.remover('new.q'), theirs(*words, 'new.q', wrote='new.q')),
        }, at_least=2.5)
        self.same_disk('new.s', 'new.q')


class Compressed(WriteCase):
    """A compressed image, of data that halves."""

    disk = GIB // SCALE

    def setUp(self):
        super().setUp()
        self.needs(self.disk * 6)
        noise = random.Random(7)
        with open(self.path('raw'), 'wb') as file:
            for _ in range(self.disk // MIB):
                half = noise.randbytes(MIB // 2)
                file.write(b''.join(half[at:at + 64] + bytes(64) for at in range(0, len(half), 64)))
        self.qemu_img('convert', '-W', '-c', '-f', 'raw', '-O', 'qcow2', 'raw', 'compressed')
        os.unlink(self.path('raw'))

    def check(self, what, *more):
        words = ['convert', *more, '-f', 'qcow2', '-O', 'qcow2', 'compressed']
        self.compare(what, {
            'sinter-img': (self.remover('new.s'), [SINTER_IMG, *words, 'new.s']),
            'qemu-img': (self.remover('new.q'), theirs(*words, 'new.q', wrote='new.q')),
        }, at_least=2)
        self.same_disk('new.s', 'new.q')

    def test_unpacked(self):
        self.check('convert of a compressed image')

    def test_kept(self):
        self.check('convert of a compressed image into one', '-c')


class Consolidate(WriteCase):
    """The image in the middle goes; half of what it holds nobody sees any longer."""

    disk = GIB // SCALE

    @unittest.skipUnless(shutil.which('strace'), 'lacks strace')
    def test_half_shadowed(self):
        self.needs(self.disk * 4)
        middle = scattered(self.disk, self.disk // 2, 8)
        hidden = middle[:len(middle) // 2]
        data_image.write(self.path('base'), self.disk, in_order(self.disk), seed=9)
        data_image.write(self.path('mid'), self.disk, middle, 'base', seed=8)
        data_image.write(self.path('top'), self.disk, hidden, 'mid', seed=10)
        self.qemu_img('convert', '-f', 'qcow2', '-O', 'qcow2', 'top', 'expected')
        done = subprocess.run(['strace', '-f', '-e', 'trace=pwrite64,copy_file_range', '-o', 'calls',
                               SINTER_IMG, 'merge', '--drop-shadowed', '--down', '--top', 'mid',
                               '--delete', '-f', 'qcow2', '--output=json', 'top'],
                              cwd=self.folder, check=True, stdout=subprocess.PIPE)
        plan = json.loads(done.stdout)
        with open(self.path('calls'), encoding='ascii', errors='replace') as calls:
            written = sum(map(int, re.findall(r'\) += (\d+)$', calls.read(), re.M)))
        seen = (len(middle) - len(hidden)) * CLUSTER
        tap.comment(f'merge of a half-shadowed layer of {len(middle) * CLUSTER // MIB} MiB: '
                    f'{seen / MIB:.1f} MiB are seen, {plan["bytes-to-move"] / MIB:.1f} MiB planned, '
                    f'{written / MIB:.2f} MiB written with all metadata')
        self.assertGreaterEqual(written, seen)
        self.assertLessEqual(plan['bytes-to-move'], seen)
        self.assertLessEqual(written, seen + MIB)
        self.same_disk('top', 'expected')
        self.assertFalse(os.path.exists(self.path('mid')))


if __name__ == '__main__':
    unittest.main()
