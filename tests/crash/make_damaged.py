#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Damaged images for the crash tests of repairs: make_damaged.py FOLDER.

The corpus of damages, variants and pairs of them by a fixed seed, and images with small clusters
and so many tables that a repair has many writes in flight: their counts and flags are spoiled.
"""

import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'images'))

import damages  # noqa: E402
import qcow2image as q  # noqa: E402
from damages import pairs, variants  # noqa: E402
from qcow2build import Builder  # noqa: E402

SEED = 9
N_VARIANTS, N_PAIRS, N_SPOILED = 150, 150, 24
MAX_BYTES = 1 << 20


def sound(rand, order):
    """Data in most of the tables of a disk of 1 MiB; snapshots where the counts have room."""
    build = Builder(cluster_bits=9, refcount_order=order, virtual_size=1 << 20,
                    free_between=rand.randrange(2))
    for table in range(0, 32, rand.randint(1, 2)):
        at = (table * 64 + rand.randrange(60)) * 512
        build.write(at, bytes([1 + table]) * 512 * rand.randint(1, 3))
        if rand.random() < 0.3:
            build.compress(at // 512 + 3, bytes([100 + table]) * 512)
    for ident in ('1', '2'):
        if build.fits_snapshot() and rand.random() < 0.6:
            build.snapshot(ident, f'snapshot {ident}')
            for _ in range(8):
                build.write(rand.randrange(2048) * 512, bytes([200 + int(ident)]) * 512)
    return build.finish()


def spoil_counts(rand, image):
    largest = min((1 << (1 << image.refcount_order)) - 1, 3)
    for cluster in range(image.n_clusters):
        if rand.random() < 0.3:
            image.refcount[cluster] = rand.randint(0, largest)


def spoil_flags(rand, image):
    for index in range(len(image.l1)):
        if image.l1[index] and rand.random() < 0.5:
            image.l1[index] ^= q.COPIED
        if not image.l2_offsets[index]:
            continue
        l2 = image.l2(index)
        for slot in range(image.l2_entries):
            if l2[slot] & q.OFFSET_MASK and not l2[slot] & q.COMPRESSED and rand.random() < 0.4:
                l2[slot] ^= q.COPIED


def spoil_blocks(rand, image):
    """Some refcount blocks are lost, one way or another."""
    for index, block in enumerate(image.refcount.blocks):
        if block and rand.random() < 0.4:
            image.reftable[index] = rand.choice((0, block + 512, 1 << 40))


def spoiled(seed):
    rand = random.Random(seed)
    image = sound(rand, seed % 7)
    spoil_counts(rand, image)
    spoil_flags(rand, image)
    if rand.random() < 0.4:
        spoil_blocks(rand, image)
    return image


def blocks_lost():
    """Nothing but refcount blocks: a repair writes new ones, and then switches to them."""
    rand = random.Random(SEED)
    image = sound(rand, 4)
    while all(image.reftable[i] == block for i, block in enumerate(image.refcount.blocks)):
        spoil_blocks(rand, image)
    return image


def images():
    """(name, image) of all."""
    for one in damages.all_damages():
        if one.subject != 'legal':
            yield one.name, one.build()[0]
    chosen = random.Random(SEED).sample(list(variants.all_variants()), N_VARIANTS)
    for one in chosen:
        built = variants.buildable(one)
        if built:
            yield one.name, built[0]
    for pair, image in pairs.pairs(SEED, N_PAIRS):
        yield pair.name, image
    yield 'blocks-lost', blocks_lost()
    for seed in range(N_SPOILED):
        yield f'spoiled-{seed}', spoiled(seed)


def main():
    if len(sys.argv) != 2:
        sys.exit('usage: make_damaged.py FOLDER')
    os.makedirs(sys.argv[1], exist_ok=True)
    for name, image in images():
        if image.raw.size <= MAX_BYTES:
            image.save(os.path.join(sys.argv[1], name))


if __name__ == '__main__':
    main()
