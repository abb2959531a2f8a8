# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a file's bytes lie, and which of them another file has as well (FIEMAP)."""

import fcntl
import struct

FS_IOC_FIEMAP = 0xc020660b
FLAG_SYNC = 0x1
EXTENT_LAST, EXTENT_UNWRITTEN, EXTENT_SHARED = 0x1, 0x800, 0x2000
HEADER = struct.Struct('=QQLLLL')
EXTENT = struct.Struct('=QQQQQLLLL')
PER_CALL = 200


def _some_extents(fd, start):
    request = bytearray(HEADER.size + PER_CALL * EXTENT.size)
    HEADER.pack_into(request, 0, start, 2 ** 64 - 1 - start, FLAG_SYNC, 0, PER_CALL, 0)
    fcntl.ioctl(fd, FS_IOC_FIEMAP, request)
    n_mapped = HEADER.unpack_from(request)[3]
    for n in range(n_mapped):
        logical, _physical, length, _, _, flags, *_ = EXTENT.unpack_from(
            request, HEADER.size + n * EXTENT.size)
        yield logical, length, flags


def extents(path):
    """(offset, length, flags) of each, in order."""
    start, last = 0, False
    with open(path, 'rb') as file:
        while not last:
            some = list(_some_extents(file.fileno(), start))
            yield from some
            last = not some or bool(some[-1][2] & EXTENT_LAST)
            if some:
                start = some[-1][0] + some[-1][1]


def shared_bytes(path):
    return sum(length for _at, length, flags in extents(path) if flags & EXTENT_SHARED)


def written_bytes(path, offset, length):
    """Of this range: neither holes nor room that was only kept free."""
    return sum(max(0, min(at + n, offset + length) - max(at, offset))
               for at, n, flags in extents(path) if not flags & EXTENT_UNWRITTEN)
