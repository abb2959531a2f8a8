# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole tables that were overwritten: by zeros, by ones, by noise, by a guest's data; and broken
entries inside a run of clusters that lie one behind the other.

What a check finds in noise is not listed to the last entry: the sure part is.
"""

import random
from collections import Counter

import qcow2image as q

from . import AtLeast, Refused, corruption, damage, error, leak, lost, note
from .header import TOO_FAR
from .mapping import GARBAGE, bend

UNSEEN = 'QEMU takes flags without a place for empty entries'


def noise(n_bytes, seed=1):
    return random.Random(seed).randbytes(n_bytes)


def overwrite(image, offset, pattern, n_bytes=None):
    """The table's cluster, or its first bytes, with a byte over and over, or with noise."""
    n_bytes = n_bytes or image.cluster_size
    data = noise(n_bytes) if pattern is noise else pattern * n_bytes
    image.raw.write(offset, data)


def below(image, l1_index):
    """Leaks: all that an L2 table leads to, which is still there itself."""
    table = image.l2_offsets[l1_index]
    return lost.leaks(image, lost.table(image, table) - Counter([image.cluster(table)]))


def empty(image, l1_index):
    """A table of zeros, and data that leaked long ago."""
    return note('empty-table', host=image.l2_offsets[l1_index],
                guest=image.guest(l1_index * image.l2_entries), owners=('l2-table',))


# -- L2 tables ---------------------------------------------------------------------


@damage()
def l2_table_zeroed(image):
    """A lost write: a table of zeros is legal, and what it led to is left over."""
    leaks = below(image, 0)
    overwrite(image, image.l2_offsets[0], b'\0')
    return leaks + [empty(image, 0)]


@damage(of='snapshots')
def l2_table_zeroed_beside_snapshots(image):
    """The snapshots have most of the clusters still, and their own tables."""
    gone = lost.table(image, image.l2_offsets[0])
    del gone[image.cluster(image.l2_offsets[0])]
    leaks = lost.leaks(image, gone)
    overwrite(image, image.l2_offsets[0], b'\0')
    return leaks + [empty(image, 0)]


@damage()
def l2_table_of_ones(image):
    overwrite(image, image.l2_offsets[0], b'\xff')
    return AtLeast([corruption('l2-compressed-copied', guest=0)])


@damage()
def l2_table_of_noise(image):
    overwrite(image, image.l2_offsets[0], noise)
    return AtLeast([corruption('l2-entry-beyond-file')])


@damage()
def l2_table_torn(image):
    """Its first sector is noise: a write that was cut short on a bad disk."""
    overwrite(image, image.l2_offsets[0], noise, 512)
    return AtLeast([corruption('l2-entry-beyond-file')])


