# SPDX-License-Identifier: LGPL-2.1-or-later
"""The file is too short: cut at each structure, which stands last in it for that."""

import qcow2image as q

from . import AtLeast, corruption, damage, leak, lost, note
from .header import AT
from .mapping import l1_guest

ZEROS = 'QEMU reads zeros beyond the end of the file'


def gone(image):
    """Counts are left over for what was cut away."""
    return note('refcount-beyond-file')


@damage(why=ZEROS)
def file_cut_at_l1_table(image):
    """All of the guest's data is lost; QEMU finds leaks."""
    leaks = lost.leaks(image, lost.tree(image, image.l1))
    new = image.move_last(image.l1.offset)
    image.header['l1_offset'] = new
    image.raw.truncate(new)
    return [corruption('l1-table-beyond-file', host=new)] + leaks


@damage(why=ZEROS)
def file_cut_in_l1_table(image):
    """The first of four entries is there; the second was in use."""
    leaks = lost.leaks(image, lost.table(image, image.l2_offsets[1]))
    new = image.move_last(image.l1.offset)
    image.header['l1_offset'] = new
    image.raw.truncate(new + 8)
    return [corruption('l1-table-beyond-file', host=new)] + leaks


@damage()
def file_cut_at_l2_table(image):
    data = image.hosts(1)
    new = image.move_last(image.l2_offsets[1])
    image.l1[1] = q.COPIED | new
    image.raw.truncate(new)
    return [corruption('l1-entry-beyond-file', guest=l1_guest(image, 1), host=new), gone(image)] + \
        [leak('cluster-leaked', host=host) for host in data]


@damage(why=ZEROS)
def file_cut_in_l2_table(image):
    """Half of the table is there, the half that is not was in use."""
    data = image.hosts(1)
    table, index = image.entry(image.l2_entries)
    table[500], table[index] = table[index], 0
    new = image.move_last(image.l2_offsets[1])
    image.l1[1] = q.COPIED | new
    image.raw.truncate(new + 2048)
    return [corruption('l1-entry-beyond-file', guest=l1_guest(image, 1), host=new)] + \
        [leak('cluster-leaked', host=host) for host in data]


@damage()
def file_cut_at_data(image):
    """The last cluster was never written."""
    host = image.host(512)
    image.raw.truncate(host)
    return [corruption('l2-entry-beyond-file', guest=image.guest(512), host=host), gone(image)]


@damage()
def file_cut_by_half(image):
    """Half of the clusters are gone, tables before them are whole."""
    image.raw.truncate(image.at_cluster(6))
    return [corruption('l2-entry-beyond-file', guest=image.guest(1), host=image.at_cluster(6)),
            corruption('l2-entry-beyond-file', guest=image.guest(2), host=image.at_cluster(7)),
            corruption('l2-compressed-beyond-file', guest=image.guest(4)),
            corruption('l2-compressed-beyond-file', guest=image.guest(5)),
            corruption('l1-entry-beyond-file', guest=l1_guest(image, 1)), gone(image)]


@damage()
def file_cut_at_refcount_table(image):
    image.raw.truncate(image.reftable.offset)
    return [corruption('header-refcount-table-beyond', host=AT['reftable_offset']),
            corruption('l1-table-beyond-file'), corruption('refcount-too-low', host=0)]


@damage()
def file_cut_at_refcount_block(image):
    block = image.refcount.blocks[0]
    missing = lost.uncounted(image, but=(block,))
    new = image.move_last(block)
    image.reftable[0] = new
    image.raw.truncate(new)
    return [corruption('refcount-table-entry-beyond-file', host=new), *missing]


@damage(of='snapshots')
def file_cut_at_snapshot_table(image):
    leaks = lost.leaks(image, lost.snapshots(image))
    old = image.header['snapshots_offset']
    new = image.move_last(old)
    image.header['snapshots_offset'] = new
    image.raw.truncate(new)
    return [corruption('header-snapshots-beyond'),
            *[found for found in leaks if found.host != old]]


@damage(of='snapshots', why=ZEROS)
def file_cut_at_snapshot_l1(image):
    snapshot = image.snapshots[0]
    leaks = lost.leaks(image, lost.tree(image, snapshot.l1))
    new = image.move_last(snapshot['l1_offset'])
    snapshot['l1_offset'] = new
    image.raw.truncate(new)
    return [corruption('snapshot-l1-beyond-file', host=new)] + leaks


