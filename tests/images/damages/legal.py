# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images that look odd and are sound: a check that finds something here is wrong."""

import qcow2image as q

from . import damage, note
from .mapping import bend


@damage()
def legal_last_cluster_partial(image):
    """The last cluster of data was written in part; the rest reads as zeros."""
    image.raw.truncate(image.raw.size - 4096 + 1024)
    return []


@damage(of='empty', virtual_size=0)
def legal_disk_of_0_bytes(image):
    return []


@damage(of='empty', virtual_size=512)
def legal_disk_of_one_sector(image):
    return []


@damage(of='empty', virtual_size=1 << 50, cluster_bits=21)
def legal_disk_of_a_pebibyte(image):
    """Sparse beyond belief: the claim costs nothing."""
    return []


@damage()
def legal_file_sparse_to_a_tebibyte(image):
    """A file that ends far behind its last cluster: preallocated, or on a block device."""
    image.raw.truncate(1 << 40)
    return []


@damage(of='snapshots')
def legal_refcount_over_two(image):
    return []


@damage(version=2)
def legal_version_2(image):
    return []


@damage(of='snapshots', version=2)
def legal_version_2_snapshots_without_extra_data(image):
    return []


@damage(header_bytes=104)
def legal_header_of_104_bytes(image):
    return []


@damage(header_bytes=160)
def legal_header_with_unknown_fields(image):
    """A longer header: what we do not know is kept, not judged."""
    image.raw.write(112, b'\xa5' * 48)
    return []


@damage(unknown_extensions=((0x99887766, b'somebody else\'s'), (0, b'')))
def legal_unknown_extension(image):
    return []


@damage(unknown_extensions=((q.EXT_LEAKS_KEPT, b''),))
def legal_leaks_kept(image):
    """A repair kept leaked clusters, and they were freed since."""
    return [note('leaks-kept')]


@damage(refcount_order=0)
def legal_refcounts_of_one_bit(image):
    return []


@damage(refcount_order=6)
def legal_refcounts_of_64_bits(image):
    return []


@damage(reftable_clusters=3)
def legal_refcount_table_larger_than_needed(image):
    return []


@damage()
def legal_refcount_block_for_nothing(image):
    """A block for clusters that do not exist yet."""
    image.reftable[5] = image.adopt(image.append())
    return []


@damage(of='vm-state')
def legal_vm_state_beyond_the_disk(image):
    return []


@damage(of='subclusters')
def legal_subclusters_of_each_kind(image):
    return []


@damage(of='data-file')
def legal_data_file(image):
    """Guest cluster 0 lies at offset 0 of the data file."""
    assert image.entry(0)[0][0] == q.COPIED
    return []


@damage(of='data-file', data_file_raw=True)
def legal_data_file_raw(image):
    return []


@damage(of='bitmaps')
def legal_bitmaps(image):
    return []


@damage(of='luks')
def legal_luks(image):
    return []


@damage(of='backing')
def legal_backing_file_missing(image):
    """A check of one image asks for no other."""
    return []


@damage(compression='zstd', deep=True)
def legal_zstd(image):
    return []


@damage(deep=True)
def legal_zlib(image):
    return []


@damage()
def legal_zero_cluster_with_host_space(image):
    bend(image, 1, lambda e: e | q.ZERO)
    return []


@damage(lazy_refcounts=True)
def legal_lazy_refcounts(image):
    return []


@damage(of='empty', cluster_bits=9)
def legal_smallest_clusters(image):
    return []


@damage(cluster_bits=21)
def legal_largest_clusters(image):
    return []


@damage()
def legal_garbage_behind_the_end(image):
    """Bytes that nobody counts behind the last cluster, as a crash of a writer leaves them."""
    end = image.append(3)
    image.raw.write(end, b'\xa5' * 3 * 4096)
    return []


@damage()
def legal_l1_table_larger_than_needed(image):
    image.header['l1_entries'] = 300
    return []


@damage(of='run')
def legal_run(image):
    return []


@damage(deep=True)
def legal_compressed_with_room(image):
    """The descriptor has more sectors than the stream, all of its own cluster."""
    offset, _ = image.compressed(image.entry(5)[0][5])
    bend(image, 5, lambda e: image.compressed_entry(offset, 3))
    return []
