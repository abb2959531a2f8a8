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
