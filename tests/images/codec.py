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


def inflate(data, length):
    unpacker = zlib.decompressobj(-12)
    try:
        return unpacker.decompress(bytes(data), length)
    except zlib.error:
        return b''


def unzstd(data, length):
    """One frame; what follows it in the sector does not belong to it."""
    library = zstd_library()
    library.ZSTD_findFrameCompressedSize.restype = ctypes.c_size_t
    library.ZSTD_decompress.restype = ctypes.c_size_t
    library.ZSTD_findFrameCompressedSize.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    library.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p,
                                        ctypes.c_size_t]
    n_stream = library.ZSTD_findFrameCompressedSize(bytes(data), len(data))
    if library.ZSTD_isError(ctypes.c_size_t(n_stream)):
        return b''
    out = ctypes.create_string_buffer(length)
    n_out = library.ZSTD_decompress(out, length, bytes(data), n_stream)
    return b'' if library.ZSTD_isError(ctypes.c_size_t(n_out)) else out.raw[:n_out]


def decompress(kind, data, length):
    """A cluster of `length` bytes from a stream with something behind it; None: it is none."""
    found = {'zlib': inflate, 'zstd': unzstd}.get(kind, lambda *_: b'')(data, length)
    return found if len(found) == length else None
