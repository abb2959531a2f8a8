# SPDX-License-Identifier: LGPL-2.1-or-later
"""Damages to reference counts, refcount blocks and the refcount table."""

import qcow2image as q

from . import AtLeast, corruption, damage, error, leak, lost, note
from .header import AT, TOO_FAR
from .mapping import bend


def count(image, offset, value):
    image.refcount[image.cluster(offset)] = value
    return offset


# -- counts -----------------------------------------------------------------------


@damage()
def used_data_is_free(image):
    return [corruption('refcount-too-low', host=count(image, image.host(0), 0)),
            corruption('l2-copied-false', guest=0)]


@damage()
def used_l2_table_is_free(image):
    return [corruption('refcount-too-low', host=count(image, image.l2_offsets[0], 0)),
            corruption('l1-copied-false', guest=0)]


@damage()
def used_header_is_free(image):
    return [corruption('refcount-too-low', host=count(image, 0, 0))]


@damage()
def refcount_table_not_counted(image):
    return [corruption('refcount-too-low', host=count(image, image.reftable.offset, 0))]


@damage()
def refcount_block_not_counted(image):
    return [corruption('refcount-too-low', host=count(image, image.refcount.blocks[0], 0))]


@damage()
def refcount_too_high(image):
    """One owner, two counts: nothing can overwrite it, and COPIED is no longer true."""
    host = count(image, image.host(0), 2)
    return [leak('refcount-too-high', host=host), corruption('l2-copied-false', guest=0)]


@damage()
def refcount_too_high_on_table(image):
    host = count(image, image.l1.offset, 3)
    return [leak('refcount-too-high', host=host)]


@damage(of='snapshots')
def shared_cluster_counted_once(image):
    """The first write through the snapshot's back would change the snapshot."""
    host = count(image, image.host(2), 1)
    return [corruption('refcount-too-low', host=host),
            corruption('l2-copied-missing', guest=image.guest(2))]


@damage()
def cluster_leaked(image):
    return [leak('cluster-leaked', host=image.adopt(image.append()))]


@damage()
def leaks_of_a_crash(image):
    """A new L2 table and data for it: the entries were not written any more. Nothing was lost."""
    image.l1[2] = q.COPIED | image.adopt(image.append())
    hosts = [image.adopt(image.append()) for _ in range(3)]
    for host in hosts:
        image.raw.write(host, b'X' * image.cluster_size)
    return [leak('cluster-leaked', host=host) for host in hosts]


@damage()
def clusters_leaked_many(image):
    first = image.append(40)
    return [leak('cluster-leaked', host=image.adopt(first + i * 4096)) for i in range(40)]


@damage(refcount_order=0)
def narrow_count_is_free(image):
    return [corruption('refcount-too-low', host=count(image, image.host(1), 0)),
            corruption('l2-copied-false', guest=image.guest(1))]


@damage(refcount_order=0)
def narrow_count_leaked(image):
    return [leak('cluster-leaked', host=image.adopt(image.append()))]


@damage(refcount_order=0)
def narrow_count_overflows(image):
    """Two owners where one bit counts: no number is right."""
    host, old = image.host(0), image.host(1)
    bend(image, 1, lambda e: host)
    return [corruption('cluster-shared', host=host), corruption('refcount-overflow', host=host),
            corruption('l2-copied-missing', guest=image.guest(1)),
            leak('cluster-leaked', host=old)]


@damage(refcount_order=6)
def wide_count_absurd(image):
    """All 64 bits set: as a signed number it would be less than nothing."""
    host = count(image, image.host(0), (1 << 64) - 1)
    return [leak('refcount-too-high', host=host), corruption('l2-copied-false', guest=0)]


@damage(refcount_order=2)
def nibble_count_too_low(image):
    offset, _ = image.compressed(image.entry(4)[0][4])
    return [corruption('refcount-too-low', host=count(image, offset & ~0xfff, 1))]


@damage()
def counts_beyond_file(image):
    beyond = image.raw.size
    for i in range(3):
        image.refcount[image.cluster(beyond) + i] = 1
    return [note('refcount-beyond-file', host=beyond)]


# -- the table and the blocks --------------------------------------------------------


@damage()
def refcount_table_beyond_file(image):
    """Every count reads as 0; nothing of the mapping is touched."""
    missing = lost.uncounted(image, but=(image.reftable.offset, image.refcount.blocks[0]))
    image.header['reftable_offset'] = TOO_FAR
    return [corruption('header-refcount-table-beyond', host=AT['reftable_offset']), *missing]


@damage()
def refcount_table_entry_reserved_bits(image):
    """The block is read all the same, but it is not believed to be one."""
    image.reftable[0] |= 1
    return [corruption('refcount-table-entry-reserved-bits'),
            leak('cluster-leaked', host=image.refcount.blocks[0])]


@damage()
def refcount_table_entry_unaligned(image):
    image.reftable[0] += 512
    return [corruption('refcount-table-entry-unaligned'), error('refcount-unknown', host=0)]


@damage()
def refcount_table_entry_beyond_file(image):
    missing = lost.uncounted(image, but=(image.refcount.blocks[0],))
    image.reftable[0] = TOO_FAR
    return [corruption('refcount-table-entry-beyond-file', host=TOO_FAR), *missing]


@damage()
def refcount_table_second_entry_beyond_file(image):
    """The block would hold the counts of clusters that the file does not have."""
    image.reftable[1] = TOO_FAR
    return [corruption('refcount-table-entry-beyond-file', host=TOO_FAR)]


@damage()
def refcount_table_empty(image):
    """No block: every cluster has refcount 0 and is used."""
    missing = lost.uncounted(image, but=(image.refcount.blocks[0],))
    image.reftable[0] = 0
    return missing


