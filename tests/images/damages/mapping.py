# SPDX-License-Identifier: LGPL-2.1-or-later
"""Damages to single entries of L1 and L2 tables."""

import qcow2image as q

from . import AtLeast, corruption, damage, leak, lost
from .header import GARBAGE

FAR = 1 << 40


def orphans(image, l1_index):
    """Leaks: an L2 table that no L1 entry names, and all that only it held."""
    return lost.leaks(image, lost.table(image, image.l2_offsets[l1_index]))


def data_orphan(image, guest):
    return [leak('cluster-leaked', host=image.host(guest))]


def l1_guest(image, index):
    return image.guest(index * image.l2_entries)


def bend(image, guest, change):
    """Changes the L2 entry of a guest cluster; returns its guest offset."""
    table, index = image.entry(guest)
    table[index] = change(table[index])
    return image.guest(guest)


# -- L1 --------------------------------------------------------------------------


@damage(counts=GARBAGE)
def l1_entry_unaligned(image):
    expected = orphans(image, 1)
    image.l1[1] += 512
    return [corruption('l1-entry-unaligned', guest=l1_guest(image, 1))] + expected


@damage()
def l1_entry_beyond_file(image):
    expected = orphans(image, 1)
    image.l1[1] = q.COPIED | FAR
    return [corruption('l1-entry-beyond-file', guest=l1_guest(image, 1), host=FAR),
            corruption('l1-copied-false', guest=l1_guest(image, 1))] + expected


@damage()
def l1_entry_at_the_last_offset(image):
    expected = orphans(image, 1)
    last = q.OFFSET_MASK & ~0xfff
    image.l1[1] = q.COPIED | last
    return [corruption('l1-entry-beyond-file', guest=l1_guest(image, 1), host=last),
            corruption('l1-copied-false', guest=l1_guest(image, 1))] + expected


@damage()
def l1_entry_reserved_high_bit(image):
    image.l1[0] |= 1 << 60
    return [corruption('l1-entry-reserved-bits', guest=0)]


@damage()
def l1_entry_reserved_low_bit(image):
    image.l1[0] |= 1
    return [corruption('l1-entry-reserved-bits', guest=0)]


@damage()
def l1_copied_missing(image):
    image.l1[0] &= ~q.COPIED
    return [corruption('l1-copied-missing', guest=0)]


@damage(of='snapshots')
def l1_copied_false(image):
    """The table of guest 2 MiB is shared with both snapshots."""
    image.l1[1] |= q.COPIED
    return [corruption('l1-copied-false', guest=l1_guest(image, 1))]


@damage(counts=GARBAGE)
def l1_entry_copied_without_offset(image):
    """QEMU's check takes the header for an L2 table; what it is, is a flag on nothing."""
    image.l1[3] = q.COPIED
    return [corruption('l1-entry-empty', guest=l1_guest(image, 3))]


# -- L2, standard ------------------------------------------------------------------


def l2_beyond(image, host):
    """COPIED goes with a count of 1, and what is not there has none."""
    leaks = data_orphan(image, 1)
    guest = bend(image, 1, lambda e: q.COPIED | host)
    return [corruption('l2-entry-beyond-file', guest=guest, host=host),
            corruption('l2-copied-false', guest=guest)] + leaks


@damage()
def l2_entry_unaligned(image):
    """It touches two clusters: its own and the neighbour's."""
    return [corruption('l2-entry-unaligned', guest=bend(image, 1, lambda e: e + 512)),
            corruption('refcount-too-low', host=image.host(2))]


@damage()
def l2_entry_beyond_file(image):
    return l2_beyond(image, FAR)


@damage()
def l2_entry_just_beyond_file(image):
    """The first cluster behind the last one: not there, however near."""
    return l2_beyond(image, image.raw.size)


@damage()
def l2_entry_at_32_pib(image):
    return l2_beyond(image, 1 << 55)


@damage(why='QEMU takes the entry for an empty one')
def l2_entry_copied_without_offset(image):
    """A flag on nothing: not allocated, and said to be owned alone."""
    table, index = image.entry(6)
    table[index] = q.COPIED
    return [corruption('l2-entry-empty', guest=image.guest(6))]


@damage()
def l2_entry_reserved_high_bit(image):
    return [corruption('l2-entry-reserved-bits', guest=bend(image, 0, lambda e: e | 1 << 57))]


@damage()
def l2_entry_reserved_low_bit(image):
    return [corruption('l2-entry-reserved-bits', guest=bend(image, 0, lambda e: e | 1 << 3))]


