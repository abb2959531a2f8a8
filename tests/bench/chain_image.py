#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A backing chain whose map is long: each layer holds clusters here and there, the data a hole.

    write_chain(folder, virtual_bytes, n_layers=3)   → the top's path

Every reference count is right. Of each layer's clusters a quarter hold data and a tenth read as
zeros by a flag; their places in the file follow the disk's order.

    chain_image.py FOLDER SIZE [LAYERS]     SIZE as 8G
"""

import array
import os
import random
import struct
import sys

from metadata_image import COPIED, big_endian, clusters_of, size_of

CLUSTER = 65536
PER_TABLE, PER_BLOCK = CLUSTER // 8, CLUSTER // 2
ZERO = 1
EXT_BACKING_FORMAT = 0xe2792aca


def header(virtual_bytes, n_tables, l1, backing):
    """With format of the backing file and name behind it."""
    extension = struct.pack('>II8sII', EXT_BACKING_FORMAT, 5, b'qcow2', 0, 0) if backing else b''
    name = backing.encode()
    at = 112 + len(extension) if backing else 0
    return struct.pack('>4sIQIIQIIQQIIQQQQIIQ', b'QFI\xfb', 3, at, len(name), 16, virtual_bytes, 0,
                       n_tables, l1 * CLUSTER, CLUSTER, 1, 0, 0, 0, 0, 0, 4, 112, 0) + \
        extension + name


def write_layer(path, virtual_bytes, rand, backing=''):
    n_guest = clusters_of(virtual_bytes, CLUSTER)
    n_tables = clusters_of(n_guest, PER_TABLE)
    kinds = rand.choices('dz-', weights=(25, 10, 65), k=n_guest)
    # header, refcount table, refcount blocks (more than enough), L1, tables, data
    n_blocks = clusters_of(n_guest + n_tables, PER_BLOCK) + 1
    l1 = 2 + n_blocks
    data = l1 + 1 + n_tables
    total = data + kinds.count('d')
    entries, host = array.array('Q'), data
    for kind in kinds:
        entries.append(COPIED | host * CLUSTER if kind == 'd' else ZERO if kind == 'z' else 0)
        host += kind == 'd'
    with open(path, 'wb') as file:
        file.truncate(total * CLUSTER)
        file.write(header(virtual_bytes, n_tables, l1, backing))
        for at, words in ((1, range(2 * CLUSTER, l1 * CLUSTER, CLUSTER)),
                          (l1, range(COPIED | (l1 + 1) * CLUSTER, COPIED | data * CLUSTER, CLUSTER)),
                          (l1 + 1, entries)):
            file.seek(at * CLUSTER)
            file.write(big_endian(array.array('Q', words)))
        file.seek(2 * CLUSTER)
        file.write(b'\0\1' * total)


def write_chain(folder, virtual_bytes, n_layers=3, seed=1):
    rand, name = random.Random(seed), ''
    for number in range(n_layers):
        below, name = name, f'layer{number}.qcow2'
        write_layer(os.path.join(folder, name), virtual_bytes, rand, below)
    return os.path.join(folder, name)


def main():
    folder, size, *rest = sys.argv[1:]
    print(write_chain(folder, size_of(size), *map(int, rest)))


if __name__ == '__main__':
    main()
