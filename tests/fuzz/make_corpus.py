#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""More seeds for the fuzz targets: the corpus of broken images, every number at its extremes.

    make_corpus.py FOLDER

gives FOLDER/image and FOLDER/chain, beside what make_seeds.py has qemu-img write:
features that qemu-img does not lay down, and damage that leads into every branch
of a check. Needs no QEMU.
"""

import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'images'))

import damages  # noqa: E402
import hostile  # noqa: E402
from qcow2build import Builder  # noqa: E402

KIB = 1024
MAX_BYTES = 256 * KIB


def tiny_builds():
    """(name, builder) of small sound images, each with something that the others lack."""
    for bits in (9, 10, 12):
        for order in (0, 3, 6):
            yield f'tiny-{bits}-{order}', Builder(cluster_bits=bits, refcount_order=order,
                                                  virtual_size=40000)
    yield 'version-2', Builder(version=2, cluster_bits=9, virtual_size=40000)
    yield 'zstd', Builder(cluster_bits=12, virtual_size=40000, compression='zstd')
    yield 'extended', Builder(cluster_bits=14, virtual_size=100000, extended_l2=True)
    yield 'feature-names', Builder(cluster_bits=10, virtual_size=40000, feature_names=[(0, 9, 'x')])


def fill(build):
    size = build.cluster_size
    for guest in range(3):
        build.write(guest * size, bytes([65 + guest]) * size)
    if build.options.version >= 3:
        build.zero(3 * size, build.unit)
    build.compress(4, b'D' * size)
    build.compress(5, b'E' * size)
    if build.fits_snapshot():
        build.snapshot('1', 'one')
        build.write(0, b'Z' * size)
    if build.options.version >= 3:
        build.bitmap('marks', 9, [(0, 5000)])
    return build.finish()


def content(raw):
    return raw.read(0, raw.size)


def images():
    """(name, bytes) of the single images."""
    for name, build in tiny_builds():
        yield name, content(fill(build).raw)
    for one in damages.all_damages():
        if one.base != 'luks':
            raw = one.build()[0].raw
            if raw.size <= MAX_BYTES:
                yield 'damage-' + one.name, content(raw)
    for name, image in hostile.extremes():
        yield 'extreme-' + name, content(image.raw)


def member(backing, backing_format='qcow2', **options):
    build = Builder(**{'cluster_bits': 9, 'virtual_size': 40000, 'backing': backing,
                       'backing_format': backing_format, 'feature_names': [], **options})
    build.write(build.cluster_size, b'M' * build.cluster_size)
    return content(build.finish().raw)


def box(top, mid=b'', base=b''):
    """Three files in one, as fuzz-chain.c takes them apart."""
    top, mid = top + bytes(-len(top) % KIB), mid + bytes(-len(mid) % KIB)
    return struct.pack('<HH', len(top) // KIB, len(mid) // KIB) + top + mid + base


def chains():
    """(name, bytes) of the boxes."""
    base = content(fill(Builder(cluster_bits=9, virtual_size=30000)).raw)
    raw = b'R' * 20000
    yield 'alone', box(base)
    yield 'raw-base', box(member('mid'), member('base', 'raw'), raw)
    yield 'absolute', box(member('/a/base', 'raw'), b'', raw)
    yield 'format-not-stated', box(member('mid', None), member('base', None), base)
    yield 'loop-of-one', box(member('top'))
    yield 'loop-of-two', box(member('mid'), member('top'))
    yield 'missing', box(member('gone'))
    yield 'protocol', box(member('json:{}'))
    yield 'data-file', box(member('mid', data_file='/a/base'), base, raw)
    yield 'geometries', box(member('mid', cluster_bits=14, extended_l2=True),
                            member('base', cluster_bits=12), base)
    yield 'sizes', box(member('mid', virtual_size=90000), member('base', virtual_size=512), base)


def write(folder, inputs):
    os.makedirs(folder, exist_ok=True)
    for name, data in inputs:
        with open(os.path.join(folder, name), 'wb') as file:
            file.write(data)


def main():
    if len(sys.argv) != 2:
        sys.exit('usage: make_corpus.py FOLDER')
    write(os.path.join(sys.argv[1], 'image'), images())
    write(os.path.join(sys.argv[1], 'chain'), chains())


if __name__ == '__main__':
    main()
