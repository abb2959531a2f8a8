# SPDX-License-Identifier: LGPL-2.1-or-later
"""qcow2 images full of data, laid out as the guest's writes would have laid them out.

    write(path, virtual_bytes, guests, backing='')

`guests` are the numbers of the guest's clusters (64 KiB) in the order in which they were first
written, which is their order in the file. Every reference count is right; no two clusters hold the
same, and none compresses.
"""

import array
import random
import struct

from chain_image import header
from metadata_image import COPIED, big_endian, clusters_of

CLUSTER = 65536
PER_TABLE, PER_BLOCK = CLUSTER // 8, CLUSTER // 2
POOL_CLUSTERS = 512


def tables_of(virtual_bytes, guests, data):
    """The entries of all L2 tables."""
    n_tables = clusters_of(clusters_of(virtual_bytes, CLUSTER), PER_TABLE)
    entries = array.array('Q', bytes(n_tables * PER_TABLE * 8))
    for host, guest in enumerate(guests, data):
        entries[guest] = COPIED | host * CLUSTER
    return n_tables, entries


def write_data(file, guests, seed):
    """Clusters of noise, each with its number in front."""
    pool = random.Random(seed).randbytes(POOL_CLUSTERS * CLUSTER)
    for first in range(0, len(guests), POOL_CLUSTERS):
        part = bytearray(pool[:min(POOL_CLUSTERS, len(guests) - first) * CLUSTER])
        for n, guest in enumerate(guests[first:first + POOL_CLUSTERS]):
            part[n * CLUSTER:n * CLUSTER + 8] = struct.pack('>Q', guest)
        file.write(part)


def write(path, virtual_bytes, guests, backing='', seed=1):
    n_tables = clusters_of(clusters_of(virtual_bytes, CLUSTER), PER_TABLE)
    n_blocks = clusters_of(len(guests) + n_tables + 64, PER_BLOCK)
    l1 = 2 + n_blocks
    data = l1 + 1 + n_tables
    _, entries = tables_of(virtual_bytes, guests, data)
    with open(path, 'wb') as file:
        file.write(header(virtual_bytes, n_tables, l1, backing))
        for at, words in ((1, range(2 * CLUSTER, l1 * CLUSTER, CLUSTER)),
                          (l1, range(COPIED | (l1 + 1) * CLUSTER, COPIED | data * CLUSTER, CLUSTER)),
                          (l1 + 1, entries)):
            file.seek(at * CLUSTER)
            file.write(big_endian(array.array('Q', words)))
        file.seek(2 * CLUSTER)
        file.write(b'\0\1' * (data + len(guests)))
        file.seek(data * CLUSTER)
        write_data(file, guests, seed)
