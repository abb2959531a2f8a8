# SPDX-License-Identifier: LGPL-2.1-or-later
"""Damages to the snapshot table, to its entries and to the snapshots' own tables."""

import qcow2image as q

from . import corruption, damage, leak, note
from .header import AT, TOO_FAR


def tree(image, l1):
    """{host cluster: references} of all that an L1 table leads to."""
    counts = {}

    def add(cluster):
        counts[cluster] = counts.get(cluster, 0) + 1

    for i in range(len(l1)):
        offset = l1[i] & q.OFFSET_MASK
        if not offset:
            continue
        add(image.cluster(offset))
        table = image.l2_at(offset)
        for slot in range(image.l2_entries):
            entry = table[slot]
            if entry & q.COMPRESSED:
                start, length = image.compressed(entry)
                for cluster in range(image.cluster(start), image.cluster(start + length - 1) + 1):
                    add(cluster)
            elif entry & q.OFFSET_MASK:
                add(image.cluster(entry & q.OFFSET_MASK))
    return counts


def lost_tree(image, snapshot):
    """Leaks: a snapshot's L1 that nobody reads any more, and what it refers to."""
    lost = tree(image, snapshot.l1)
    found = [leak('cluster-leaked', host=snapshot['l1_offset'])]
    for cluster, count in sorted(lost.items()):
        code = 'cluster-leaked' if image.refcount[cluster] == count else 'refcount-too-high'
        found.append(leak(code, host=image.at_cluster(cluster)))
    return found


def lost_snapshots(image, with_table=True):
    """Leaks: all snapshots and, with it, their table."""
    table = image.header['snapshots_offset']
    found = [leak('cluster-leaked', host=table)] if with_table else []
    lost = {}
    for snapshot in image.snapshots:
        found.append(leak('cluster-leaked', host=snapshot['l1_offset']))
        for cluster, count in tree(image, snapshot.l1).items():
            lost[cluster] = lost.get(cluster, 0) + count
    for cluster, count in sorted(lost.items()):
        code = 'cluster-leaked' if image.refcount[cluster] == count else 'refcount-too-high'
        found.append(leak(code, host=image.at_cluster(cluster)))
    return found


@damage(of='snapshots')
def snapshot_table_beyond_file(image):
    image.header['snapshots_offset'] = TOO_FAR
    return [corruption('header-snapshots-beyond', host=AT['snapshots_offset'])]


@damage(of='snapshots')
def snapshot_entry_cut_by_file_end(image):
    new = image.move_last(image.header['snapshots_offset'])
    image.header['snapshots_offset'] = new
    image.raw.truncate(new + 100)
    return [corruption('snapshot-table-damaged', host=new)]


@damage(of='snapshots', why='QEMU drops the snapshots silently; repairing frees their clusters')
def snapshot_table_zeroed(image):
    table = image.header['snapshots_offset']
    image.raw.write(table, bytes(4096))
    return [corruption('snapshot-disk-size-zero'), corruption('snapshot-disk-size-zero'),
            corruption('snapshot-id-twice'), corruption('snapshot-extra-short'),
            corruption('snapshot-extra-short')]


@damage(of='snapshots')
def snapshot_name_too_long(image):
    """The name runs over its neighbour and beyond the table's cluster."""
    image.snapshots[1]['name_bytes'] = 65535
    return [corruption('snapshot-table-damaged')]


@damage(of='snapshots')
def snapshot_extra_giant(image):
    image.snapshots[0]['extra_bytes'] = 0xffffffff
    return [corruption('snapshot-table-damaged')]


@damage(of='snapshots')
def snapshot_extra_too_short(image):
    """8 bytes of extra data: the VM state's size, but not the disk's."""
    last = image.snapshots[1]
    ident = image.raw.read(last.id_offset, last['id_bytes'] + last['name_bytes'])
    last['extra_bytes'] = 8
    image.raw.write(last.offset + 48, ident + bytes(40))
    return [corruption('snapshot-extra-short')]


@damage(of='snapshots')
def snapshot_extra_too_large(image):
    """1,032 bytes of extra data are more than QEMU keeps."""
    last = image.snapshots[1]
    ident = image.raw.read(last.id_offset, last['id_bytes'] + last['name_bytes'])
    last['extra_bytes'] = 1032
    image.raw.write(last.offset + 64, bytes(1008) + ident)
    return [corruption('snapshot-extra-large')]


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
    expected = lost_tree(image, image.snapshots[0])
    image.snapshots[0]['l1_offset'] += 512
    return [corruption('snapshot-l1-unaligned')] + expected


@damage(of='snapshots')
def snapshot_l1_beyond_file(image):
    expected = lost_tree(image, image.snapshots[0])
    image.snapshots[0]['l1_offset'] = TOO_FAR
    return [corruption('snapshot-l1-beyond-file')] + expected


@damage(of='snapshots')
def snapshot_l1_giant(image):
    expected = lost_tree(image, image.snapshots[0])
    image.snapshots[0]['l1_entries'] = (1 << 22) + 1
    return [corruption('snapshot-l1-large')] + expected


@damage(of='snapshots')
def snapshot_l1_entry_beyond_file(image):
    """Only the snapshot has this table: guest cluster 512 is shared, so its counts stay high."""
    l1 = image.snapshots[0].l1
    shared = l1[1] & q.OFFSET_MASK
    l1[1] = TOO_FAR
    return [corruption('l1-entry-beyond-file', guest=image.guest(image.l2_entries)),
            leak('refcount-too-high', host=shared),
            leak('refcount-too-high', host=image.host(512))]


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
    host = table[0] & q.OFFSET_MASK
    table[0] += 512
    return [corruption('l2-entry-unaligned', guest=0), leak('cluster-leaked', host=host)]


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
    image.header['n_snapshots'] = 0
    image.header['snapshots_offset'] = 0
    return expected + [corruption('l1-copied-missing', guest=image.guest(image.l2_entries))][:0]


@damage(of='vm-state')
def snapshot_vm_state_unaligned(image):
    """Damage behind the end of the disk, where the machine's memory lies."""
    snapshot = image.snapshots[0]
    index = max(i for i in range(len(snapshot.l1)) if snapshot.l1[i])
    table = image.l2_at(snapshot.l1[index] & q.OFFSET_MASK)
    host = table[0] & q.OFFSET_MASK
    table[0] += 512
    return [corruption('l2-entry-unaligned', guest=image.guest(index * image.l2_entries)),
            leak('cluster-leaked', host=host)]


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