@damage(version=2, why='QEMU masks the bit away in version 2')
def l2_zero_flag_in_version_2(image):
    return [corruption('l2-entry-zero-bit', guest=bend(image, 0, lambda e: e | q.ZERO))]


@damage()
def l2_copied_missing(image):
    return [corruption('l2-copied-missing', guest=bend(image, 0, lambda e: e & ~q.COPIED))]


@damage(of='snapshots')
def l2_copied_false(image):
    """Guest cluster 2 is shared with the snapshots."""
    return [corruption('l2-copied-false', guest=bend(image, 2, lambda e: e | q.COPIED))]


@damage()
def l2_zero_cluster_unaligned(image):
    """A cluster of zeros that keeps host space still has to keep it at a cluster."""
    return [corruption('l2-entry-unaligned', guest=bend(image, 1, lambda e: e + 512 | q.ZERO)),
            corruption('refcount-too-low', host=image.host(2))]


# -- L2, compressed -----------------------------------------------------------------


@damage()
def compressed_copied(image):
    return [corruption('l2-compressed-copied', guest=bend(image, 4, lambda e: e | q.COPIED))]


@damage()
def compressed_beyond_file(image):
    offset, _ = image.compressed(image.entry(4)[0][4])
    return [corruption('l2-compressed-beyond-file', host=FAR,
                       guest=bend(image, 4, lambda e: image.compressed_entry(FAR, 0))),
            leak('refcount-too-high', host=offset & ~0xfff)]


@damage()
def compressed_runs_beyond_file(image):
    """It begins in the file's last sector and says that it goes on for eight."""
    offset, _ = image.compressed(image.entry(4)[0][4])
    last = image.raw.size - 512
    bend(image, 4, lambda e: image.compressed_entry(last, 8))
    return [corruption('l2-compressed-beyond-file', guest=image.guest(4), host=last),
            leak('refcount-too-high', host=offset & ~0xfff)]


@damage()
def compressed_refcount_too_low(image):
    """Two streams in one host cluster are two references."""
    offset, _ = image.compressed(image.entry(4)[0][4])
    image.refcount[image.cluster(offset)] = 1
    return [corruption('refcount-too-low', host=offset & ~0xfff)]


@damage(deep=True, why='QEMU\'s check decodes nothing')
def compressed_garbage(image):
    offset, _ = image.compressed(image.entry(4)[0][4])
    image.raw.write(offset, b'\xff' * 8)
    return [corruption('compressed-undecodable', guest=image.guest(4))]


@damage(deep=True, compression='zstd', why='QEMU\'s check decodes nothing')
def compressed_garbage_zstd(image):
    offset, _ = image.compressed(image.entry(5)[0][5])
    image.raw.write(offset, b'\xff' * 8)
    return [corruption('compressed-undecodable', guest=image.guest(5))]


@damage(of='data-file')
def compressed_in_data_file(image):
    table, index = image.entry(1)
    table[index] = image.compressed_entry(4096, 1)
    return [corruption('l2-compressed-data-file', guest=image.guest(1))]


# -- L2, extended ----------------------------------------------------------------------


@damage(of='subclusters')
def subcluster_allocated_and_zero(image):
    table, index = image.entry(7)
    table.bitmap[index] |= 1 << 32
    return [corruption('l2-subcluster-conflict', guest=image.guest(7))]


@damage(of='subclusters')
def subcluster_allocated_in_nothing(image):
    table, index = image.entry(10)
    table.bitmap[index] = 1
    return [corruption('l2-subcluster-unallocated', guest=image.guest(10))]


@damage(of='subclusters')
def subcluster_bitmap_on_compressed(image):
    """Such an entry is not followed: its host cluster loses one of its two references."""
    table, index = image.entry(4)
    table.bitmap[index] = 1
    offset, _ = image.compressed(table[index])
    return [corruption('l2-compressed-bitmap', guest=image.guest(4)),
            leak('refcount-too-high', host=image.at_cluster(image.cluster(offset)))]


@damage(of='subclusters', why='QEMU overlooks that extended entries have no zero flag')
def subcluster_entry_with_zero_flag(image):
    return [corruption('l2-entry-zero-bit', guest=bend(image, 0, lambda e: e | q.ZERO))]


# -- external data file -------------------------------------------------------------------


@damage(of='data-file', why='QEMU follows the entry to the wrong place')
def data_file_entry_misplaced(image):
    table, index = image.entry(1)
    table[index] = q.COPIED | image.guest(2)
    return [corruption('l2-data-file-misplaced', guest=image.guest(1))]


