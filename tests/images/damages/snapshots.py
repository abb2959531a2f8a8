# SPDX-License-Identifier: LGPL-2.1-or-later
"""Damages to the snapshot table, to its entries and to the snapshots' own tables."""

import qcow2image as q

from . import AtLeast, corruption, damage, leak, lost, note
from .header import AT, GARBAGE, TOO_FAR

ZEROS = 'QEMU reads the name as zeros that are not there, and goes on'


def lost_snapshot(image, index):
    return lost.leaks(image, lost.snapshot(image, image.snapshots[index]))


def lost_snapshots(image, table_too=True):
    gone = lost.snapshots(image)
    if not table_too:
        del gone[image.cluster(image.header['snapshots_offset'])]
    return lost.leaks(image, gone)


@damage(of='snapshots')
def snapshot_table_beyond_file(image):
    leaks = lost_snapshots(image)
    image.header['snapshots_offset'] = TOO_FAR
    return [corruption('header-snapshots-beyond')] + leaks


@damage(of='snapshots', counts=ZEROS)
def snapshot_entry_cut_by_file_end(image):
    """The second entry's L1 offset is there, its name is not."""
    new = image.move_last(image.header['snapshots_offset'])
    image.header['snapshots_offset'] = new
    image.raw.truncate(new + 100)
    return [corruption('snapshot-table-damaged', host=new)]


@damage(of='snapshots')
def snapshot_table_zeroed(image):
    """QEMU drops such snapshots without a word and frees what they held."""
    leaks = lost_snapshots(image, table_too=False)
    table = image.header['snapshots_offset']
    image.raw.write(table, bytes(4096))
    return [corruption(code, host=host) for host in (table, table + 40)
            for code in ('snapshot-entry-empty', 'snapshot-extra-short')] + leaks


@damage(of='snapshots', counts=ZEROS)
def snapshot_name_too_long(image):
    """The name runs over its table's end and the file's."""
    image.snapshots[1]['name_bytes'] = 65535
    return [corruption('snapshot-table-damaged')]


@damage(of='snapshots')
def snapshot_extra_giant(image):
    image.snapshots[0]['extra_bytes'] = 0xffffffff
    return [corruption('snapshot-table-damaged')]


def stretch_extra(image, n_bytes):
    """The last snapshot with that much extra data."""
    last = image.snapshots[-1]
    ident = image.raw.read(last.id_offset, last['id_bytes'] + last['name_bytes'])
    extra = image.raw.read(last.offset + 40, last['extra_bytes'])
    last['extra_bytes'] = n_bytes
    image.raw.write(last.offset + 40, (extra + bytes(n_bytes))[:n_bytes] + ident + bytes(40))


@damage(of='snapshots')
def snapshot_extra_too_short(image):
    """8 bytes of extra data: the VM state's size, but not the disk's."""
    stretch_extra(image, 8)
    return [corruption('snapshot-extra-short')]


@damage(of='snapshots')
def snapshot_extra_too_large(image):
    """1,032 bytes of extra data are more than QEMU keeps."""
    stretch_extra(image, 1032)
    return [corruption('snapshot-table-damaged')]


@damage(of='snapshots', why='QEMU lets the id stand twice; which one "snapshot -a 1" means, '
                            'nobody knows')
def snapshot_id_twice(image):
    image.raw.write(image.snapshots[1].id_offset, b'1')
    return [corruption('snapshot-id-twice')]


@damage(of='snapshots')
def snapshot_name_twice(image):
    image.raw.write(image.snapshots[1].name_offset, b'one')
    return [note('snapshot-name-twice')]


@damage(of='snapshots', why='QEMU passes it, and applying the snapshot makes the disk 0 bytes')
def snapshot_disk_size_zero(image):
    image.snapshots[0]['disk_bytes'] = 0
    return [corruption('snapshot-disk-size-zero')]


@damage(of='snapshots', why='QEMU holds the size against nothing')
def snapshot_disk_size_beyond_l1(image):
    image.snapshots[0]['disk_bytes'] = image.header['virtual_size'] * 2
    return [corruption('snapshot-l1-short')]


@damage(of='snapshots')
def snapshot_l1_unaligned(image):
    expected = lost_snapshot(image, 0)
    image.snapshots[0]['l1_offset'] += 512
    return [corruption('snapshot-l1-unaligned')] + expected


@damage(of='snapshots')
def snapshot_l1_beyond_file(image):
    expected = lost_snapshot(image, 0)
    image.snapshots[0]['l1_offset'] = TOO_FAR
    return [corruption('snapshot-l1-beyond-file')] + expected


@damage(of='snapshots')
def snapshot_l1_giant(image):
    expected = lost_snapshot(image, 0)
    image.snapshots[0]['l1_entries'] = (1 << 22) + 1
    return [corruption('snapshot-l1-large')] + expected


@damage(of='snapshots')
def snapshot_l1_entry_beyond_file(image):
    """The table of guest cluster 512 is shared, so its counts become too high."""
    l1 = image.snapshots[0].l1
    leaks = lost.leaks(image, lost.table(image, l1[1] & q.OFFSET_MASK))
    l1[1] = TOO_FAR
    return [corruption('l1-entry-beyond-file', guest=image.guest(image.l2_entries))] + leaks


@damage(of='snapshots')
def snapshot_l1_entry_reserved_bits(image):
    image.snapshots[0].l1[0] |= 1 << 58
    return [corruption('l1-entry-reserved-bits', guest=0)]


