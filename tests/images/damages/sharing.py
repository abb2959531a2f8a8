# SPDX-License-Identifier: LGPL-2.1-or-later
"""One host cluster, two owners: guest data on guest data, and on metadata.

Where only the entry is bent, the reference count shows it too. Where the counts
were made to fit (as a careless repair does), only who owns the cluster does.
"""

import qcow2image as q

from . import AtLeast, corruption, damage, leak, lost
from .base import MIB
from .mapping import GARBAGE, data_orphan

WHICH = 'QEMU sees that the count is too low, not who shares the cluster'
BLESSED = 'with counts that fit, QEMU sees nothing'


def point(image, guest, host, flags=q.COPIED):
    """The guest cluster's entry names another host cluster; its own one leaks."""
    leaks = data_orphan(image, guest)
    table, index = image.entry(guest)
    table[index] = flags | host
    return leaks


@damage(why=WHICH)
def two_guests_one_cluster(image):
    host = image.host(0)
    leaks = point(image, 1, host)
    return [corruption('cluster-shared', host=host, owners=('data', 'data')),
            corruption('refcount-too-low', host=host)] + leaks


@damage(why=BLESSED)
def two_guests_one_cluster_counted(image):
    host = image.host(0)
    leaks = point(image, 1, host, flags=0)
    table, index = image.entry(0)
    table[index] &= ~q.COPIED
    image.adopt(host, 2)
    return [corruption('cluster-shared', host=host, owners=('data', 'data'))] + leaks


@damage(why=BLESSED)
def two_l2_tables_one_cluster(image):
    host = image.host(512)
    leaks = point(image, 1, host, flags=0)
    table, index = image.entry(512)
    table[index] &= ~q.COPIED
    image.adopt(host, 2)
    return [corruption('cluster-shared', host=host, owners=('data', 'data'))] + leaks


@damage(why=BLESSED)
def data_in_compressed_cluster(image):
    offset, _ = image.compressed(image.entry(4)[0][4])
    host = offset & ~0xfff
    leaks = point(image, 1, host, flags=0)
    image.adopt(host, 3)
    return [corruption('cluster-shared', host=host)] + leaks


def on_metadata(image, host, owner, count_fits=True):
    leaks = point(image, 1, host, flags=0 if count_fits else q.COPIED)
    if count_fits:
        image.adopt(host, 2)
    found = [corruption('metadata-overlap', host=host, owners=(owner, 'data'))]
    if not count_fits:
        found.append(corruption('refcount-too-low', host=host))
    return found + leaks


@damage(why=WHICH)
def data_on_header(image):
    """Offset 0 cannot be told from unallocated, unless COPIED is there to tell: so cluster 0 is
    reached by a compressed entry."""
    leaks = data_orphan(image, 1)
    table, index = image.entry(1)
    table[index] = image.compressed_entry(512, 0)
    return [corruption('metadata-overlap', host=0, owners=('header', 'compressed')),
            corruption('refcount-too-low', host=0)] + leaks


@damage(why=WHICH)
def data_on_refcount_table(image):
    return on_metadata(image, image.reftable.offset, 'refcount-table', count_fits=False)


@damage(why='what qemu-img check -r all leaves behind: the guest reads and writes metadata')
def data_on_refcount_table_counted(image):
    return on_metadata(image, image.reftable.offset, 'refcount-table')


@damage(why=BLESSED)
def data_on_l1_table(image):
    return on_metadata(image, image.l1.offset, 'l1-table')


@damage(why=BLESSED)
def data_on_l2_table(image):
    host = image.l2_offsets[1]
    image.l1[1] &= ~q.COPIED
    return on_metadata(image, host, 'l2-table')


@damage(why=BLESSED)
def data_on_own_l2_table(image):
    host = image.l2_offsets[0]
    image.l1[0] &= ~q.COPIED
    return on_metadata(image, host, 'l2-table')


@damage(why=WHICH)
def data_on_refcount_block(image):
    block = image.refcount.blocks[0]
    return [corruption('refcount-block-shared', host=block),
            *on_metadata(image, block, 'refcount-block', count_fits=False)]


@damage(of='snapshots', why=BLESSED)
def data_on_snapshot_table(image):
    host = image.header['snapshots_offset']
    leaks = point(image, 1, host, flags=0)
    image.adopt(host, 2)
    return [corruption('metadata-overlap', host=host, owners=('snapshot-table', 'data'))] + leaks