@damage(of='data-file')
def data_file_copied_missing(image):
    return [corruption('l2-copied-missing', guest=bend(image, 1, lambda e: e & ~q.COPIED))]


# -- the same in images of other kinds ---------------------------------------------------


@damage(of='backing')
def l2_entry_beyond_file_over_backing(image):
    """An empty entry would show the backing file's old bytes."""
    return l2_beyond(image, FAR)


@damage(of='backing')
def l2_entry_unaligned_over_backing(image):
    return [corruption('l2-entry-unaligned', guest=bend(image, 1, lambda e: e + 512)),
            corruption('refcount-too-low', host=image.host(2))]


@damage(of='backing')
def l1_entry_beyond_file_over_backing(image):
    expected = orphans(image, 1)
    image.l1[1] = q.COPIED | FAR
    return [corruption('l1-entry-beyond-file', guest=l1_guest(image, 1), host=FAR),
            corruption('l1-copied-false', guest=l1_guest(image, 1))] + expected


@damage(of='backing', version=2)
def l2_entry_beyond_file_over_backing_in_version_2(image):
    """No zero flag that could hide the backing file."""
    return l2_beyond(image, FAR)


@damage(of='subclusters')
def l2_entry_beyond_file_with_subclusters(image):
    leaks = data_orphan(image, 7)
    guest = bend(image, 7, lambda e: q.COPIED | FAR)
    return [corruption('l2-entry-beyond-file', guest=guest, host=FAR),
            corruption('l2-copied-false', guest=guest)] + leaks


@damage(of='subclusters')
def l2_entry_reserved_bits_with_subclusters(image):
    return [corruption('l2-entry-reserved-bits', guest=bend(image, 7, lambda e: e | 1 << 57))]


@damage(of='subclusters')
def l2_copied_missing_with_subclusters(image):
    return [corruption('l2-copied-missing', guest=bend(image, 7, lambda e: e & ~q.COPIED))]


@damage(of='subclusters')
def subcluster_all_allocated_and_zero(image):
    """All 32 are both: which it is, nobody can say."""
    table, index = image.entry(0)
    table.bitmap[index] |= 0xffffffff << 32
    return [corruption('l2-subcluster-conflict', guest=0)]


@damage(of='subclusters', backing='base.raw', backing_format='raw')
def subcluster_allocated_and_zero_over_backing(image):
    table, index = image.entry(7)
    table.bitmap[index] |= 1 << 32
    return [corruption('l2-subcluster-conflict', guest=image.guest(7))]


@damage(of='luks')
def l2_entry_beyond_file_with_luks(image):
    return l2_beyond(image, FAR)


@damage(of='luks')
def l2_copied_missing_with_luks(image):
    return [corruption('l2-copied-missing', guest=bend(image, 0, lambda e: e & ~q.COPIED))]


@damage(compression='zstd')
def compressed_copied_zstd(image):
    return [corruption('l2-compressed-copied', guest=bend(image, 4, lambda e: e | q.COPIED))]


@damage()
def compressed_size_into_neighbour(image):
    """The first stream's sectors reach into the next cluster, which is a table."""
    offset, _ = image.compressed(image.entry(4)[0][4])
    bend(image, 4, lambda e: image.compressed_entry(offset, 8))
    after = image.at_cluster(image.cluster(offset) + 1)
    return [corruption('metadata-overlap', host=after, owners=('l2-table', 'compressed')),
            corruption('refcount-too-low', host=after)]


@damage(version=2)
def compressed_copied_in_version_2(image):
    return [corruption('l2-compressed-copied', guest=bend(image, 4, lambda e: e | q.COPIED))]


@damage(of='data-file', why='QEMU follows the entry to the wrong place')
def data_file_entry_beyond_file(image):
    """The data file holds no host cluster but the guest's own."""
    table, index = image.entry(1)
    table[index] = q.COPIED | FAR
    return AtLeast([corruption('l2-data-file-misplaced', guest=image.guest(1))])


@damage(of='data-file')
def data_file_l1_entry_beyond_file(image):
    """The table is lost; the guest's data lies in the data file, at its own place."""
    expected = [leak('cluster-leaked', host=image.l2_offsets[1])]
    image.l1[1] = q.COPIED | FAR
    return [corruption('l1-entry-beyond-file', guest=l1_guest(image, 1), host=FAR),
            corruption('l1-copied-false', guest=l1_guest(image, 1))] + expected
