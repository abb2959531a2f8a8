# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-img map, compare and reading out beside qemu-img.

What is read lies in the page cache and what is written in memory (/dev/shm): measured is the work,
not the disk. The outputs of map and the copies are the same to the byte.
"""

import os
import random
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import chain_image                                                      # noqa: E402
from beside import BesideCase, GIB, MIB, QEMU_IMG, SINTER_IMG           # noqa: E402
from lib import tap                                                     # noqa: E402

N_EXTENTS = 50000
DISK_BYTES = 512 * MIB
MEMORY = '/dev/shm'


class Map(BesideCase):
    def output(self, program, path):
        return subprocess.run([program, 'map', '--output=json', path], check=True,
                              stdout=subprocess.PIPE).stdout

    def compare(self, what, path):
        output = self.output(SINTER_IMG, path)
        self.assertTrue(output == self.output(QEMU_IMG, path), 'other maps')
        n_extents = output.count(b'"start"')
        self.assertGreaterEqual(n_extents, N_EXTENTS)
        medians = self.medians({'sinter-img': [SINTER_IMG, 'map', '--output=json', path],
                                'qemu-img': [QEMU_IMG, 'map', '--output=json', path]})
        self.tell(f'map of three layers, {n_extents} extents, {what}', medians)
        return self.ratio(medians)

    def test_three_layers(self):
        """The layers have space behind their data, as images in use have."""
        self.needs(4 * GIB)
        path = chain_image.write_chain(self.folder, 5 * GIB)
        for name in os.listdir(self.folder):
            with open(self.path(name), 'r+b') as file:
                os.posix_fallocate(file.fileno(), 0, os.path.getsize(self.path(name)))
                while file.read(MIB):   # space that was never read is a hole to the file system
                    pass
        self.assertGreaterEqual(self.compare('data there', path), 3)

    def test_three_layers_of_holes(self):
        """Both ask the file system about every extent."""
        path = chain_image.write_chain(self.folder, 5 * GIB)
        self.assertGreaterEqual(self.compare('the data a hole', path), 1.5)


class Content(BesideCase):
    """A disk three quarters full, of which half compresses well: as a qcow2 image that was written
    from front to back, one in two layers with gaps, and a compressed one."""

    @classmethod
    def write_raw(cls, path):
        rand = random.Random(1)
        with open(path, 'wb') as file:
            file.truncate(DISK_BYTES)
            for offset in range(0, DISK_BYTES, MIB):
                kind = rand.randrange(4)
                if kind > 0:
                    word = rand.randbytes(64) if kind == 1 else rand.randbytes(MIB)
                    file.seek(offset)
                    file.write((word * (MIB // len(word)))[:MIB])

    def setUp(self):
        super().setUp()
        self.needs(3 * DISK_BYTES)
        self.write_raw(self.path('raw'))

    def images(self):
        self.qemu_img('convert', '-O', 'qcow2', 'raw', 'plain')
        yield 'plain'
        os.unlink(self.path('plain'))
        self.layers()
        yield 'layers'
        for name in ('layers', 'below'):
            os.unlink(self.path(name))
        self.qemu_img('convert', '-c', '-O', 'qcow2', 'raw', 'compressed')
        yield 'compressed'

    def layers(self):
        """What the raw file holds, every other 64 KiB of it in the upper layer."""
        self.qemu_img('create', '-q', '-f', 'qcow2', 'below', str(DISK_BYTES))
        self.qemu_img('convert', '-n', '-O', 'qcow2', 'raw', 'below')
        self.qemu_img('create', '-q', '-f', 'qcow2', '-b', 'below', '-F', 'qcow2', 'layers')
        with open(self.path('raw'), 'rb') as file:
            commands = []
            for offset in range(0, DISK_BYTES // 4, 2 * 65536):
                file.seek(offset)
                piece = file.read(65536)
                if any(piece):
                    commands += ['-c', f'write -q -s raw.piece {offset} 65536']
                    with open(self.path('raw.piece'), 'wb') as out:
                        out.write(piece)
                    subprocess.run(['qemu-io', '-f', 'qcow2', *commands[-2:], 'layers'],
                                   cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def test_compare(self):
        for name in self.images():
            words = ['compare', '-f', 'qcow2', '-F', 'raw', name, 'raw']
            medians = self.medians({'sinter-img': [SINTER_IMG, *words],
                                    'qemu-img': [QEMU_IMG, *words]})
            self.tell(f'compare of a disk of 512 MiB with a raw file: {name}', medians)
            with self.subTest(image=name):
                self.assertGreaterEqual(self.ratio(medians), 1.5)

    def test_read_out(self):
        """Into a file that is there: making room for a new one costs both the same, and more than
        all the rest."""
        self.needs(2 * DISK_BYTES, MEMORY)
        with tempfile.TemporaryDirectory(prefix='sinter-bench-', dir=MEMORY) as memory:
            ours, theirs = os.path.join(memory, 'ours'), os.path.join(memory, 'theirs')
            for name in self.images():
                for target in (ours, theirs):
                    self.qemu_img('convert', '-S', '0', '-O', 'raw', 'raw', target)
                words = ['convert', '-n', '--target-is-zero', '-f', 'qcow2', '-O', 'raw', name]
                medians = self.medians({'sinter-img': [SINTER_IMG, *words, ours],
                                        'qemu-img': [QEMU_IMG, *words, theirs]})
                self.tell(f'reading out a disk of 512 MiB: {name}', medians)
                for target in (ours, theirs):
                    subprocess.run(['cmp', target, self.path('raw')], check=True)
                to_pipe = self.medians({'sinter-img': [SINTER_IMG, 'convert', *words[3:], '-']})
                tap.comment(f'  to standard output {to_pipe["sinter-img"][0] * 1000:29.1f} ms')
                with self.subTest(image=name):
                    self.assertGreaterEqual(self.ratio(medians), 1.5)


if __name__ == '__main__':
    unittest.main()