@damage(of='snapshots')
def snapshot_l2_entry_beyond_file(image):
    table = image.l2_at(image.snapshots[0].l1[0] & q.OFFSET_MASK)
    host = table[0] & q.OFFSET_MASK
    table[0] = TOO_FAR
    return [corruption('l2-entry-beyond-file', guest=0), leak('cluster-leaked', host=host)]


@damage(of='snapshots')
def snapshot_l2_entry_unaligned(image):
    table = image.l2_at(image.snapshots[0].l1[0] & q.OFFSET_MASK)
    table[0] += 512
    return [corruption('l2-entry-unaligned', guest=0),
            corruption('refcount-too-low', host=table[1] & q.OFFSET_MASK)]


@damage(of='snapshots')
def snapshot_data_is_free(image):
    """What only the snapshot holds may be overwritten at any time."""
    table = image.l2_at(image.snapshots[0].l1[0] & q.OFFSET_MASK)
    host = table[0] & q.OFFSET_MASK
    image.refcount[image.cluster(host)] = 0
    return [corruption('refcount-too-low', host=host)]


@damage(of='snapshots')
def snapshots_forgotten(image):
    """The header says that there are none: everything that only they held is lost space."""
    expected = lost_snapshots(image)
    for one in image.snapshots:
        expected += lost.tables(image, one['l1_offset'], one.l1[0] & q.OFFSET_MASK)
    image.header['n_snapshots'] = 0
    image.header['snapshots_offset'] = 0
    return expected


@damage(of='vm-state')
def snapshot_vm_state_unaligned(image):
    """Damage behind the end of the disk, where the machine's memory lies."""
    snapshot = image.snapshots[0]
    index = max(i for i in range(len(snapshot.l1)) if snapshot.l1[i])
    table = image.l2_at(snapshot.l1[index] & q.OFFSET_MASK)
    table[0] += 512
    return [corruption('l2-entry-unaligned', guest=image.guest(index * image.l2_entries)),
            corruption('refcount-too-low', host=table[1] & q.OFFSET_MASK)]


@damage(of='data-file')
def snapshots_with_data_file(image):
    """Snapshots cannot be where guest data is not the image's own."""
    table = image.adopt(image.append())
    l1 = image.adopt(image.append())
    image.raw.write(table, l1.to_bytes(8, 'big') + (4).to_bytes(4, 'big') + b'\0\1\0\1')
    image.raw.put(table + 36, 4, 16)
    image.raw.put(table + 48, 8, image.header['virtual_size'])
    image.raw.write(table + 56, b'1x')
    image.header['n_snapshots'] = 1
    image.header['snapshots_offset'] = table
    return [corruption('header-data-file-snapshots', host=AT['n_snapshots'])]


@damage(of='snapshots')
def snapshot_count_one_too_few(image):
    """The second snapshot is in the table and not in the header."""
    leaks = lost_snapshot(image, 1)
    leaks += lost.tables(image, image.snapshots[1]['l1_offset'])
    image.header['n_snapshots'] = 1
    return leaks


@damage(of='snapshots')
def snapshot_count_one_too_many(image):
    """Behind the table's end are zeros: a third entry without an L1 table."""
    end = image.snapshots[1].end
    image.header['n_snapshots'] = 3
    return [corruption('snapshot-entry-empty', host=end),
            corruption('snapshot-extra-short', host=end)]


@damage(of='snapshots', why='QEMU holds the size against nothing')
def snapshot_l1_without_entries(image):
    leaks = lost_snapshot(image, 0)
    image.snapshots[0]['l1_entries'] = 0
    return AtLeast([corruption('snapshot-l1-short'), *leaks[:1]])


@damage(of='snapshots', counts=GARBAGE)
def snapshot_l1_entry_unaligned(image):
    image.snapshots[0].l1[1] += 512
    return AtLeast([corruption('l1-entry-unaligned', guest=image.guest(image.l2_entries))])


@damage(of='snapshots')
def snapshot_l2_entry_reserved_bits(image):
    table = image.l2_at(image.snapshots[0].l1[0] & q.OFFSET_MASK)
    table[0] |= 1 << 57
    return [corruption('l2-entry-reserved-bits', guest=0)]


@damage(of='snapshots')
def snapshot_compressed_copied(image):
    table = image.l2_at(image.snapshots[0].l1[0] & q.OFFSET_MASK)
    table[4] |= q.COPIED
    return [corruption('l2-compressed-copied', guest=image.guest(4))]


@damage(of='snapshots')
def snapshot_l1_not_counted(image):
    host = image.snapshots[1]['l1_offset']
    image.refcount[image.cluster(host)] = 0
    return [corruption('refcount-too-low', host=host)]


@damage(of='snapshots')
def snapshot_table_not_counted(image):
    host = image.header['snapshots_offset']
    image.refcount[image.cluster(host)] = 0
    return [corruption('refcount-too-low', host=host)]


@damage(of='snapshots', version=2)
def snapshot_data_is_free_in_version_2(image):
    table = image.l2_at(image.snapshots[0].l1[0] & q.OFFSET_MASK)
    host = table[0] & q.OFFSET_MASK
    image.refcount[image.cluster(host)] = 0
    return [corruption('refcount-too-low', host=host)]


@damage(of='vm-state')
def snapshot_vm_state_beyond_file(image):
    """The machine's memory is lost, the snapshot's disk is not."""
    snapshot = image.snapshots[0]
    index = max(i for i in range(len(snapshot.l1)) if snapshot.l1[i])
    table = image.l2_at(snapshot.l1[index] & q.OFFSET_MASK)
    host = table[0] & q.OFFSET_MASK
    table[0] = TOO_FAR
    return [corruption('l2-entry-beyond-file', guest=image.guest(index * image.l2_entries)),
            leak('cluster-leaked', host=host)]
