#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""qcow2 images whose metadata is whole and whose data is a hole: large disks in little space.

    write(path, virtual_bytes, order='sequential')   → a dict that says what was written

Every guest cluster is mapped, every reference count is right. In the sequential
order each L2 table stands before its data, as in an image that was written from
front to back; shuffled, the tables stand together and their entries point all
over the file, as in one that was written at random for years.

    metadata_image.py PATH SIZE [sequential|shuffled] [CLUSTER_BITS]     SIZE as 100G
"""

import array
import os
import random
import struct
import sys

COPIED = 1 << 63
SUFFIXES = {'M': 20, 'G': 30, 'T': 40, 'P': 50}


def size_of(text):
    return int(text[:-1]) << SUFFIXES[text[-1]] if text[-1] in SUFFIXES else int(text)


def clusters_of(n_bytes, cluster):
    return -(-n_bytes // cluster)


class Layout:
    """Where everything stands: header, refcount table, refcount blocks, L1, then tables and data."""

    def __init__(self, virtual_bytes, cluster_bits, interleaved):
        self.cluster = 1 << cluster_bits
        self.per_table = self.cluster // 8
        self.per_block = self.cluster // 2
        self.n_data = clusters_of(virtual_bytes, self.cluster)
        self.n_tables = clusters_of(self.n_data, self.per_table)
        self.l1_clusters = clusters_of(self.n_tables * 8, self.cluster)
        fixed = 1 + self.l1_clusters + self.n_tables + self.n_data
        self.n_blocks = self.reftable_clusters = 1
        while True:
            self.total = fixed + self.n_blocks + self.reftable_clusters
            blocks = clusters_of(self.total, self.per_block)
            table = clusters_of(blocks * 8, self.cluster)
            if (blocks, table) == (self.n_blocks, self.reftable_clusters):
                break
            self.n_blocks, self.reftable_clusters = blocks, table
        self.blocks = 1 + self.reftable_clusters
        self.l1 = self.blocks + self.n_blocks
        self.tables = self.l1 + self.l1_clusters
        self.interleaved = interleaved

    def table(self, index):
        """The cluster of an L2 table."""
        step = self.per_table + 1 if self.interleaved else 1
        return self.tables + index * step

    def table_data(self, index):
        """The number of the first data cluster of a table, and how many it has."""
        first = index * self.per_table
        return first, min(self.per_table, self.n_data - first)


def entries(layout, index, order):
    first, count = layout.table_data(index)
    if layout.interleaved:
        start = layout.table(index) + 1
        return array.array('Q', range(COPIED | start * layout.cluster,
                                      COPIED | (start + count) * layout.cluster, layout.cluster))
    base = layout.tables + layout.n_tables
    return array.array('Q', (COPIED | (base + host) * layout.cluster
                             for host in order[first:first + count]))


def big_endian(words):
    if sys.byteorder == 'little':
        words.byteswap()
    return words.tobytes()


def write_header(file, layout, virtual_bytes, cluster_bits):
    file.write(struct.pack('>4sIQIIQIIQQIIQ', b'QFI\xfb', 3, 0, 0, cluster_bits, virtual_bytes, 0,
                           layout.n_tables, layout.l1 * layout.cluster, layout.cluster,
                           layout.reftable_clusters, 0, 0))
    file.write(struct.pack('>QQQIIQ', 0, 0, 0, 4, 112, 0))


def write(path, virtual_bytes, order='sequential', cluster_bits=16, seed=1):
    layout = Layout(virtual_bytes, cluster_bits, order == 'sequential')
    hosts = list(range(layout.n_data)) if order == 'shuffled' else None
    if hosts:
        random.Random(seed).shuffle(hosts)
    with open(path, 'wb') as file:
        file.truncate(layout.total * layout.cluster)
        write_header(file, layout, virtual_bytes, cluster_bits)
        file.seek(layout.cluster)
        file.write(big_endian(array.array('Q', range(
            layout.blocks * layout.cluster,
            (layout.blocks + layout.n_blocks) * layout.cluster, layout.cluster))))
        file.seek(layout.blocks * layout.cluster)
        whole, rest = divmod(layout.total, layout.per_block)
        for _ in range(whole):
            file.write(b'\0\1' * layout.per_block)
        file.write(b'\0\1' * rest)
        file.seek(layout.l1 * layout.cluster)
        file.write(big_endian(array.array('Q', (COPIED | layout.table(i) * layout.cluster
                                                for i in range(layout.n_tables)))))
        for i in range(layout.n_tables):
            file.seek(layout.table(i) * layout.cluster)
            file.write(big_endian(entries(layout, i, hosts)))
    return {'clusters': layout.total, 'tables': layout.n_tables, 'data': layout.n_data,
            'file_bytes': os.path.getsize(path), 'allocated': os.stat(path).st_blocks * 512}


def main():
    path, size, *rest = sys.argv[1:]
    print(write(path, size_of(size), *rest[:1], cluster_bits=int(rest[1]) if rest[1:] else 16))


if __name__ == '__main__':
    main()
