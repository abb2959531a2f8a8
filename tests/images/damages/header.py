# SPDX-License-Identifier: LGPL-2.1-or-later
"""Damages to the fields of the header.

Where a field is so far off that a whole table cannot be reached, what only that
table leads to is not called leaked: it may be all that is left of the data.
"""

import qcow2image as q

from . import AtLeast, Refused, corruption, damage, error, leak, lost, note

GARBAGE = 'QEMU goes on to read what is no table as one'
AT = {name: place[0] for name, place in q.HEADER_V3.items()}
TOO_FAR = 1 << 40


def field(image, name, value):
    """Sets a field; the place of the finding that names it."""
    image.header[name] = value
    return AT[name]


@damage()
def header_cut_short(image):
    image.raw.truncate(60)
    return [corruption('header-short-file')]


@damage()
def header_magic(image):
    field(image, 'magic', q.MAGIC ^ 1)
    return Refused('not in qcow2 format')


@damage()
def header_cut_in_version_3(image):
    image.raw.truncate(100)
    return [corruption('header-short-file')]


@damage()
def header_version_4(image):
    return [error('header-version', host=field(image, 'version', 4))]


@damage()
def header_version_1(image):
    """qcow1 is another format, not an older version of this one."""
    return [error('header-version', host=field(image, 'version', 1))]


@damage()
def header_cluster_bits_small(image):
    return [corruption('header-cluster-bits', host=field(image, 'cluster_bits', 8))]


@damage()
def header_cluster_bits_large(image):
    return [corruption('header-cluster-bits', host=field(image, 'cluster_bits', 22))]


@damage()
def header_cluster_bits_absurd(image):
    return [corruption('header-cluster-bits', host=field(image, 'cluster_bits', 0xffffffff))]


@damage()
def header_length_short(image):
    return [corruption('header-length', host=field(image, 'header_bytes', 96))]


@damage()
def header_length_beyond_cluster(image):
    return [corruption('header-length', host=field(image, 'header_bytes', 4104))]


@damage(header_bytes=116, why='QEMU does not hold the length against its unit of 8')
def header_length_unaligned(image):
    return [corruption('header-length-alignment', host=AT['header_bytes'])]


@damage()
def header_refcount_order(image):
    return [corruption('header-refcount-order', host=field(image, 'refcount_order', 7))]


@damage()
def header_crypt_method(image):
    return [error('header-crypt-method', host=field(image, 'crypt_method', 3))]


@damage(feature_names=[(0, 40, 'frobnicated clusters')])
def incompatible_feature_with_a_name(image):
    return [error('header-unknown-features', host=field(image, 'incompatible', 1 << 40),
                  says='frobnicated clusters')]


@damage(feature_names=[])
def incompatible_feature_without_a_name(image):
    return [error('header-unknown-features', host=field(image, 'incompatible', 1 << 41),
                  says='20000000000')]


@damage()
def incompatible_features_all(image):
    """All but the two that change the meaning of everything else."""
    at = field(image, 'incompatible', ((1 << 64) - 1) & ~q.EXTENDED_L2 & ~q.DATA_FILE)
    return [error('header-unknown-features', host=at),
            corruption('header-compression-bit', host=at),
            note('image-dirty'), note('image-corrupt')]


@damage()
def autoclear_feature_unknown(image):
    return [note('header-unknown-autoclear', host=field(image, 'autoclear', 1 << 20))]


@damage()
def extended_l2_in_small_clusters(image):
    return [corruption('header-extended-l2-cluster',
                       host=field(image, 'incompatible', q.EXTENDED_L2) and AT['cluster_bits'])]


@damage()
def compression_type_unknown(image):
    image.header['incompatible'] = q.COMPRESSION
    return [error('header-compression-type', host=field(image, 'compression', 2))]


@damage()
def compression_bit_without_type(image):
    return [corruption('header-compression-bit',
                       host=field(image, 'incompatible', q.COMPRESSION))]


