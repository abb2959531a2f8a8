# SPDX-License-Identifier: LGPL-2.1-or-later
"""What qcow2 compresses its clusters with: raw deflate in a window of 4 KiB, and zstd."""

import ctypes
import ctypes.util
import functools
import zlib


def deflate(data):
    packer = zlib.compressobj(6, zlib.DEFLATED, -12)
    return packer.compress(data) + packer.flush()


@functools.lru_cache(maxsize=None)
def zstd_library():
    """libzstd, which the engine needs too; the one place that Python has no module for."""
    library = ctypes.CDLL(ctypes.util.find_library('zstd') or 'libzstd.so.1')
    library.ZSTD_compressBound.restype = ctypes.c_size_t
    library.ZSTD_compress.restype = ctypes.c_size_t
    library.ZSTD_compressBound.argtypes = [ctypes.c_size_t]
    library.ZSTD_compress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p,
                                      ctypes.c_size_t, ctypes.c_int]
    return library


def zstd(data):
    library = zstd_library()
    out = ctypes.create_string_buffer(library.ZSTD_compressBound(len(data)))
    length = library.ZSTD_compress(out, len(out), bytes(data), len(data), 3)
    if library.ZSTD_isError(ctypes.c_size_t(length)):
        raise RuntimeError('libzstd cannot compress')
    return out.raw[:length]


def compress(kind, data):
    return {'zlib': deflate, 'zstd': zstd}[kind](data)
