# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands that free space work when there is none: on a tmpfs, ext4 and XFS without a free block,
and on a device without a free byte."""

import itertools
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '..', 'images')]
import img  # noqa: E402
from test_full import KIB, MIB, Mounted, OnFull  # noqa: E402
from lib.filesystem import SmallFilesystem  # noqa: E402

KINDS = ['cluster_size=64k', 'cluster_size=4k', 'cluster_size=512', 'compat=0.10',
         'extended_l2=on', 'cluster_size=64k,refcount_bits=4', 'cluster_size=2M']


class Frees(OnFull):
    """Each command on a file system that other files have filled to the last block."""

    def setUp(self):
        self.place = self.mount()
        self.folder = os.path.join(self.place, 'frees')
        os.mkdir(self.folder)
        self.addCleanup(shutil.rmtree, self.folder)
        self.raws = tempfile.mkdtemp(prefix='sinter-full-')
        self.addCleanup(shutil.rmtree, self.raws)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_qemu(self, *args):
        done = img.theirs(*args, folder=self.folder)
        self.assertEqual(done.status, 0, f'{args}: {done}')
        return done

    def io(self, name, *commands):
        words = [word for command in commands for word in ('-c', command)]
        done = subprocess.run([img.QEMU_IO, '-f', 'qcow2', *words, name], cwd=self.folder,
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)

    def reads(self, name, *options):
        raw = os.path.join(self.raws, 'read')
        self.run_qemu('convert', '-f', 'qcow2', *options, '-O', 'raw', name, raw)
        with open(raw, 'rb') as file:
            return file.read()

    def on_full(self, *args, status=0):
        """Runs it with no block left; returns how many bytes it made free."""
        filler = os.path.join(self.place, 'filler')
        os.sync()
        self.fill(filler, 0)
        # a fragment of a block may still take a small file
        small = []
        try:
            while True:
                small.append(f'{filler}.{len(small)}')
                with open(small[-1], 'wb') as file:
                    file.write(b'x' * 4096)
                    file.flush()
                    os.fsync(file.fileno())
        except OSError:
            pass
        before = self.used()
        try:
            self.done = done = img.ours(*args, folder=self.folder)
            os.sync()
            self.assertEqual(done.status, status, f'{args}: {done}')
            return before - self.used()
        finally:
            for path in (filler, *small):
                if os.path.exists(path):
                    os.unlink(path)

    def make(self, kind, snapshots=('one', 'two', 'three')):
        """A disk that changed a little after each of its snapshots."""
        self.run_qemu('create', '-q', '-f', 'qcow2', '-o', kind, 'disk', '4M')
        self.io('disk', 'write -q -P 1 0 1M')
        for i, name in enumerate(snapshots):
            self.run_qemu('snapshot', '-c', name, 'disk')
            self.io('disk', f'write -q -P {i + 2} {i * 128}k 192k')

    def assert_sound(self, name):
        done = img.theirs('check', '-f', 'qcow2', name, folder=self.folder)
        self.assertEqual(done.status, 0, done)

    def test_snapshots(self):
        for kind, order in itertools.product(KINDS, (('one', 'two', 'three'),
                                                     ('three', 'two', 'one'),
                                                     ('two', 'one', 'three'))):
            with self.subTest(kind=kind, order=order):
                self.make(kind)
                shown = {name: self.reads('disk', '-l', name) for name in order}
                content, freed = self.reads('disk'), 0
                for name in order:
                    freed += self.on_full('snapshot', '-d', name, 'disk')
                    del shown[name]
                    self.assert_sound('disk')
                    self.assertTrue(self.reads('disk') == content)
                    for other, expected in shown.items():
                        self.assertTrue(self.reads('disk', '-l', other) == expected, other)
                self.assertGreater(freed, 256 * KIB)
                os.unlink(self.path('disk'))

    def test_snapshot_that_shares_all(self):
        """Nothing but tables is freed."""
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.run_qemu('create', '-q', '-f', 'qcow2', '-o', kind, 'disk', '4M')
                self.io('disk', 'write -q -P 1 0 1M')
                self.run_qemu('snapshot', '-c', 'one', 'disk')
                content = self.reads('disk')
                self.on_full('snapshot', '-d', 'one', 'disk')
                self.assert_sound('disk')
                self.assertTrue(self.reads('disk') == content)

    def bitmaps(self):
        done = self.run_qemu('info', '-f', 'qcow2', 'disk')
        return [line.split()[-1] for line in done.stdout.decode().splitlines()
                if line.strip().startswith('name: ')]

    def test_bitmaps(self):
        for kind, order in itertools.product([kind for kind in KINDS if 'compat' not in kind],
                                             itertools.permutations(['a', 'b', 'c'])):
            with self.subTest(kind=kind, order=order):
                self.run_qemu('create', '-q', '-f', 'qcow2', '-o', kind, 'disk', '4M')
                for name in ('a', 'b', 'c'):
                    self.run_qemu('bitmap', '--add', '-g', '512', 'disk', name)
                    # 'c' stays without bits
                    if name != 'c':
                        self.io('disk', 'write -q -P 1 0 1M')
                left = ['a', 'b', 'c']
                for name in order:
                    self.on_full('bitmap', '--remove', 'disk', name)
                    left.remove(name)
                    self.assertEqual(self.bitmaps(), left)
                    self.assert_sound('disk')

    def test_merges(self):
        """All that moves is written over what the base holds."""
        def chain():
            self.run_qemu('create', '-q', '-f', 'qcow2', 'base', '8M')
            self.io('base', 'write -q -P 1 0 8M')
            for name, below, byte in (('mid', 'base', 2), ('top', 'mid', 3)):
                self.run_qemu('create', '-q', '-f', 'qcow2', '-b', below, '-F', 'qcow2', name)
                self.io(name, f'write -q -P {byte} {byte}M 2M')
        for words, result, gone in (
                (['merge', '-q', '--down', '--delete', 'top'], 'base', ['mid', 'top']),
                (['merge', '-q', '--down', '--delete', '--top', 'mid', 'top'], 'top', ['mid']),
                (['remove', '-q', '--delete', 'top', 'mid'], 'top', ['mid'])):
            with self.subTest(words=words):
                chain()
                content = self.reads('top')
                freed = self.on_full(*words)
                self.assertTrue(self.reads(result) == content)
                self.assertEqual([name for name in gone if os.path.exists(self.path(name))], [])
                self.assertEqual([name for name in os.listdir(self.folder) if 'journal' in name],
                                 [])
                self.assertGreater(freed, MIB)
                self.assert_sound(result)

    def test_copy_over_a_copy(self):
        """The former copy is kept, and what is missing is told."""
        self.run_qemu('create', '-q', '-f', 'qcow2', 'disk', '8M')
        self.io('disk', 'write -q -P 1 0 4M')
        # a file system that has some blocks left needs as much less
        for args, more in ((['-O', 'raw'], r'about 4\.[23]\d? MiB more'),
                           (['-O', 'qcow2'], r'about 4\.[23]\d? MiB more'),
                           (['-c', '-O', 'qcow2'], r'for both\n')):
            with self.subTest(args=args):
                with open(self.path('copy'), 'wb') as file:
                    file.write(b'former' * 1000)
                self.on_full('convert', *args, 'disk', 'copy', status=1)
                said = self.done.stderr.decode()
                self.assertIn('The existing file is kept until the copy is complete', said)
                self.assertRegex(said, more)
                with open(self.path('copy'), 'rb') as file:
                    self.assertEqual(file.read(), b'former' * 1000)
        os.unlink(self.path('copy'))
        self.on_full('convert', '-O', 'raw', 'disk', 'copy', status=1)
        self.assertNotIn('existing', self.done.stderr.decode())

    def test_what_a_failure_leaves(self):
        """A command that needs space and fails takes none, however often it is tried."""
        self.make('cluster_size=64k')
        self.run_qemu('snapshot', '-d', 'two', 'disk')      # free clusters within the file
        rand = random.Random(img.SEED)
        for words in (['snapshot', '-c', 'new', 'disk'], ['bitmap', '--add', 'disk', 'marks'],
                      ['amend', '-o', 'refcount_bits=64', 'disk']) * 2:
            leave = rand.randrange(3) * 4 * KIB
            filler = os.path.join(self.place, 'filler')
            os.sync()
            self.fill(filler, leave)
            before = self.used()
            done = img.ours(*words, folder=self.folder)
            os.sync()
            self.assertEqual(done.status, 1, f'{words}: {done}')
            self.assertLessEqual(self.used(), before, words)
            os.unlink(filler)
            self.assert_sound('disk')


class Tmpfs(Frees, unittest.TestCase):
    def mount(self):
        path = tempfile.mkdtemp(prefix='sinter-tmpfs-')
        self.addCleanup(os.rmdir, path)
        place = SmallFilesystem(path, 48 * MIB)
        self.addCleanup(place.unmount)
        return path


class Ext4(Mounted, Frees, unittest.TestCase):
    variable = 'SINTER_TEST_FULL_EXT4'


class Xfs(Mounted, Frees, unittest.TestCase):
    variable = 'SINTER_TEST_FULL_XFS'


if __name__ == '__main__':
    unittest.main()