@damage(compression='zstd')
def compression_type_without_bit(image):
    return [corruption('header-compression-bit', host=field(image, 'incompatible', 0))]


@damage()
def virtual_size_negative(image):
    return [corruption('header-virtual-size', host=field(image, 'virtual_size', 1 << 63)),
            corruption('header-l1-short', host=AT['l1_entries'])]


@damage()
def virtual_size_beyond_l1(image):
    image.header['virtual_size'] = image.header['virtual_size'] + 512
    return [corruption('header-l1-short', host=AT['l1_entries'])]


@damage()
def l1_entries_giant(image):
    return [corruption('header-l1-size', host=field(image, 'l1_entries', (1 << 22) + 1))]


@damage()
def l1_entries_too_few(image):
    return [corruption('header-l1-short', host=field(image, 'l1_entries', 1))]


@damage()
def l1_offset_unaligned(image):
    return [corruption('header-l1-offset', host=field(image, 'l1_offset', 3 * 4096 + 512))]


@damage()
def l1_offset_beyond_file(image):
    leaks = lost.leaks(image, lost.active(image))
    field(image, 'l1_offset', TOO_FAR)
    return [corruption('l1-table-beyond-file', host=TOO_FAR)] + leaks


@damage()
def l1_offset_overflows(image):
    return [corruption('header-l1-offset', host=field(image, 'l1_offset', (1 << 64) - 4096))]


@damage()
def refcount_table_none(image):
    """The table and its block are used by nobody now, and nobody has a count."""
    missing = lost.uncounted(image, but=(image.reftable.offset, image.refcount.blocks[0]))
    return [corruption('header-refcount-table-size', host=field(image, 'reftable_clusters', 0)),
            *missing]


@damage()
def refcount_table_giant(image):
    return [corruption('header-refcount-table-size', host=field(image, 'reftable_clusters', 2049))]


@damage()
def refcount_table_offset_unaligned(image):
    return [corruption('header-refcount-table-offset',
                       host=field(image, 'reftable_offset', 4096 + 512))]


@damage()
def refcount_table_offset_overflows(image):
    return [corruption('header-refcount-table-offset',
                       host=field(image, 'reftable_offset', (1 << 63) - 4096 + 4096))]


@damage(of='snapshots')
def snapshots_too_many(image):
    return [corruption('header-snapshots-count', host=field(image, 'n_snapshots', 65537))]


@damage(of='snapshots')
def snapshots_offset_unaligned(image):
    at = image.header['snapshots_offset']
    return [corruption('header-snapshots-offset', host=field(image, 'snapshots_offset', at + 8))]


@damage(of='backing')
def backing_offset_beyond_cluster_0(image):
    return [corruption('header-backing-offset', host=field(image, 'backing_offset', 4097))]


@damage(of='backing')
def backing_name_too_long(image):
    return [corruption('header-backing-length', host=field(image, 'backing_bytes', 1024))]


@damage(of='backing')
def backing_name_leaves_cluster_0(image):
    image.header['backing_offset'] = 4090
    return [corruption('header-backing-length', host=field(image, 'backing_bytes', 10))]


@damage(of='backing', why='QEMU takes the header\'s own bytes for a name')
def backing_name_inside_header(image):
    return [corruption('header-backing-offset', host=field(image, 'backing_offset', 80))]


@damage(of='backing')
def backing_name_with_nul(image):
    at = image.header['backing_offset']
    image.raw.put(at + 4, 1, 0)
    return [corruption('header-backing-name', host=at)]


@damage()
def marked_dirty(image):
    image.header['incompatible'] = q.DIRTY
    return [note('image-dirty')]


@damage()
def marked_corrupt(image):
    image.header['incompatible'] = q.CORRUPT
    return [note('image-corrupt')]


@damage(of='aes')
def legacy_encryption(image):
    return [note('legacy-encryption')]


