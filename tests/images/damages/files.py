# SPDX-License-Identifier: LGPL-2.1-or-later
"""The file is too short: cut at each structure, which stands last in it for that."""

import qcow2image as q

from . import corruption, damage, error, leak
from .header import AT
from .mapping import l1_guest, orphans
from .extensions import tables_leaks
from .snapshots import lost_tree


@damage(of='empty', why='QEMU reads zeros beyond the end of the file')
def file_cut_at_l1_table(image):
    new = image.move_last(image.l1.offset)
    image.header['l1_offset'] = new
    image.raw.truncate(new)
    return [corruption('header-l1-offset', host=AT['l1_offset'])]


@damage(of='empty', why='QEMU reads zeros beyond the end of the file')
def file_cut_in_l1_table(image):
    new = image.move_last(image.l1.offset)
    image.header['l1_offset'] = new
    image.raw.truncate(new + 16)
    return [corruption('header-l1-offset', host=AT['l1_offset'])]


@damage()
def file_cut_at_l2_table(image):
    data = image.hosts(1)
    new = image.move_last(image.l2_offsets[1])
    image.l1[1] = q.COPIED | new
    image.raw.truncate(new)
    return [corruption('l1-entry-beyond-file', guest=l1_guest(image, 1), host=new)] + \
        [leak('cluster-leaked', host=host) for host in data]


@damage()
def file_cut_at_data(image):
    """The last cluster was never written."""
    host = image.host(512)
    image.raw.truncate(host)
    return [corruption('l2-entry-beyond-file', guest=image.guest(512), host=host)]


@damage()
def file_cut_by_half(image):
    """Half of the clusters are gone, tables before them are whole."""
    image.raw.truncate(image.at_cluster(6))
    return [corruption('l2-entry-beyond-file', guest=image.guest(1), host=image.at_cluster(6)),
            corruption('l2-entry-beyond-file', guest=image.guest(2), host=image.at_cluster(7)),
            corruption('l2-compressed-beyond-file', guest=image.guest(4)),
            corruption('l2-compressed-beyond-file', guest=image.guest(5)),
            corruption('l1-entry-beyond-file', guest=l1_guest(image, 1))]


@damage()
def file_cut_at_refcount_table(image):
    image.raw.truncate(image.reftable.offset)
    return [corruption('header-refcount-table-beyond', host=AT['reftable_offset']),
            corruption('header-l1-offset', host=AT['l1_offset'])]


@damage()
def file_cut_at_refcount_block(image):
    new = image.move_last(image.refcount.blocks[0])
    image.reftable[0] = new
    image.raw.truncate(new)
    return [corruption('refcount-table-entry-beyond-file', host=new),
            error('refcount-unknown', host=0)]


@damage(of='snapshots')
def file_cut_at_snapshot_table(image):
    new = image.move_last(image.header['snapshots_offset'])
    image.header['snapshots_offset'] = new
    image.raw.truncate(new)
    return [corruption('header-snapshots-beyond', host=AT['snapshots_offset'])]


@damage(of='snapshots', why='QEMU reads zeros beyond the end of the file')
def file_cut_at_snapshot_l1(image):
    snapshot = image.snapshots[0]
    expected = lost_tree(image, snapshot)[1:]
    new = image.move_last(snapshot['l1_offset'])
    snapshot['l1_offset'] = new
    image.raw.truncate(new)
    return [corruption('snapshot-l1-beyond-file', host=new)] + expected


@damage(of='bitmaps')
def file_cut_at_bitmap_directory(image):
    ext = image.extension(q.EXT_BITMAPS)
    new = image.move_last(ext['directory_offset'])
    ext['directory_offset'] = new
    image.raw.truncate(new)
    return [corruption('header-bitmaps-bounds')] + tables_leaks(image)


@damage(of='bitmaps', why='QEMU reads zeros beyond the end of the file')
def file_cut_at_bitmap_table(image):
    bitmap = image.bitmaps[0]
    host = bitmap.table[0]
    new = image.move_last(bitmap['table_offset'])
    bitmap['table_offset'] = new
    image.raw.truncate(new)
    return [corruption('bitmap-table-beyond-file', host=new), leak('cluster-leaked', host=host)]


@damage(of='bitmaps')
def file_cut_at_bitmap_data(image):
    table = image.bitmaps[0].table
    new = image.move_last(table[0])
    table[0] = new
    image.raw.truncate(new)
    return [corruption('bitmap-entry-beyond-file', host=new)]


@damage(of='luks')
def file_cut_in_luks_header(image):
    """LUKS images keep the header in front: what is cut goes with everything behind it."""
    ext = image.extension(q.EXT_LUKS)
    image.raw.truncate(ext['header_offset'] + 4096)
    return [corruption('header-luks-bounds'),
            *[corruption('l1-entry-beyond-file', guest=l1_guest(image, i)) for i in (0, 1)]]


@damage(of='empty')
def file_is_the_header_alone(image):
    image.raw.truncate(512)
    return [corruption('header-l1-offset', host=AT['l1_offset']),
            corruption('header-refcount-table-beyond', host=AT['reftable_offset'])]
