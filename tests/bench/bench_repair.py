# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-img check -r all beside qemu-img check -r all: time and memory.

The images are metadata_image's: all metadata, the data a hole. Each run repairs a damaged copy of
its own, made anew before it; the copying is not measured.
"""

import os
import statistics
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import metadata_image                                                   # noqa: E402
from beside import (BesideCase, GIB, MIB, QEMU_IMG, SINTER_IMG, TIB,    # noqa: E402
                    measured)

N_RUNS = 3
REFTABLE_AT = 48        # in the header: offset of the refcount table, then its clusters


def refcount_table(path):
    """(offset, bytes) in the file."""
    with open(path, 'rb') as file:
        file.seek(20)
        cluster_bits, = struct.unpack('>I', file.read(4))
        file.seek(REFTABLE_AT)
        offset, clusters = struct.unpack('>QI', file.read(12))
    return offset, clusters << cluster_bits


def lose_refcounts(path):
    """The refcount table reads as zeros: every count is to be made anew."""
    offset, n_bytes = refcount_table(path)
    with open(path, 'r+b') as file:
        file.seek(offset)
        file.write(bytes(n_bytes))


def lose_some_counts(path):
    """The first refcount block reads as zeros."""
    with open(path, 'r+b') as file:
        file.seek(refcount_table(path)[0])
        block, = struct.unpack('>Q', file.read(8))
        file.seek(block)
        file.write(bytes(65536))


class Repair(BesideCase):
    def image(self, virtual_bytes, order, damage):
        """A damaged image, in the page cache."""
        path = self.path('image')
        self.needs(virtual_bytes // 1500 + 256 * MIB)
        metadata_image.write(path, virtual_bytes, order)
        damage(path)
        return path

    def medians_of_repairs(self, path, ways):
        """{name: (seconds, KiB)}; each run has a copy of its own."""
        runs = {name: [] for name in ways}
        for _ in range(N_RUNS):
            for name, command in ways.items():
                copy = self.path('copy')
                subprocess.run(['cp', '--sparse=always', '--reflink=auto', path, copy], check=True)
                runs[name].append(measured([*command, copy], self.folder))
                os.unlink(copy)
        return {name: tuple(statistics.median(column) for column in zip(*taken))
                for name, taken in runs.items()}

    def test_lost_refcounts_of_1_tib(self):
        path = self.image(TIB, 'sequential', lose_refcounts)
        medians = self.medians_of_repairs(path, {
            'sinter-img': [SINTER_IMG, 'check', '-r', 'all'],
            'qemu-img': [QEMU_IMG, 'check', '-r', 'all']})
        self.tell('1 TiB, all refcounts rebuilt', medians)
        self.assertGreaterEqual(self.ratio(medians), 10)
        self.assertLessEqual(medians['sinter-img'][1], medians['qemu-img'][1])

    def test_shuffled_entries_of_100_gib(self):
        """A repair takes at most twice what the check alone takes."""
        path = self.image(100 * GIB, 'shuffled', lambda path: None)
        sound = self.medians({'sinter-img': [SINTER_IMG, 'check', path]}, N_RUNS)
        lose_some_counts(path)
        medians = self.medians_of_repairs(path, {
            'sinter-img': [SINTER_IMG, 'check', '-r', 'all']})
        self.tell('100 GiB, shuffled L2 entries, check alone', sound)
        self.tell('100 GiB, shuffled L2 entries, check with repair', medians)
        self.assertLessEqual(medians['sinter-img'][0], 2 * sound['sinter-img'][0])


if __name__ == '__main__':
    unittest.main()