@damage(refcount_order=4)
def header_refcount_order_smaller(image):
    """Counts of 16 bits are read as counts of 8: every other is 0."""
    image.header['refcount_order'] = 3
    return AtLeast([corruption('refcount-too-low', host=0)])


@damage(refcount_order=4)
def header_refcount_order_larger(image):
    """Two counts of 16 bits are read as one of 32."""
    image.header['refcount_order'] = 5
    return AtLeast([leak('refcount-too-high', host=0), corruption('l1-copied-false', guest=0)])


@damage()
def header_cluster_bits_one_more(image):
    """Clusters of 8 KiB: nothing is where it is looked for."""
    image.header['cluster_bits'] = 13
    return AtLeast([corruption('header-l1-offset')])


@damage()
def header_cluster_bits_one_less(image):
    """Clusters of 2 KiB: the L1 table is too short for the disk, all else is half as long."""
    image.header['cluster_bits'] = 11
    return AtLeast([corruption('header-l1-short', host=AT['l1_entries'])])


@damage(counts=GARBAGE)
def l1_entries_swallow_neighbour(image):
    """The L1 table's 1,024 entries reach into the L2 table that stands behind it."""
    image.header['l1_entries'] = 1024
    return AtLeast([corruption('metadata-overlap', host=image.l2_offsets[0])])


@damage(counts=GARBAGE)
def l1_offset_on_l2_table(image):
    """L2 entries read as L1 entries: data taken for tables."""
    image.header['l1_offset'] = image.l2_offsets[0]
    return AtLeast([corruption('l2-compressed-beyond-file', guest=0)])


@damage()
def l1_offset_on_a_hole(image):
    """The L1 table is looked for where nothing was written."""
    leaks = lost.leaks(image, lost.active(image))
    tables = lost.tables(image, image.l1.offset, *filter(None, image.l2_offsets))
    new = image.append()
    image.header['l1_offset'] = new
    return [corruption('refcount-too-low', host=new)] + leaks + tables


@damage()
def refcount_table_offset_on_a_hole(image):
    """Every count reads as 0."""
    missing = lost.uncounted(image, but=(image.reftable.offset, image.refcount.blocks[0]))
    new = image.append()
    image.header['reftable_offset'] = new
    return [corruption('refcount-too-low', host=new), *missing]


@damage()
def refcount_table_offset_on_data(image):
    """A guest's letters read as entries of the refcount table."""
    image.header['reftable_offset'] = image.host(0)
    return AtLeast([corruption('metadata-overlap', host=image.host(0),
                               owners=('refcount-table', 'data'))])


@damage()
def marked_dirty_with_stale_counts(image):
    """What a crash of a guest with lazy refcounts leaves: counts that were never written."""
    image.header['incompatible'] = q.DIRTY
    image.header['compatible'] = q.LAZY_REFCOUNTS
    hosts = [image.host(1), image.host(512)]
    for host in hosts:
        image.refcount[image.cluster(host)] = 0
    return [note('image-dirty')] + [corruption('refcount-too-low', host=host) for host in hosts] + \
        [corruption('l2-copied-false', guest=image.guest(guest)) for guest in (1, 512)]


@damage()
def marked_corrupt_with_a_leak(image):
    image.header['incompatible'] = q.CORRUPT
    return [note('image-corrupt'), leak('cluster-leaked', host=image.adopt(image.append()))]


@damage()
def marked_corrupt_and_broken(image):
    """QEMU marked it when it met the entry."""
    image.header['incompatible'] = q.CORRUPT
    table, index = image.entry(1)
    table[index] += 512
    return [note('image-corrupt'), corruption('l2-entry-unaligned', guest=image.guest(1)),
            corruption('refcount-too-low', host=image.host(2))]


@damage()
def marked_dirty_and_corrupt(image):
    image.header['incompatible'] = q.CORRUPT | q.DIRTY
    return [note('image-dirty'), note('image-corrupt')]
