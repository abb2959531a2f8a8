# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a damage entails: clusters that nobody reaches any more, counts that nobody can read.

References are collections.Counter of cluster numbers, taken from the image before
it is bent, where table and counts still agree.
"""

from collections import Counter

import qcow2image as q

from . import corruption, leak, note


def span(image, offset, n_bytes):
    """A table's own clusters."""
    return Counter(range(image.cluster(offset), image.cluster(offset + n_bytes - 1) + 1))


def tree(image, l1):
    """All that an L1 table leads to: L2 tables, data, each compressed cluster's hosts."""
    found = Counter()
    for i in range(len(l1)):
        if l1[i] & q.OFFSET_MASK:
            found += table(image, l1[i] & q.OFFSET_MASK)
    return found


def table(image, offset):
    """An L2 table and what it leads to."""
    found = Counter([image.cluster(offset)])
    l2 = image.l2_at(offset)
    for entry in (l2[i] for i in range(image.l2_entries)):
        if entry & q.COMPRESSED:
            found += span(image, *image.compressed(entry))
        elif entry & q.OFFSET_MASK:
            found[image.cluster(entry & q.OFFSET_MASK)] += 1
    return found


def snapshot(image, one):
    """A snapshot's L1 table and what it leads to."""
    return span(image, one['l1_offset'], len(one.l1) * 8) + tree(image, one.l1)


def snapshots(image):
    """All snapshots and their table."""
    last = image.snapshots[-1]
    start = image.header['snapshots_offset']
    found = span(image, start, last.end - start)
    for one in image.snapshots:
        found += snapshot(image, one)
    return found


def bitmap(image, one):
    """A bitmap's table and its data."""
    found = span(image, one['table_offset'], len(one.table) * 8)
    for entry in (one.table[i] for i in range(len(one.table))):
        if entry > q.BITMAP_ALL_ONES:
            found[image.cluster(entry)] += 1
    return found


def bitmaps(image):
    """All bitmaps and their directory."""
    ext = image.extension(q.EXT_BITMAPS)
    found = span(image, ext['directory_offset'], ext['directory_bytes'])
    for one in image.bitmaps:
        found += bitmap(image, one)
    return found


def active(image):
    """The active L1 table and what it leads to."""
    return span(image, image.l1.offset, len(image.l1) * 8) + tree(image, image.l1)


def leaks(image, lost):
    """The findings when these references are gone and the counts stay."""
    return [leak('cluster-leaked' if image.refcount[cluster] == n else 'refcount-too-high',
                 host=image.at_cluster(cluster)) for cluster, n in sorted(lost.items())]


def tables(image, *offsets):
    """Leaked tables of leaked clusters."""
    return [note('lost-table', host=offset) for offset in offsets]


def copied_false(image):
    """Each COPIED flag of the active disk, when every count reads as 0."""
    found = []
    for index in range(len(image.l1)):
        if image.l1[index] & q.COPIED:
            found.append(corruption('l1-copied-false', guest=image.guest(index * image.l2_entries)))
        if image.l1[index] & q.OFFSET_MASK:
            l2 = image.l2(index)
            found += [corruption('l2-copied-false',
                                 guest=image.guest(index * image.l2_entries + slot))
                      for slot in range(image.l2_entries) if l2[slot] & q.COPIED]
    return found


def uncounted(image, but=()):
    """The findings when every count reads as 0, but for the clusters at the offsets `but`."""
    used = (image.at_cluster(i) for i in range(image.n_clusters) if image.refcount[i])
    return [corruption('refcount-too-low', host=host) for host in used if host not in but] + \
        copied_false(image)