@damage()
def l2_table_holds_text(image):
    """A guest's text where the table was."""
    overwrite(image, image.l2_offsets[1], b'a text. ', image.cluster_size // 8)
    return AtLeast([corruption('l2-compressed-beyond-file')])


@damage(of='subclusters')
def l2_table_of_noise_with_subclusters(image):
    overwrite(image, image.l2_offsets[0], noise)
    return AtLeast([corruption('l2-entry-beyond-file')])


@damage(of='backing')
def l2_table_of_noise_over_backing(image):
    """What cannot be found again must not show the backing file's old bytes."""
    overwrite(image, image.l2_offsets[0], noise)
    return AtLeast([corruption('l2-entry-beyond-file')])


@damage(of='data-file')
def l2_table_of_noise_with_data_file(image):
    """Where guest data lies in the data file, its place says everything."""
    overwrite(image, image.l2_offsets[0], noise)
    return AtLeast([corruption('l2-data-file-misplaced')])


# -- L1 tables ---------------------------------------------------------------------


@damage()
def l1_table_zeroed(image):
    """The whole disk is gone, and QEMU finds leaks, which it frees."""
    leaks = lost.leaks(image, lost.tree(image, image.l1))
    leaks += lost.tables(image, *filter(None, image.l2_offsets))
    overwrite(image, image.l1.offset, b'\0')
    return leaks


@damage(counts=GARBAGE)
def l1_table_of_ones(image):
    overwrite(image, image.l1.offset, b'\xff')
    return AtLeast([corruption('l1-entry-reserved-bits', guest=0),
                    corruption('l1-entry-unaligned', guest=0)])


@damage(counts=GARBAGE)
def l1_table_of_noise(image):
    overwrite(image, image.l1.offset, noise)
    return AtLeast([corruption('l1-entry-reserved-bits', guest=0),
                    corruption('l1-entry-beyond-file')])


@damage(of='snapshots')
def l1_table_zeroed_beside_snapshots(image):
    leaks = lost.leaks(image, lost.tree(image, image.l1))
    leaks += lost.tables(image, image.l2_offsets[0])
    overwrite(image, image.l1.offset, b'\0')
    return leaks


@damage(of='snapshots')
def snapshot_l1_table_zeroed(image):
    leaks = lost.leaks(image, lost.tree(image, image.snapshots[0].l1))
    leaks += lost.tables(image, image.snapshots[0].l1[0] & q.OFFSET_MASK)
    overwrite(image, image.snapshots[0]['l1_offset'], b'\0')
    return leaks


@damage(of='snapshots', counts=GARBAGE)
def snapshot_l1_table_of_noise(image):
    overwrite(image, image.snapshots[0]['l1_offset'], noise)
    return AtLeast([corruption('l1-entry-beyond-file')])


@damage(of='snapshots')
def snapshot_l2_table_of_noise(image):
    overwrite(image, image.snapshots[0].l1[0] & q.OFFSET_MASK, noise)
    return AtLeast([corruption('l2-entry-beyond-file')])


# -- refcounts -----------------------------------------------------------------------


@damage()
def refcount_block_of_noise(image):
    overwrite(image, image.refcount.blocks[0], noise)
    return AtLeast([leak('refcount-too-high', host=0), corruption('l1-copied-false', guest=0)])


@damage()
def refcount_block_of_ones(image):
    overwrite(image, image.refcount.blocks[0], b'\xff')
    return AtLeast([leak('refcount-too-high', host=0), corruption('l1-copied-false', guest=0)])


@damage()
def refcount_block_torn(image):
    """Its first sector is zeros."""
    missing = lost.uncounted(image)
    overwrite(image, image.refcount.blocks[0], b'\0', 512)
    return missing


@damage(counts=GARBAGE)
def refcount_table_of_noise(image):
    overwrite(image, image.reftable.offset, noise)
    return AtLeast([corruption('refcount-table-entry-reserved-bits')])


@damage(counts=GARBAGE)
def refcount_table_of_ones(image):
    overwrite(image, image.reftable.offset, b'\xff')
    return AtLeast([corruption('refcount-table-entry-reserved-bits')])


@damage(of='snapshots')
def refcounts_zeroed_beside_snapshots(image):
    """Table and block: every count is to be made anew from three trees."""
    missing = lost.uncounted(image, but=(image.refcount.blocks[0],))
    overwrite(image, image.refcount.blocks[0], b'\0')
    overwrite(image, image.reftable.offset, b'\0')
    return missing


# -- snapshot table, bitmaps, header ----------------------------------------------------


@damage(of='snapshots', counts=GARBAGE)
def snapshot_table_of_noise(image):
    overwrite(image, image.header['snapshots_offset'], noise)
    return AtLeast([corruption('snapshot-table-damaged')])


@damage(of='snapshots', counts=GARBAGE)
def snapshot_second_entry_of_noise(image):
    """The first entry is whole: it is to be kept."""
    second = image.snapshots[1]
    image.raw.write(second.offset, noise(second.end - second.offset))
    return AtLeast([corruption('snapshot-table-damaged')])


@damage(of='snapshots')
def snapshot_second_entry_zeroed(image):
    """The first entry is whole; the second reads as one without an L1 table."""
    second = image.snapshots[1]
    leaks = lost.leaks(image, lost.snapshot(image, second))
    image.raw.write(second.offset, bytes(second.end - second.offset))
    return [corruption('snapshot-entry-empty', host=second.offset),
            corruption('snapshot-extra-short', host=second.offset)] + leaks


@damage(of='bitmaps', counts=GARBAGE)
def bitmap_directory_of_noise(image):
    overwrite(image, image.extension(q.EXT_BITMAPS)['directory_offset'], noise)
    return AtLeast([corruption('bitmap-directory-damaged')])


@damage(of='bitmaps')
def bitmap_directory_zeroed(image):
    ext = image.extension(q.EXT_BITMAPS)
    image.raw.write(ext['directory_offset'], bytes(ext['directory_bytes']))
    return AtLeast([corruption('bitmap-type')])


@damage(of='bitmaps', counts=GARBAGE)
def bitmap_table_of_noise(image):
    overwrite(image, image.bitmaps[0]['table_offset'], noise)
    return AtLeast([corruption('bitmap-entry-reserved-bits')])


@damage()
def header_zeroed(image):
    overwrite(image, 0, b'\0')
    return Refused('not in qcow2 format')


@damage()
def header_of_noise(image):
    """The magic and the version are there, all else is noise."""
    image.raw.write(8, noise(96))
    return AtLeast([corruption('header-cluster-bits')])


@damage(of='bitmaps')
def header_extensions_of_noise(image):
    """From the first extension on."""
    image.raw.write(image.header_bytes, noise(image.cluster_size - image.header_bytes))
    return AtLeast([corruption('header-extension-bounds'),
                    corruption('header-bitmaps-missing')])


# -- one entry among neighbours that lie in a run -----------------------------------------


def broken_in_run(image, guests, change):
    leaks = [leak('cluster-leaked', host=image.host(guest)) for guest in guests]
    for guest in guests:
        bend(image, guest, change)
    return leaks


def beyond_in_run(image, guests):
    leaks = broken_in_run(image, guests, lambda e: TOO_FAR)
    return [corruption('l2-entry-beyond-file', guest=image.guest(guest)) for guest in guests] + leaks


@damage(of='run')
def run_entry_beyond_file(image):
    """Its neighbours say where it pointed, and what leaked there agrees."""
    return beyond_in_run(image, [20])


@damage(of='run')
def run_four_entries_beyond_file(image):
    return beyond_in_run(image, range(24, 28))


@damage(of='run')
def run_first_entry_beyond_file(image):
    """Nothing stands before it: the neighbour behind it says where it pointed."""
    return beyond_in_run(image, [16])


@damage(of='run')
def run_last_entry_beyond_file(image):
    return beyond_in_run(image, [39])


@damage(of='run')
def run_entry_unaligned(image):
    """A flipped bit within the cluster; it touches the neighbour's cluster too."""
    guest = bend(image, 30, lambda e: e | 1 << 10)
    return [corruption('l2-entry-unaligned', guest=guest),
            corruption('refcount-too-low', host=image.host(31))]


@damage(of='run')
def run_entry_flipped_far(image):
    """One flipped bit of the offset."""
    leaks = [leak('cluster-leaked', host=image.host(22))]
    guest = bend(image, 22, lambda e: e | 1 << 45)
    return [corruption('l2-entry-beyond-file', guest=guest),
            corruption('l2-copied-false', guest=guest)] + leaks


@damage(of='run')
def run_entry_zeroed(image):
    """No trace of it but a cluster that nobody uses, in the run's gap."""
    found = note('lost-entry', host=image.host(33), guest=image.guest(33))
    return broken_in_run(image, [33], lambda e: 0) + [found]


@damage(of='run', why='QEMU sees the count, not who shares the cluster')
def run_entry_repeats_neighbour(image):
    """The entry is its neighbour's: two guests on one cluster, and one that nobody uses."""
    host = image.host(25)
    leaks = broken_in_run(image, [26], lambda e: image.entry(25)[0][25])
    return [corruption('cluster-shared', host=host, owners=('data', 'data')),
            corruption('refcount-too-low', host=host)] + leaks


@damage(of='run')
def run_sector_of_table_zeroed(image):
    """The 64 entries of the table's first sector: a lost sector."""
    leaks = below(image, 0)
    overwrite(image, image.l2_offsets[0], b'\0', 512)
    return leaks + [empty(image, 0)]


@damage(of='run', why=UNSEEN)
def run_entry_flag_without_place(image):
    leaks = broken_in_run(image, [21], lambda e: q.COPIED)
    return [corruption('l2-entry-empty', guest=image.guest(21))] + leaks


@damage(of='run')
def run_with_the_block_lost(image):
    """An entry of the run and all counts: neither may be mended as if the other were sound."""
    missing = lost.uncounted(image, but=(image.host(20),))
    image.raw.write(image.refcount.blocks[0], bytes(image.cluster_size))
    guest = bend(image, 20, lambda e: TOO_FAR)
    wanted = corruption('l2-copied-false', guest=guest)
    return [corruption('l2-entry-beyond-file', guest=guest)] + \
        [found for found in missing if found != wanted]


@damage(of='run')
def run_with_an_unknown_block(image):
    """The entry of the refcount table is broken as well: what is leaked, nobody can say."""
    image.reftable[0] += 512
    guest = bend(image, 20, lambda e: TOO_FAR)
    return [corruption('refcount-table-entry-unaligned'), error('refcount-unknown', host=0),
            corruption('l2-entry-beyond-file', guest=guest)]