@damage()
def refcount_block_in_two_entries(image):
    block = image.refcount.blocks[0]
    image.reftable[1] = block
    return [corruption('refcount-block-shared', host=block),
            corruption('refcount-too-low', host=block)]


@damage()
def refcount_block_is_the_table(image):
    """The table names itself as its second block: its entries read as counts beyond the file."""
    table = image.reftable.offset
    image.reftable[1] = table
    return [corruption('refcount-block-shared', host=table),
            corruption('metadata-overlap', host=table, owners=('refcount-table', 'refcount-block')),
            corruption('refcount-too-low', host=table), note('refcount-beyond-file')]


@damage(reftable_clusters=2)
def refcount_table_clusters_too_few(image):
    """The table's second cluster belongs to nobody now."""
    image.header['reftable_clusters'] = 1
    return [leak('cluster-leaked', host=image.reftable.offset + 4096)]


@damage()
def refcount_table_clusters_too_many(image):
    """The table swallows its neighbour, the block, whose counts read as three entries."""
    image.header['reftable_clusters'] = 2
    block = image.refcount.blocks[0]
    return [corruption('refcount-block-shared', host=block),
            corruption('metadata-overlap', host=block, owners=('refcount-table', 'refcount-block')),
            corruption('refcount-too-low', host=block),
            corruption('refcount-table-entry-reserved-bits', host=0x1000100010000),
            corruption('refcount-table-entry-reserved-bits', host=0x1000100010000),
            corruption('refcount-table-entry-beyond-file', host=0x2000100010000)]


@damage()
def refcount_table_runs_beyond_file(image):
    """It begins in the file's last cluster and has two."""
    new = image.move_last(image.reftable.offset)
    image.header['reftable_offset'] = new
    image.header['reftable_clusters'] = 2
    return [corruption('refcount-table-beyond-file', host=new), leak('cluster-leaked', host=new)]


@damage()
def refcount_block_of_zeros(image):
    """A lost write: the block is there and empty."""
    missing = lost.uncounted(image)
    image.raw.write(image.refcount.blocks[0], bytes(4096))
    return missing


@damage(refcount_order=1)
def two_bit_count_too_low(image):
    offset, _ = image.compressed(image.entry(4)[0][4])
    return [corruption('refcount-too-low', host=count(image, offset & ~0xfff, 1))]


@damage(refcount_order=3)
def byte_counts_all_too_high(image):
    """Every count at its largest."""
    used = [i for i in range(image.n_clusters) if image.refcount[i]]
    for cluster in used:
        image.refcount[cluster] = 255
    return AtLeast([leak('refcount-too-high', host=image.at_cluster(c)) for c in used] +
                   [corruption('l1-copied-false', guest=0)])


@damage(refcount_order=5)
def word_count_too_low(image):
    return [corruption('refcount-too-low', host=count(image, image.host(0), 0)),
            corruption('l2-copied-false', guest=0)]


@damage(refcount_order=0)
def narrow_refcount_block_of_zeros(image):
    missing = lost.uncounted(image)
    image.raw.write(image.refcount.blocks[0], bytes(4096))
    return missing


@damage(refcount_order=6)
def wide_refcount_block_of_zeros(image):
    missing = lost.uncounted(image)
    image.raw.write(image.refcount.blocks[0], bytes(4096))
    return missing


@damage(version=2)
def refcount_block_of_zeros_in_version_2(image):
    missing = lost.uncounted(image)
    image.raw.write(image.refcount.blocks[0], bytes(4096))
    return missing


@damage(of='luks')
def refcount_block_of_zeros_with_luks(image):
    """The LUKS header's clusters are to be counted again, too."""
    missing = lost.uncounted(image)
    image.raw.write(image.refcount.blocks[0], bytes(4096))
    return missing


@damage(of='bitmaps')
def refcount_block_of_zeros_with_bitmaps(image):
    """Directory, tables and data of the bitmaps are to be counted again, too."""
    missing = lost.uncounted(image)
    image.raw.write(image.refcount.blocks[0], bytes(4096))
    return missing


@damage(of='data-file')
def refcount_block_of_zeros_with_data_file(image):
    missing = [corruption('refcount-too-low', host=image.at_cluster(i))
               for i in range(image.n_clusters) if image.refcount[i]]
    missing += [corruption('l1-copied-false', guest=image.guest(i * image.l2_entries))
                for i in range(len(image.l1)) if image.l1[i] & q.COPIED]
    image.raw.write(image.refcount.blocks[0], bytes(4096))
    return missing


@damage(of='subclusters')
def refcount_block_of_zeros_with_subclusters(image):
    missing = lost.uncounted(image)
    image.raw.write(image.refcount.blocks[0], bytes(image.cluster_size))
    return missing


@damage(cluster_bits=9, virtual_size=4 << 20)
def refcount_block_in_the_middle_lost(image):
    """With clusters of 512 bytes a block counts 256 of them; this one counts the data."""
    index = image.cluster(image.host(0)) // image.refcount.per_block
    block = image.refcount.blocks[index]
    used = [i for i in range(image.n_clusters)
            if i // image.refcount.per_block == index and image.refcount[i]]
    image.raw.write(block, bytes(512))
    return AtLeast([corruption('refcount-too-low', host=image.at_cluster(i)) for i in used])


@damage()
def leaks_among_data(image):
    """Space that nobody uses before, between and behind what is used."""
    first = image.append(5)
    hosts = [image.adopt(first + i * 4096) for i in (0, 2, 4)]
    return [leak('cluster-leaked', host=host) for host in hosts]


@damage(of='backing')
def used_data_is_free_over_backing(image):
    return [corruption('refcount-too-low', host=count(image, image.host(0), 0)),
            corruption('l2-copied-false', guest=0)]
