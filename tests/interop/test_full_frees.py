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

    shares = False      # blocks between files

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

    def on_full(self, *args, status=0, leave_bytes=0):
        """Runs it with no block left, or so many bytes; returns how many bytes it made free."""
        filler = os.path.join(self.place, 'filler')
        os.sync()
        self.fill(filler, leave_bytes)
        # a fragment of a block may still take a small file
        small = []
        try:
            while not leave_bytes:
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

    def test_bitmaps_of_a_long_directory(self):
        """A directory of more than a sector does not change at once: it needs a place."""
        names = [f'{"bitmap" * 6}-{i}' for i in range(12)]
        for kind in ('cluster_size=64k', 'cluster_size=4k', 'cluster_size=512'):
            with self.subTest(kind=kind):
                self.run_qemu('create', '-q', '-f', 'qcow2', '-o', kind, 'disk', '4M')
                self.io('disk', 'write -q -P 7 0 2M')
                for name in names:
                    self.run_qemu('bitmap', '--add', '-g', '512', 'disk', name)
                    # every other one gets bits
                    if int(name[-1]) % 2:
                        self.io('disk', 'write -q -P 1 0 1M')
                        self.run_qemu('bitmap', '--disable', 'disk', name)
                left = list(names)
                for name in random.Random(img.SEED).sample(names, len(names)):
                    self.on_full('bitmap', '--remove', 'disk', name)
                    left.remove(name)
                    self.assertEqual(sorted(self.bitmaps()), sorted(left))
                    self.assert_sound('disk')

    def test_merges_that_need_what_they_free(self):
        """Each image holds what the others do not: 6 MiB move where there is less than one."""
        def chain():
            below = []
            for i, name in enumerate(('base', 'low', 'mid', 'top')):
                self.run_qemu('create', '-q', '-f', 'qcow2', *below, name, '8M')
                self.io(name, *(f'write -q -P {i + 1} {at * 512 + i * 128}k 128k'
                                for at in range(16)))
                below = ['-b', name, '-F', 'qcow2']
        for words, result in ((['merge', '-q', '--down', '--delete', 'top'], 'base'),
                              (['merge', '-q', '--up', '--delete', 'top'], 'top'),
                              (['remove', '-q', '--delete', 'top', 'mid'], 'top')):
            with self.subTest(words=words):
                chain()
                content = self.reads('top')
                without = [word for word in words if word != '--delete']
                if words[0] == 'merge' and not self.shares:
                    self.on_full(*without, status=1, leave_bytes=768 * KIB)
                    self.assertIn(b'No space left on device', self.done.stderr)
                    self.assertTrue(self.reads('top') == content)
                self.on_full(*words, leave_bytes=768 * KIB)
                self.assertTrue(self.reads(result) == content)
                self.assertEqual([name for name in os.listdir(self.folder) if 'journal' in name],
                                 [])
                self.assert_sound(result)
                for name in os.listdir(self.folder):
                    os.unlink(self.path(name))

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
    shares = True
    variable = 'SINTER_TEST_FULL_XFS'


LOOP = os.environ.get('SINTER_TEST_LOOP_1')


@unittest.skipUnless(LOOP, 'no loop device: SINTER_TEST_LOOP_1')
class FullDevice(img.ImgCase):
    """An image that has used up its device, without a free cluster in it."""

    def fill(self):
        """Writes until there is no cluster left."""
        words = [word for at in range(0, 16 * MIB, 64 * KIB)
                 for word in ('-c', f'write -q -P 9 {at} 64k')]
        done = subprocess.run([img.QEMU_IO, '-f', 'qcow2', *words, LOOP], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertIn(b'No space left', done.stdout)

    def make(self, kind='cluster_size=64k'):
        self.qemu('create', '-q', '-f', 'qcow2', '-o', kind, LOOP, '64M')
        self.io('write -q -P 1 0 2M', name=LOOP, options=['-f', 'qcow2'])

    def done(self, *args, status=0):
        done = img.ours(*args, folder=self.folder)
        self.assertEqual(done.status, status, f'{args}: {done}')
        return done

    def sound(self):
        done = img.theirs('check', '-f', 'qcow2', LOOP, folder=self.folder)
        self.assertEqual(done.status, 0, done)

    def reads(self, name=None, *options):
        self.qemu('convert', '-f', 'qcow2', *options, '-O', 'raw', name or LOOP, 'read.raw')
        return self.content('read.raw')

    def test_snapshots(self):
        for order in (('one', 'two', 'three'), ('three', 'one', 'two')):
            self.make()
            for i, name in enumerate(('one', 'two', 'three')):
                self.qemu('snapshot', '-c', name, LOOP)
                self.io(f'write -q -P {i + 3} {i}M 128k', name=LOOP, options=['-f', 'qcow2'])
            self.fill()
            content = self.reads()
            for name in order:
                self.done('snapshot', '-d', name, LOOP)
                self.sound()
                self.assertTrue(self.reads() == content)

    def test_bitmaps(self):
        for names in (['a', 'b', 'c'], [f'{"bitmap" * 6}-{i}' for i in range(12)]):
            self.make()
            for name in names:
                self.qemu('bitmap', '--add', '-f', 'qcow2', LOOP, name)
            self.io('write -q -P 2 0 1M', name=LOOP, options=['-f', 'qcow2'])
            self.fill()
            content = self.reads()
            for name in names:
                self.done('bitmap', '--remove', LOOP, name)
                self.sound()
                self.assertTrue(self.reads() == content)

    def test_merges(self):
        """Into the image on the device, over what it holds; and out of it."""
        self.make()
        self.fill()
        self.qemu('create', '-q', '-f', 'qcow2', '-b', LOOP, '-F', 'qcow2', 'mid')
        self.io('write -q -P 4 1M 512k', 'write -q -z 2M 128k', name='mid')
        self.qemu('create', '-q', '-f', 'qcow2', '-b', 'mid', '-F', 'qcow2', 'top')
        self.io('write -q -P 5 1M 128k', name='top')
        content = self.reads('top')
        self.done('remove', '-q', '--delete', 'top', 'mid')
        self.assertTrue(self.reads('top') == content)
        self.done('merge', '-q', '--down', '--delete', 'top')
        self.assertTrue(self.reads() == content)
        self.sound()
        self.assertEqual([name for name in os.listdir(self.folder) if name != 'read.raw'], [])


if __name__ == '__main__':
    unittest.main()