@damage(of='bitmaps')
def file_cut_at_bitmap_directory(image):
    ext = image.extension(q.EXT_BITMAPS)
    old = ext['directory_offset']
    leaks = lost.leaks(image, lost.bitmaps(image))
    new = image.move_last(old)
    ext['directory_offset'] = new
    image.raw.truncate(new)
    return [corruption('header-bitmaps-bounds'), gone(image),
            *[found for found in leaks if found.host != old]]


@damage(of='bitmaps', why=ZEROS)
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
    return [corruption('bitmap-entry-beyond-file', host=new), gone(image)]


@damage(of='luks')
def file_cut_in_luks_header(image):
    """LUKS images keep the header in front: what is cut goes with everything behind it."""
    ext = image.extension(q.EXT_LUKS)
    first = ext['header_offset']
    image.raw.truncate(first + 4096)
    return [corruption('header-luks-bounds'), gone(image), leak('cluster-leaked', host=first),
            *[corruption('l1-entry-beyond-file', guest=l1_guest(image, i)) for i in (0, 1)]]


@damage(of='empty')
def file_is_the_header_alone(image):
    image.raw.truncate(512)
    return [corruption('l1-table-beyond-file'), corruption('refcount-too-low', host=0),
            corruption('header-refcount-table-beyond', host=AT['reftable_offset'])]


@damage(deep=True, why='QEMU\'s check decodes nothing')
def file_cut_in_compressed(image):
    """The second stream lost its end."""
    old, _ = image.compressed(image.entry(5)[0][5])
    new = image.append()
    image.refcount[image.cluster(new)] = 1
    image.refcount[image.cluster(old)] -= 1
    image.raw.write(new + 4096 - 512 - 8, image.raw.read(old, 512 + 8))
    table, index = image.entry(5)
    table[index] = image.compressed_entry(new + 4096 - 512 - 8, 1)
    image.raw.truncate(new + 4096 - 512)
    return [corruption('compressed-undecodable', guest=image.guest(5))]


@damage(of='snapshots')
def file_cut_at_snapshot_l2_table(image):
    l1 = image.snapshots[0].l1
    old = l1[0] & q.OFFSET_MASK
    data = lost.leaks(image, lost.table(image, old))
    new = image.move_last(old)
    l1[0] = new
    image.raw.truncate(new)
    return [corruption('l1-entry-beyond-file', guest=0, host=new), gone(image),
            *[found for found in data if found.host != old]]


@damage(of='snapshots')
def file_cut_at_snapshot_data(image):
    table = image.l2_at(image.snapshots[0].l1[0] & q.OFFSET_MASK)
    new = image.move_last(table[0] & q.OFFSET_MASK)
    table[0] = new
    image.raw.truncate(new)
    return [corruption('l2-entry-beyond-file', guest=0, host=new), gone(image)]


@damage(of='backing')
def file_cut_at_data_over_backing(image):
    """What was in the overlay is gone; the backing file's bytes there are old."""
    host = image.host(512)
    image.raw.truncate(host)
    return [corruption('l2-entry-beyond-file', guest=image.guest(512), host=host), gone(image)]


@damage(of='backing')
def file_cut_at_l2_table_over_backing(image):
    data = image.hosts(0)
    packed = image.compressed(image.entry(4)[0][4])[0] & ~0xfff
    new = image.move_last(image.l2_offsets[0])
    image.l1[0] = q.COPIED | new
    image.raw.truncate(new)
    return [corruption('l1-entry-beyond-file', guest=0, host=new), gone(image)] + \
        [leak('cluster-leaked', host=host) for host in [*data, packed]]


@damage(of='run')
def file_cut_in_a_run(image):
    """The last eight clusters of the run are gone."""
    hosts = [image.host(guest) for guest in range(32, 40)]
    image.raw.truncate(hosts[0])
    return [corruption('l2-entry-beyond-file', guest=image.guest(guest))
            for guest in range(32, 40)] + [gone(image)]


@damage(of='subclusters')
def file_cut_at_data_with_subclusters(image):
    """The cluster's subclusters that are there lie beyond the end."""
    host = image.host(7)
    new = image.move_last(host)
    table, index = image.entry(7)
    table[index] = q.COPIED | new
    image.raw.truncate(new)
    return [corruption('l2-entry-beyond-file', guest=image.guest(7), host=new), gone(image)]


@damage(of='bitmaps')
def file_cut_by_half_with_bitmaps(image):
    image.raw.truncate(image.at_cluster(image.n_clusters // 2))
    return AtLeast([corruption('header-bitmaps-bounds'), gone(image)])
