# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-img check beside qemu-img check: time, memory, growth.

The images are metadata_image's: all metadata, the data a hole; the largest takes 2.6 GiB.
"""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import metadata_image                                                   # noqa: E402
from beside import BesideCase, GIB, MIB, QEMU_IMG, SINTER_IMG, TIB      # noqa: E402
from lib import tap                                                     # noqa: E402

# The cache that holds all refcount blocks, for whoever knows to ask for it.
CACHED = 'driver=qcow2,refcount-cache-size=64M,cache-size=80M,file.filename='

XFS = os.environ.get('SINTER_BENCH_XFS')


class Check(BesideCase):
    def image(self, virtual_bytes, order):
        """Written, and in the page cache: what is measured is the check, not the disk."""
        path = self.path('image')
        self.needs(virtual_bytes // 6000 + 64 * MIB)
        metadata_image.write(path, virtual_bytes, order)
        return path

    def test_full_metadata_of_1_tib(self):
        path = self.image(TIB, 'sequential')
        medians = self.medians({'sinter-img': [SINTER_IMG, 'check', path],
                                'qemu-img': [QEMU_IMG, 'check', path]})
        self.tell('1 TiB, all metadata', medians)
        self.assertGreaterEqual(self.ratio(medians), 5)
        self.assertLessEqual(medians['sinter-img'][1], medians['qemu-img'][1])

    def test_shuffled_entries_of_100_gib(self):
        path = self.image(100 * GIB, 'shuffled')
        medians = self.medians({'sinter-img': [SINTER_IMG, 'check', path],
                                'qemu-img, large cache': [QEMU_IMG, 'check', '--image-opts',
                                                          CACHED + path]})
        medians |= self.medians({'qemu-img': [QEMU_IMG, 'check', path]}, n_runs=1)
        self.tell('100 GiB, shuffled L2 entries', medians)
        self.assertGreaterEqual(self.ratio(medians), 200)
        self.assertGreaterEqual(self.ratio(medians, 'qemu-img, large cache'), 5)

    def test_grows_with_the_metadata(self):
        """From 64 GiB to 16 TiB: each step of 4 costs about 4 times as much."""
        if XFS:  # ext4 has no files as long as the largest
            holder = tempfile.TemporaryDirectory(prefix='sinter-bench-', dir=XFS)
            self.addCleanup(holder.cleanup)
            self.folder = holder.name
        costs = []
        for shift in (36, 38, 40, 42, 44):
            path = self.image(1 << shift, 'sequential')
            medians = self.medians({'sinter-img': [SINTER_IMG, 'check', path]}, 3)
            seconds, kib = medians['sinter-img']
            costs.append(seconds)
            tap.comment(f'{(1 << shift) // GIB:8} GiB {seconds * 1000:12.1f} ms '
                        f'{kib / 1024:10.1f} MiB {seconds * 1e9 / (1 << shift >> 16):8.1f} '
                        'ns a cluster')
            os.unlink(path)
        # the small ones are ruled by what every start of a program costs
        self.assertLess(costs[4] / costs[2], 16 * 2)


if __name__ == '__main__':
    unittest.main()
