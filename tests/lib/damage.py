# SPDX-License-Identifier: LGPL-2.1-or-later
"""Damage for images of tests that need an image which a check finds fault with."""

import struct


def break_l2_entry(path, index=0):
    """Makes an entry of the first L2 table refer to a place far behind the end of the file. Returns
    the guest offset that is lost."""
    with open(path, 'r+b') as file:
        header = file.read(104)
        cluster_bits, = struct.unpack_from('>I', header, 20)
        l1_offset, = struct.unpack_from('>Q', header, 40)
        file.seek(l1_offset)
        l2_offset = struct.unpack('>Q', file.read(8))[0] & 0x00fffffffffffe00
        assert l2_offset, f'{path}: the first L2 table is not there'
        file.seek(l2_offset + 8 * index)
        file.write(struct.pack('>Q', 1 << 63 | 1 << 40))
    return index << cluster_bits


def break_refcounts(path):
    """One cluster more is counted as used than is (a leak), and the first L2 table is counted as not
    used (corruption); nothing that a guest reads is changed. For refcounts of 16 bits."""
    with open(path, 'r+b') as file:
        header = file.read(104)
        cluster_bits, = struct.unpack_from('>I', header, 20)
        l1_offset, table_offset = struct.unpack_from('>QQ', header, 40)
        file.seek(l1_offset)
        l2_offset = struct.unpack('>Q', file.read(8))[0] & 0x00fffffffffffe00
        file.seek(table_offset)
        block_offset = struct.unpack('>Q', file.read(8))[0] & ~0x1ff
        n_clusters = (file.seek(0, 2) + (1 << cluster_bits) - 1) >> cluster_bits
        for cluster, count in (l2_offset >> cluster_bits, 0), (n_clusters, 1):
            file.seek(block_offset + 2 * cluster)
            file.write(struct.pack('>H', count))
        file.truncate((n_clusters + 1) << cluster_bits)


def spoil_first_entry(path):
    """Makes the first used L2 entry of a qcow2 image point to a place that is not aligned."""
    with open(path, 'r+b') as file:
        n_l1, l1_offset = struct.unpack('>IQ', file.read(48)[36:48])
        file.seek(l1_offset)
        tables = struct.unpack(f'>{n_l1}Q', file.read(8 * n_l1))
        table = next(entry & 0x00fffffffffffe00 for entry in tables if entry)
        file.seek(table)
        entries = struct.unpack('>512Q', file.read(4096))
        first = next(index for index, entry in enumerate(entries) if entry)
        file.seek(table + 8 * first)
        file.write(struct.pack('>Q', entries[first] | 0x200))
