# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a repair (`check -r all`) brings back, by the subject of the damage.

RECOVERED: the image is sound afterwards, and all guest data is what it was before the damage.
Of all others the table says nothing: they are mended with a loss that is told, or left.
"""

RECOVERED = {
    'header': (
        'autoclear-feature-unknown', 'refcount-table-none', 'refcount-table-giant',
        'refcount-table-offset-unaligned', 'refcount-table-offset-overflows', 'marked-dirty',
        'marked-corrupt', 'legacy-encryption', 'header-refcount-order-smaller',
        'header-refcount-order-larger', 'refcount-table-offset-on-a-hole',
        'refcount-table-offset-on-data', 'marked-dirty-with-stale-counts',
        'marked-corrupt-with-a-leak', 'marked-dirty-and-corrupt', 'l1-entries-too-few',
        'l1-offset-unaligned', 'virtual-size-beyond-l1', 'compression-bit-without-type',
        'compression-type-without-bit',
    ),
    'extensions': (
        'backing-format-missing', 'feature-table-ragged', 'bitmaps-bit-cleared',
        'luks-clusters-not-counted', 'data-file-named-but-not-used',
    ),
    'mapping': (
        'l1-entry-reserved-high-bit', 'l1-entry-reserved-low-bit', 'l1-copied-missing',
        'l1-copied-false', 'l1-entry-copied-without-offset', 'l2-entry-copied-without-offset',
        'l2-entry-reserved-high-bit', 'l2-entry-reserved-low-bit', 'l2-zero-flag-in-version-2',
        'l2-copied-missing', 'l2-copied-false', 'compressed-copied', 'compressed-refcount-too-low',
        'subcluster-allocated-and-zero', 'subcluster-bitmap-on-compressed',
        'subcluster-entry-with-zero-flag', 'data-file-copied-missing',
        'l2-entry-reserved-bits-with-subclusters', 'l2-copied-missing-with-subclusters',
        'subcluster-all-allocated-and-zero', 'subcluster-allocated-and-zero-over-backing',
        'l2-copied-missing-with-luks', 'compressed-copied-zstd', 'compressed-size-into-neighbour',
        'compressed-copied-in-version-2',
    ),
    'tables': (
        'refcount-block-of-noise', 'refcount-block-of-ones', 'refcount-block-torn',
        'refcount-table-of-noise', 'refcount-table-of-ones', 'refcounts-zeroed-beside-snapshots',
    ),
    'sharing': (
        'refcount-table-entry-on-data',
    ),
    'refcounts': (
        'used-data-is-free', 'used-l2-table-is-free', 'used-header-is-free',
        'refcount-table-not-counted', 'refcount-block-not-counted', 'refcount-too-high',
        'refcount-too-high-on-table', 'shared-cluster-counted-once', 'cluster-leaked',
        'clusters-leaked-many', 'narrow-count-is-free', 'narrow-count-leaked', 'wide-count-absurd',
        'nibble-count-too-low', 'counts-beyond-file', 'refcount-table-beyond-file',
        'refcount-table-entry-reserved-bits', 'refcount-table-entry-unaligned',
        'refcount-table-entry-beyond-file', 'refcount-table-second-entry-beyond-file',
        'refcount-table-empty', 'refcount-block-in-two-entries', 'refcount-block-is-the-table',
        'refcount-table-clusters-too-few', 'refcount-table-clusters-too-many',
        'refcount-block-of-zeros', 'two-bit-count-too-low', 'byte-counts-all-too-high',
        'word-count-too-low', 'narrow-refcount-block-of-zeros', 'wide-refcount-block-of-zeros',
        'refcount-block-of-zeros-in-version-2', 'refcount-block-of-zeros-with-luks',
        'refcount-block-of-zeros-with-bitmaps', 'refcount-block-of-zeros-with-data-file',
        'refcount-block-of-zeros-with-subclusters', 'refcount-block-in-the-middle-lost',
        'leaks-among-data', 'used-data-is-free-over-backing',
    ),
    'snapshots': (
        'snapshot-name-twice', 'snapshot-l1-entry-reserved-bits', 'snapshot-data-is-free',
        'snapshot-l2-entry-reserved-bits', 'snapshot-compressed-copied', 'snapshot-l1-not-counted',
        'snapshot-table-not-counted', 'snapshot-data-is-free-in-version-2',
    ),
    'bitmaps': (
        'bitmap-extra-data-compatible', 'bitmap-in-use', 'bitmap-data-is-free',
        'bitmap-directory-is-free', 'bitmap-table-not-counted', 'bitmaps-all-in-use',
        'bitmap-tail-bits',
    ),
    'files': (
        'file-cut-at-refcount-block',
    ),
}


def is_recovered(damage):
    return any(damage.name in names for names in RECOVERED.values())