@damage(of='bitmaps', why=BLESSED)
def data_on_bitmap_directory(image):
    host = image.extension(q.EXT_BITMAPS)['directory_offset']
    return on_metadata(image, host, 'bitmap-directory')


@damage(of='bitmaps', why=BLESSED)
def data_on_bitmap_data(image):
    return on_metadata(image, image.bitmaps[0].table[0], 'bitmap-data')


@damage(of='luks', why=BLESSED)
def data_on_luks_header(image):
    return on_metadata(image, image.extension(q.EXT_LUKS)['header_offset'], 'luks')


@damage(why=WHICH)
def l1_entry_on_refcount_table(image):
    """Empty refcount table entries read as an L2 table with one entry: the first block."""
    host, block = image.reftable.offset, image.refcount.blocks[0]
    image.l1[2] = q.COPIED | host
    return [corruption('metadata-overlap', host=host, owners=('refcount-table', 'l2-table')),
            corruption('refcount-too-low', host=host),
            corruption('refcount-block-shared', host=block),
            corruption('metadata-overlap', host=block, owners=('refcount-block', 'data')),
            corruption('refcount-too-low', host=block),
            corruption('l2-copied-missing', guest=image.guest(2 * image.l2_entries))]


@damage(why='QEMU sees the counts, not that one table serves two places')
def two_l1_entries_one_table(image):
    host, data = image.l2_offsets[1], image.host(512)
    image.l1[2] = image.l1[1]
    return [corruption('l2-table-shared', host=host),
            corruption('refcount-too-low', host=host),
            corruption('refcount-too-low', host=data)]


@damage(of='empty', counts=GARBAGE)
def l1_table_on_header(image):
    """The header's first words as L1 entries: magic, backing name, cluster bits, disk size."""
    old = image.l1.offset
    image.header['l1_offset'] = 0
    return [corruption('metadata-overlap', host=0, owners=('header', 'l1-table')),
            corruption('refcount-too-low', host=0),
            corruption('l1-entry-reserved-bits', guest=0),
            corruption('l1-entry-beyond-file', guest=0),
            corruption('l1-entry-reserved-bits', guest=image.guest(2 * image.l2_entries)),
            corruption('l1-entry-beyond-file', guest=image.guest(3 * image.l2_entries),
                       host=8 * MIB),
            leak('cluster-leaked', host=old)]


@damage(of='snapshots')
def snapshot_l1_is_active_l1(image):
    """A snapshot that shares the active L1 changes whenever the disk does."""
    snapshot = image.snapshots[1]
    before, now = lost.tree(image, snapshot.l1), lost.tree(image, image.l1)
    leaks = lost.leaks(image, before - now) + [leak('cluster-leaked', host=snapshot['l1_offset'])]
    snapshot['l1_offset'] = image.l1.offset
    return [corruption('metadata-overlap', host=image.l1.offset, owners=('l1-table', 'l1-table')),
            corruption('refcount-too-low', host=image.l1.offset), *leaks,
            *[corruption('refcount-too-low', host=image.at_cluster(c)) for c in now - before]]


@damage(of='snapshots', why=BLESSED)
def data_on_snapshot_l1_table(image):
    return on_metadata(image, image.snapshots[0]['l1_offset'], 'l1-table')


@damage(of='bitmaps', why=BLESSED)
def data_on_bitmap_table(image):
    return on_metadata(image, image.bitmaps[0]['table_offset'], 'bitmap-table')


@damage(why=BLESSED)
def three_guests_one_cluster(image):
    host = image.host(0)
    leaks = point(image, 1, host, flags=0) + point(image, 2, host, flags=0)
    table, index = image.entry(0)
    table[index] &= ~q.COPIED
    image.adopt(host, 3)
    return [corruption('cluster-shared', host=host)] + leaks


@damage(of='snapshots', why=BLESSED)
def snapshot_shares_at_another_place(image):
    """A snapshot's guest cluster 0 is the disk's guest cluster 1."""
    table = image.l2_at(image.snapshots[0].l1[0] & q.OFFSET_MASK)
    host = image.host(1)
    leaks = [leak('cluster-leaked', host=table[0] & q.OFFSET_MASK)]
    table[0] = host
    bend_flags(image, 1)
    image.adopt(host, 2)
    return [corruption('cluster-shared', host=host, owners=('data', 'data'))] + leaks


def bend_flags(image, guest):
    """The entry no longer says that its cluster is owned alone."""
    table, index = image.entry(guest)
    table[index] &= ~q.COPIED


@damage(of='subclusters', why=BLESSED)
def two_guests_one_cluster_of_subclusters(image):
    """The one has all of it, the other four of its 32 parts."""
    host = image.host(7)
    leaks = point(image, 1, host, flags=0)
    bend_flags(image, 7)
    image.adopt(host, 2)
    return [corruption('cluster-shared', host=host, owners=('data', 'data'))] + leaks


@damage(of='backing', why=BLESSED)
def two_guests_one_cluster_over_backing(image):
    host = image.host(0)
    leaks = point(image, 1, host, flags=0)
    bend_flags(image, 0)
    image.adopt(host, 2)
    return [corruption('cluster-shared', host=host, owners=('data', 'data'))] + leaks


@damage(of='backing', why=BLESSED)
def data_on_l2_table_over_backing(image):
    host = image.l2_offsets[1]
    image.l1[1] &= ~q.COPIED
    return on_metadata(image, host, 'l2-table')


@damage(why=WHICH)
def compressed_on_l2_table(image):
    """A stream that is said to lie in an L2 table."""
    host = image.l2_offsets[1]
    leaks = data_orphan(image, 1)
    table, index = image.entry(1)
    table[index] = image.compressed_entry(host, 0)
    return [corruption('metadata-overlap', host=host, owners=('l2-table', 'compressed')),
            corruption('refcount-too-low', host=host)] + leaks


@damage(why=WHICH)
def compressed_on_data(image):
    host = image.host(0)
    leaks = data_orphan(image, 1)
    table, index = image.entry(1)
    table[index] = image.compressed_entry(host + 512, 0)
    return [corruption('cluster-shared', host=host, owners=('data', 'compressed')),
            corruption('refcount-too-low', host=host)] + leaks


@damage(of='bitmaps', why=BLESSED)
def bitmap_data_on_guest_data(image):
    host, old = image.host(2), image.bitmaps[0].table[0]
    image.bitmaps[0].table[0] = host
    bend_flags(image, 2)
    image.adopt(host, 2)
    return AtLeast([corruption('metadata-overlap', host=host, owners=('bitmap-data', 'data')),
                    leak('cluster-leaked', host=old)])


@damage(of='snapshots', why=WHICH)
def two_snapshots_one_l1_table(image):
    """The second snapshot has become the first."""
    first, second = image.snapshots
    gone = lost.tree(image, second.l1) - lost.tree(image, first.l1)
    more = lost.tree(image, first.l1) - lost.tree(image, second.l1)
    leaks = lost.leaks(image, gone) + [leak('cluster-leaked', host=second['l1_offset'])]
    second['l1_offset'] = first['l1_offset']
    return [corruption('metadata-overlap', host=first['l1_offset'],
                       owners=('l1-table', 'l1-table')),
            corruption('refcount-too-low', host=first['l1_offset']), *leaks,
            *[corruption('refcount-too-low', host=image.at_cluster(c)) for c in more]]


@damage()
def l1_entry_on_data(image):
    """A guest's cluster of letters taken for an L2 table."""
    image.l1[2] = image.host(0)
    return AtLeast([corruption('metadata-overlap', host=image.host(0), owners=('l2-table', 'data')),
                    corruption('l2-compressed-beyond-file')])


@damage()
def refcount_table_entry_on_data(image):
    """A guest's cluster taken for the block of the first counts."""
    image.reftable[0] = image.host(0)
    return AtLeast([corruption('metadata-overlap', host=image.host(0),
                               owners=('refcount-block', 'data'))])


@damage(why=WHICH)
def l1_entry_of_another_place(image):
    """Guest 0's entry has become that of guest 2 MiB: its own table is left over."""
    leaks = lost.leaks(image, lost.table(image, image.l2_offsets[0]))
    table, data = image.l2_offsets[1], image.host(512)
    image.l1[0] = image.l1[1]
    return [corruption('l2-table-shared', host=table), corruption('refcount-too-low', host=table),
            corruption('refcount-too-low', host=data)] + leaks
