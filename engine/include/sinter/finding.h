/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:finding
 *
 * Findings of a check: one table of all kinds of findings, and one finding as a value. A finding is
 * data, not an error: it states what is wrong, where, what owns the place, what is at stake and how
 * to repair it.
 *
 * Names of codes ("l2-entry-beyond-file") are stable: scripts may rely on them. Their numbers are
 * stable as long as the library's soname is unchanged; new codes are appended.
 *
 * Units: offsets are bytes. Errors: none; these functions cannot fail. Threads: all functions may
 * be called from any thread; a #SinterFinding is a plain value.
 */

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterFindingClass:
 *
 * The first three correspond to the counts of `qemu-img check`.
 *
 * @SINTER_FINDING_CORRUPTION: the image is inconsistent or violates its format; data is wrong, or
 *   later writes can damage it
 * @SINTER_FINDING_LEAK: allocated space that nothing uses; data is not affected
 * @SINTER_FINDING_ERROR: a part could not be checked
 * @SINTER_FINDING_NOTE: worth reporting, but the image is not damaged
 */
typedef enum {
    SINTER_FINDING_CORRUPTION,
    SINTER_FINDING_LEAK,
    SINTER_FINDING_ERROR,
    SINTER_FINDING_NOTE,
} SinterFindingClass;
#define SINTER_FINDING_N_CLASSES 4

/**
 * SinterFindingStake:
 *
 * The worst consequence of a finding.
 *
 * @SINTER_STAKE_NONE: nothing
 * @SINTER_STAKE_SPACE: host space
 * @SINTER_STAKE_BITMAP: a dirty bitmap: the next incremental backup must be a full one
 * @SINTER_STAKE_WRITES: reads are correct now, but a write can destroy other data
 * @SINTER_STAKE_SNAPSHOT: an internal snapshot
 * @SINTER_STAKE_DATA: guest data at the reported offset is lost or wrong
 * @SINTER_STAKE_IMAGE: the whole image
 */
typedef enum {
    SINTER_STAKE_NONE,
    SINTER_STAKE_SPACE,
    SINTER_STAKE_BITMAP,
    SINTER_STAKE_WRITES,
    SINTER_STAKE_SNAPSHOT,
    SINTER_STAKE_DATA,
    SINTER_STAKE_IMAGE,
} SinterFindingStake;

/**
 * SinterFindingFix:
 *
 * How to repair it.
 *
 * @SINTER_FIX_NONE: no repair exists or none is needed; after damage of this kind, copy the
 *   readable data out of the image
 * @SINTER_FIX_FLAG: set or clear a flag
 * @SINTER_FIX_BITS: clear reserved bits
 * @SINTER_FIX_COUNT: correct the reference count
 * @SINTER_FIX_REBUILD: rebuild all refcount structures
 * @SINTER_FIX_ENTRY: infer the entry from its neighbors and from leaked clusters, or clear it
 * @SINTER_FIX_SEPARATE: copy the cluster for each owner
 * @SINTER_FIX_HEADER: rewrite a field of the header
 * @SINTER_FIX_SNAPSHOT: repair the snapshot's entry, or delete the snapshot
 * @SINTER_FIX_BITMAP: delete the bitmap
 * @SINTER_FIX_NEWER: use a program that supports the feature
 * @SINTER_FIX_RESCUE: search the file for lost tables and data (sinter/rescue.h)
 */
typedef enum {
    SINTER_FIX_NONE,
    SINTER_FIX_FLAG,
    SINTER_FIX_BITS,
    SINTER_FIX_COUNT,
    SINTER_FIX_REBUILD,
    SINTER_FIX_ENTRY,
    SINTER_FIX_SEPARATE,
    SINTER_FIX_HEADER,
    SINTER_FIX_SNAPSHOT,
    SINTER_FIX_BITMAP,
    SINTER_FIX_NEWER,
    SINTER_FIX_RESCUE,
} SinterFindingFix;

/**
 * SinterFindingQemu:
 *
 * What `qemu-img check` 7.2 usually does with the finding. A check keeps counts with and without
 * the findings that qemu-img does not report, so that the results can be compared.
 *
 * @SINTER_QEMU_COUNTED: counts it
 * @SINTER_QEMU_REFUSES: refuses to open the image, or stops the check
 * @SINTER_QEMU_UNSEEN: does not report it
 */
typedef enum {
    SINTER_QEMU_COUNTED,
    SINTER_QEMU_REFUSES,
    SINTER_QEMU_UNSEEN,
} SinterFindingQemu;

/*
 * SINTER_FINDINGS: the table. X(CODE, name, class, stake, fix, qemu, text)
 *
 * The text is one line with placeholders: {host} and {guest} for the offsets, {seen} and {expected}
 * for the values in hexadecimal, {#seen} and {#expected} for the values in decimal, {refcount} for
 * the reference count in the file, {owner} and {owners} for the first and for all owners, {detail}
 * for the finding's own text.
 */
#define SINTER_FINDINGS(X)                                                                         \
    /* header and extensions: the detail holds the text */                                         \
    X(HEADER_SHORT_FILE, "header-short-file", CORRUPTION, IMAGE, NONE, REFUSES, "{detail}")        \
    X(HEADER_VERSION, "header-version", ERROR, IMAGE, NEWER, REFUSES, "{detail}")                  \
    X(HEADER_CLUSTER_BITS, "header-cluster-bits", CORRUPTION, IMAGE, HEADER, REFUSES, "{detail}")  \
    X(HEADER_LENGTH, "header-length", CORRUPTION, IMAGE, HEADER, REFUSES, "{detail}")              \
    X(HEADER_LENGTH_ALIGNMENT, "header-length-alignment", CORRUPTION, NONE, HEADER, UNSEEN,        \
      "{detail}")                                                                                  \
    X(HEADER_REFCOUNT_ORDER, "header-refcount-order", CORRUPTION, IMAGE, HEADER, REFUSES,          \
      "{detail}")                                                                                  \
    X(HEADER_CRYPT_METHOD, "header-crypt-method", ERROR, IMAGE, NEWER, REFUSES, "{detail}")        \
    X(HEADER_UNKNOWN_FEATURES, "header-unknown-features", ERROR, IMAGE, NEWER, REFUSES,            \
      "{detail}")                                                                                  \
    X(HEADER_UNKNOWN_AUTOCLEAR, "header-unknown-autoclear", NOTE, NONE, NONE, UNSEEN, "{detail}")  \
    X(HEADER_EXTENDED_L2_CLUSTER, "header-extended-l2-cluster", CORRUPTION, IMAGE, HEADER,         \
      REFUSES, "{detail}")                                                                         \
    X(HEADER_COMPRESSION_TYPE, "header-compression-type", ERROR, IMAGE, NEWER, REFUSES,            \
      "{detail}")                                                                                  \
    X(HEADER_COMPRESSION_BIT, "header-compression-bit", CORRUPTION, DATA, HEADER, REFUSES,         \
      "{detail}")                                                                                  \
    X(HEADER_VIRTUAL_SIZE, "header-virtual-size", CORRUPTION, IMAGE, HEADER, REFUSES, "{detail}")  \
    X(HEADER_L1_SIZE, "header-l1-size", CORRUPTION, IMAGE, HEADER, REFUSES, "{detail}")            \
    X(HEADER_L1_SHORT, "header-l1-short", CORRUPTION, DATA, HEADER, REFUSES, "{detail}")           \
    X(HEADER_L1_OFFSET, "header-l1-offset", CORRUPTION, IMAGE, HEADER, REFUSES, "{detail}")        \
    X(HEADER_REFTABLE_SIZE, "header-refcount-table-size", CORRUPTION, WRITES, REBUILD, UNSEEN,     \
      "{detail}")                                                                                  \
    X(HEADER_REFTABLE_OFFSET, "header-refcount-table-offset", CORRUPTION, WRITES, REBUILD,         \
      REFUSES, "{detail}")                                                                         \
    X(HEADER_REFTABLE_BEYOND, "header-refcount-table-beyond", CORRUPTION, WRITES, REBUILD,         \
      COUNTED, "{detail}")                                                                         \
    X(HEADER_SNAPSHOTS_COUNT, "header-snapshots-count", CORRUPTION, SNAPSHOT, SNAPSHOT, REFUSES,   \
      "{detail}")                                                                                  \
    X(HEADER_SNAPSHOTS_OFFSET, "header-snapshots-offset", CORRUPTION, SNAPSHOT, SNAPSHOT, REFUSES, \
      "{detail}")                                                                                  \
    X(HEADER_SNAPSHOTS_BEYOND, "header-snapshots-beyond", CORRUPTION, SNAPSHOT, SNAPSHOT, COUNTED, \
      "{detail}")                                                                                  \
    X(HEADER_BACKING_OFFSET, "header-backing-offset", CORRUPTION, DATA, HEADER, REFUSES,           \
      "{detail}")                                                                                  \
    X(HEADER_BACKING_LENGTH, "header-backing-length", CORRUPTION, DATA, HEADER, REFUSES,           \
      "{detail}")                                                                                  \
    X(HEADER_BACKING_NAME, "header-backing-name", CORRUPTION, DATA, HEADER, UNSEEN, "{detail}")    \
    X(HEADER_EXTENSION_BOUNDS, "header-extension-bounds", CORRUPTION, IMAGE, HEADER, REFUSES,      \
      "{detail}")                                                                                  \
    X(HEADER_EXTENSION_TWICE, "header-extension-twice", CORRUPTION, NONE, HEADER, UNSEEN,          \
      "{detail}")                                                                                  \
    X(HEADER_EXTENSION_CONTENT, "header-extension-content", CORRUPTION, IMAGE, HEADER, REFUSES,    \
      "{detail}")                                                                                  \
    X(HEADER_FEATURE_TABLE, "header-feature-table", NOTE, NONE, HEADER, UNSEEN, "{detail}")        \
    X(HEADER_BITMAPS_STALE, "header-bitmaps-stale", NOTE, BITMAP, BITMAP, UNSEEN, "{detail}")      \
    X(HEADER_BITMAPS_MISSING, "header-bitmaps-missing", CORRUPTION, BITMAP, FLAG, UNSEEN,          \
      "{detail}")                                                                                  \
    X(HEADER_BITMAPS_BOUNDS, "header-bitmaps-bounds", CORRUPTION, BITMAP, BITMAP, REFUSES,         \
      "{detail}")                                                                                  \
    X(HEADER_LUKS_MISSING, "header-luks-missing", CORRUPTION, IMAGE, NONE, REFUSES, "{detail}")    \
    X(HEADER_LUKS_BOUNDS, "header-luks-bounds", CORRUPTION, IMAGE, NONE, REFUSES, "{detail}")      \
    X(HEADER_DATA_FILE_NAME, "header-data-file-name", CORRUPTION, IMAGE, HEADER, REFUSES,          \
      "{detail}")                                                                                  \
    X(HEADER_DATA_FILE_STALE, "header-data-file-stale", NOTE, NONE, HEADER, UNSEEN, "{detail}")    \
    X(HEADER_DATA_FILE_RAW, "header-data-file-raw", CORRUPTION, DATA, HEADER, UNSEEN, "{detail}")  \
    X(HEADER_DATA_FILE_SNAPSHOTS, "header-data-file-snapshots", CORRUPTION, SNAPSHOT, SNAPSHOT,    \
      COUNTED, "{detail}")                                                                         \
    /* the image's state */                                                                        \
    X(IMAGE_DIRTY, "image-dirty", NOTE, WRITES, REBUILD, UNSEEN,                                   \
      "The image was not closed cleanly: its reference counts may be stale")                       \
    X(IMAGE_CORRUPT, "image-corrupt", NOTE, WRITES, FLAG, UNSEEN,                                  \
      "The image is marked as corrupt: a program found damage while writing to it; it can be read, " \
      "but not written to until a repair (-r all) finds it sound and clears the mark")             \
    X(LEGACY_ENCRYPTION, "legacy-encryption", NOTE, NONE, NONE, UNSEEN,                            \
      "The image is encrypted with legacy AES, which is insecure and no longer supported")         \
    X(READ_ERROR, "read-error", ERROR, IMAGE, NONE, REFUSES, "{detail}")                           \
    /* L1 */                                                                                       \
    X(L1_TABLE_BEYOND_FILE, "l1-table-beyond-file", CORRUPTION, IMAGE, NONE, COUNTED,              \
      "The {owner} at {host} extends beyond the end of the file")                                  \
    X(L1_ENTRY_RESERVED_BITS, "l1-entry-reserved-bits", CORRUPTION, DATA, BITS, COUNTED,           \
      "The L1 entry of guest offset {guest} in the {owner} has reserved bits set: {seen}")         \
    X(L1_ENTRY_UNALIGNED, "l1-entry-unaligned", CORRUPTION, DATA, ENTRY, COUNTED,                  \
      "The L1 entry of guest offset {guest} in the {owner} points to {host}, which is not "        \
      "aligned "                                                                                   \
      "to a cluster")                                                                              \
    X(L1_ENTRY_BEYOND_FILE, "l1-entry-beyond-file", CORRUPTION, DATA, ENTRY, COUNTED,              \
      "The L1 entry of guest offset {guest} in the {owner} points to {host}, beyond the end of "   \
      "the file")                                                                                  \
    X(L1_ENTRY_EMPTY, "l1-entry-empty", CORRUPTION, DATA, ENTRY, UNSEEN,                           \
      "The L1 entry of guest offset {guest} in the {owner} has the flag COPIED, but points to no " \
      "L2 table: {seen}")                                                                          \
    X(L1_COPIED_FALSE, "l1-copied-false", CORRUPTION, WRITES, FLAG, COUNTED,                       \
      "The L1 entry of guest offset {guest} marks the L2 table at {host} as not shared, but its "  \
      "refcount is {refcount}")                                                                    \
    X(L1_COPIED_MISSING, "l1-copied-missing", CORRUPTION, NONE, FLAG, COUNTED,                     \
      "The L1 entry of guest offset {guest} marks the L2 table at {host} as shared, but its "      \
      "refcount is 1")                                                                             \
    X(L2_TABLE_SHARED, "l2-table-shared", CORRUPTION, DATA, SEPARATE, UNSEEN,                      \
      "The L2 table at {host} is used for different guest offsets: {owners}")                      \
    /* L2 */                                                                                       \
    X(L2_ENTRY_RESERVED_BITS, "l2-entry-reserved-bits", CORRUPTION, DATA, BITS, COUNTED,           \
      "The L2 entry of guest offset {guest} in the {owner} has reserved bits set: {seen}")         \
    X(L2_ENTRY_ZERO_BIT, "l2-entry-zero-bit", CORRUPTION, DATA, BITS, UNSEEN,                      \
      "The L2 entry of guest offset {guest} in the {owner} has the zero flag, which this image "   \
      "cannot have: {seen}")                                                                       \
    X(L2_ENTRY_UNALIGNED, "l2-entry-unaligned", CORRUPTION, DATA, ENTRY, COUNTED,                  \
      "The L2 entry of guest offset {guest} in the {owner} points to {host}, which is not "        \
      "aligned "                                                                                   \
      "to a cluster")                                                                              \
    X(L2_ENTRY_BEYOND_FILE, "l2-entry-beyond-file", CORRUPTION, DATA, ENTRY, COUNTED,              \
      "The L2 entry of guest offset {guest} in the {owner} points to {host}, beyond the end of "   \
      "the file")                                                                                  \
    X(L2_ENTRY_EMPTY, "l2-entry-empty", CORRUPTION, DATA, ENTRY, UNSEEN,                           \
      "The L2 entry of guest offset {guest} in the {owner} has the flag COPIED, but points to no " \
      "cluster: {seen}")                                                                           \
    X(L2_COPIED_FALSE, "l2-copied-false", CORRUPTION, WRITES, FLAG, COUNTED,                       \
      "The L2 entry of guest offset {guest} marks the cluster at {host} as not shared, but its "   \
      "refcount is {refcount}")                                                                    \
    X(L2_COPIED_MISSING, "l2-copied-missing", CORRUPTION, NONE, FLAG, COUNTED,                     \
      "The L2 entry of guest offset {guest} marks the cluster at {host} as shared, but its "       \
      "refcount is 1")                                                                             \
    X(L2_COMPRESSED_COPIED, "l2-compressed-copied", CORRUPTION, WRITES, FLAG, COUNTED,             \
      "The compressed L2 entry of guest offset {guest} has the flag COPIED: {seen}")               \
    X(L2_COMPRESSED_BEYOND_FILE, "l2-compressed-beyond-file", CORRUPTION, DATA, ENTRY, COUNTED,    \
      "The compressed cluster of guest offset {guest} in the {owner} is at {host}, beyond the "    \
      "end of the file")                                                                           \
    X(L2_COMPRESSED_BITMAP, "l2-compressed-bitmap", CORRUPTION, DATA, BITS, COUNTED,               \
      "The compressed L2 entry of guest offset {guest} has a subcluster bitmap: {seen}")           \
    X(L2_COMPRESSED_DATA_FILE, "l2-compressed-data-file", CORRUPTION, DATA, ENTRY, COUNTED,        \
      "The L2 entry of guest offset {guest} is compressed, though the image has a data file: "     \
      "{seen}")                                                                                    \
    X(L2_SUBCLUSTER_CONFLICT, "l2-subcluster-conflict", CORRUPTION, DATA, ENTRY, COUNTED,          \
      "Subclusters of guest offset {guest} are both allocated and zero: bitmap {seen}")            \
    X(L2_SUBCLUSTER_UNALLOCATED, "l2-subcluster-unallocated", CORRUPTION, DATA, ENTRY, COUNTED,    \
      "Subclusters of guest offset {guest} are allocated, but the cluster is not: bitmap {seen}")  \
    X(L2_DATA_FILE_MISPLACED, "l2-data-file-misplaced", CORRUPTION, DATA, ENTRY, UNSEEN,           \
      "The L2 entry of guest offset {guest} points to {host} in the data file, but the host "      \
      "offset must equal the guest offset")                                                        \
    /* one cluster, several owners */                                                              \
    X(CLUSTER_SHARED, "cluster-shared", CORRUPTION, DATA, SEPARATE, UNSEEN,                        \
      "The cluster at {host} holds the data of different guest offsets: {owners}")                 \
    X(METADATA_OVERLAP, "metadata-overlap", CORRUPTION, DATA, SEPARATE, UNSEEN,                    \
      "The metadata at {host} is also used elsewhere: {owners}")                                   \
    /* refcounts */                                                                                \
    X(REFCOUNT_TOO_LOW, "refcount-too-low", CORRUPTION, WRITES, COUNT, COUNTED,                    \
      "The cluster at {host} has refcount {#seen}, but {#expected} references")                    \
    X(REFCOUNT_TOO_HIGH, "refcount-too-high", LEAK, SPACE, COUNT, COUNTED,                         \
      "The cluster at {host} has refcount {#seen}, but only {#expected} references")               \
    X(CLUSTER_LEAKED, "cluster-leaked", LEAK, SPACE, COUNT, COUNTED,                               \
      "The cluster at {host} has refcount {#seen}, but nothing refers to it")                      \
    X(REFCOUNT_OVERFLOW, "refcount-overflow", CORRUPTION, WRITES, REBUILD, COUNTED,                \
      "The cluster at {host} has {#seen} references, more than its refcount can hold "             \
      "({#expected})")                                                                             \
    X(REFCOUNT_BEYOND_FILE, "refcount-beyond-file", NOTE, SPACE, COUNT, UNSEEN,                    \
      "Refcounts are set for {#seen} clusters beyond the end of the file, from {host} on")         \
    X(REFCOUNT_UNKNOWN, "refcount-unknown", ERROR, WRITES, REBUILD, COUNTED,                       \
      "The refcounts of {#seen} clusters from {host} on are unknown: their refcount block is "     \
      "damaged")                                                                                   \
    X(REFTABLE_BEYOND_FILE, "refcount-table-beyond-file", CORRUPTION, WRITES, REBUILD, COUNTED,    \
      "The refcount table at {host} extends beyond the end of the file")                           \
    X(REFTABLE_ENTRY_RESERVED_BITS, "refcount-table-entry-reserved-bits", CORRUPTION, WRITES,      \
      REBUILD, COUNTED, "Entry {#expected} of the refcount table has reserved bits set: {seen}")   \
    X(REFTABLE_ENTRY_UNALIGNED, "refcount-table-entry-unaligned", CORRUPTION, WRITES, REBUILD,     \
      COUNTED,                                                                                     \
      "Entry {#expected} of the refcount table points to {host}, which is not aligned "            \
      "to a cluster")                                                                              \
    X(REFTABLE_ENTRY_BEYOND_FILE, "refcount-table-entry-beyond-file", CORRUPTION, WRITES, REBUILD, \
      COUNTED,                                                                                     \
      "Entry {#expected} of the refcount table points to {host}, beyond the end of the "           \
      "file")                                                                                      \
    X(REFBLOCK_SHARED, "refcount-block-shared", CORRUPTION, WRITES, REBUILD, COUNTED,              \
      "The refcount block at {host} has {#seen} references: {owners}")                             \
    /* snapshots */                                                                                \
    X(SNAPSHOT_TABLE_DAMAGED, "snapshot-table-damaged", CORRUPTION, SNAPSHOT, SNAPSHOT, REFUSES,   \
      "The snapshot table at {host}: {detail}")                                                    \
    X(SNAPSHOT_EXTRA_SHORT, "snapshot-extra-short", CORRUPTION, SNAPSHOT, SNAPSHOT, COUNTED,       \
      "The snapshot {detail} has {#seen} bytes of extra data, version 3 needs 16")                 \
    X(SNAPSHOT_ENTRY_EMPTY, "snapshot-entry-empty", CORRUPTION, SNAPSHOT, SNAPSHOT, UNSEEN,        \
      "The entry of snapshot {detail} has no L1 table: it was overwritten")                        \
    X(SNAPSHOT_L1_UNALIGNED, "snapshot-l1-unaligned", CORRUPTION, SNAPSHOT, SNAPSHOT, COUNTED,     \
      "The L1 table of snapshot {detail} at {host} is not aligned to a cluster")                   \
    X(SNAPSHOT_L1_LARGE, "snapshot-l1-large", CORRUPTION, SNAPSHOT, SNAPSHOT, COUNTED,             \
      "The L1 table of snapshot {detail} has {#seen} entries, at most {#expected} are allowed")    \
    X(SNAPSHOT_L1_SHORT, "snapshot-l1-short", CORRUPTION, SNAPSHOT, SNAPSHOT, UNSEEN,              \
      "The L1 table of snapshot {detail} has {#seen} entries, its size needs {#expected}")         \
    X(SNAPSHOT_L1_BEYOND_FILE, "snapshot-l1-beyond-file", CORRUPTION, SNAPSHOT, SNAPSHOT, COUNTED, \
      "The L1 table of snapshot {detail} at {host} is beyond the end of the file")                 \
    X(SNAPSHOT_DISK_SIZE_ZERO, "snapshot-disk-size-zero", CORRUPTION, SNAPSHOT, SNAPSHOT, UNSEEN,  \
      "The disk size of snapshot {detail} is 0 bytes; applying the snapshot would empty the disk") \
    X(SNAPSHOT_ID_TWICE, "snapshot-id-twice", CORRUPTION, SNAPSHOT, SNAPSHOT, UNSEEN,              \
      "The ID of snapshot {detail} is not unique")                                                 \
    X(SNAPSHOT_NAME_TWICE, "snapshot-name-twice", NOTE, NONE, NONE, UNSEEN,                        \
      "The name of snapshot {detail} is not unique")                                               \
    /* bitmaps */                                                                                  \
    X(BITMAP_DIRECTORY_DAMAGED, "bitmap-directory-damaged", CORRUPTION, BITMAP, BITMAP, REFUSES,   \
      "The bitmap directory at {host}: {detail}")                                                  \
    X(BITMAP_NAME_TWICE, "bitmap-name-twice", CORRUPTION, BITMAP, BITMAP, UNSEEN,                  \
      "The name of bitmap {detail} is not unique")                                                 \
    X(BITMAP_TYPE, "bitmap-type", CORRUPTION, BITMAP, BITMAP, REFUSES,                             \
      "The bitmap {detail} has the unknown type {#seen}")                                          \
    X(BITMAP_GRANULARITY, "bitmap-granularity", CORRUPTION, BITMAP, BITMAP, REFUSES,               \
      "The bitmap {detail} has a granularity of 2^{#seen} bytes, which is out of range")           \
    X(BITMAP_FLAGS, "bitmap-flags", CORRUPTION, BITMAP, BITMAP, REFUSES,                           \
      "The bitmap {detail} has unknown flags: {seen}")                                             \
    X(BITMAP_EXTRA, "bitmap-extra", CORRUPTION, BITMAP, BITMAP, REFUSES,                           \
      "The bitmap {detail} has unknown extra data")                                                \
    X(BITMAP_IN_USE, "bitmap-in-use", NOTE, BITMAP, BITMAP, UNSEEN,                                \
      "The bitmap {detail} was not saved: its content is inconsistent")                            \
    X(BITMAP_TABLE_SIZE, "bitmap-table-size", CORRUPTION, BITMAP, BITMAP, REFUSES,                 \
      "The table of bitmap {detail} has {#seen} entries, the disk needs {#expected}")              \
    X(BITMAP_TABLE_UNALIGNED, "bitmap-table-unaligned", CORRUPTION, BITMAP, BITMAP, REFUSES,       \
      "The table of bitmap {detail} at {host} is not aligned to a cluster")                        \
    X(BITMAP_TABLE_BEYOND_FILE, "bitmap-table-beyond-file", CORRUPTION, BITMAP, BITMAP, COUNTED,   \
      "The table of bitmap {detail} at {host} is beyond the end of the file")                      \
    X(BITMAP_ENTRY_RESERVED_BITS, "bitmap-entry-reserved-bits", CORRUPTION, BITMAP, BITMAP,        \
      COUNTED, "Entry {#expected} of the table of bitmap {detail} has reserved bits set: {seen}")  \
    X(BITMAP_ENTRY_UNALIGNED, "bitmap-entry-unaligned", CORRUPTION, BITMAP, BITMAP, COUNTED,       \
      "Entry {#expected} of the table of bitmap {detail} points to {host}, which is not aligned "  \
      "to a cluster")                                                                              \
    X(BITMAP_ENTRY_BEYOND_FILE, "bitmap-entry-beyond-file", CORRUPTION, BITMAP, BITMAP, COUNTED,   \
      "Entry {#expected} of the table of bitmap {detail} points to {host}, beyond the end of the " \
      "file")                                                                                      \
    X(BITMAP_TAIL_BITS, "bitmap-tail-bits", CORRUPTION, BITMAP, BITMAP, UNSEEN,                    \
      "The bitmap {detail} has bits set beyond the end of the disk")                               \
    /* encryption */                                                                               \
    X(LUKS_MAGIC, "luks-magic", CORRUPTION, IMAGE, NONE, UNSEEN,                                   \
      "There is no LUKS header at {host}: the payload cannot be decrypted")                        \
    /* deep: the clusters' content */                                                              \
    X(COMPRESSED_UNDECODABLE, "compressed-undecodable", CORRUPTION, DATA, NONE, UNSEEN,            \
      "The compressed cluster of guest offset {guest} at {host} cannot be decoded: {detail}")      \
    /* the chain */                                                                                \
    X(CHAIN_MEMBER_MISSING, "chain-member-missing", ERROR, IMAGE, NONE, REFUSES, "{detail}")       \
    X(CHAIN_LOOP, "chain-loop", CORRUPTION, IMAGE, HEADER, REFUSES, "{detail}")                    \
    X(CHAIN_TOO_DEEP, "chain-too-deep", ERROR, IMAGE, NONE, REFUSES, "{detail}")                   \
    X(BACKING_FORMAT_MISSING, "backing-format-missing", NOTE, DATA, HEADER, UNSEEN,                \
      "The format of the backing file '{detail}' is not stored: a guest can make a raw image "     \
      "look like another format")                                                                  \
    X(BACKING_FORMAT_DOUBTFUL, "backing-format-doubtful", NOTE, DATA, HEADER, UNSEEN, "{detail}")  \
    /* leaked clusters that may hold lost data */                                                  \
    X(LOST_TABLE, "lost-table", NOTE, DATA, RESCUE, UNSEEN,                                        \
      "The leaked cluster at {host} looks like a table that refers to {#seen} leaked clusters: "   \
      "the entry that refers to it may be lost")                                                   \
    X(EMPTY_TABLE, "empty-table", NOTE, DATA, RESCUE, UNSEEN,                                      \
      "The {owner} at {host} is empty, but {#seen} leaked clusters hold data: its entries may be " \
      "lost")                                                                                      \
    X(LOST_ENTRY, "lost-entry", NOTE, DATA, RESCUE, UNSEEN,                                        \
      "The L2 entry of guest offset {guest} is empty, but its neighbors suggest the leaked "       \
      "cluster at {host}: {#seen} entries may be lost")                                            \
    X(LEAKS_KEPT, "leaks-kept", NOTE, DATA, RESCUE, UNSEEN,                                        \
      "A repair gave several users of a cluster a copy each, and kept the leaked clusters: they "  \
      "may hold the data of some of them")

/**
 * SinterFindingCode:
 *
 * A code of %SINTER_FINDINGS or, from %SINTER_FINDING_RANGE on, of a registered format's own table.
 */
typedef enum {
#define X(code, name, klass, stake, fix, qemu, text) SINTER_FINDING_##code,
    SINTER_FINDINGS(X)
#undef X
        SINTER_FINDING_N_CODES
} SinterFindingCode;

/**
 * SinterFindingKind:
 * @name: stable; lower case with dashes; begins with the format's name and a dash
 * @klass: its class
 * @stake: its worst consequence
 * @fix: how to repair it
 * @qemu: what QEMU's check does with it; %SINTER_QEMU_UNSEEN if QEMU has no check for the format
 * @text: one line, as in %SINTER_FINDINGS
 *
 * A kind of finding that a format driver defines: see #SinterFormat. Its code is the format's first
 * code plus its index in the format's table.
 */
typedef struct {
    const char *name;
    SinterFindingClass klass;
    SinterFindingStake stake;
    SinterFindingFix fix;
    SinterFindingQemu qemu;
    const char *text;
} SinterFindingKind;

/* Maximum number of codes of a format; each format's range begins at a multiple of it. */
#define SINTER_FINDING_RANGE 0x1000

/**
 * SinterOwnerKind:
 *
 * The kind of structure that refers to a host cluster.
 */
typedef enum {
    SINTER_OWNER_HEADER,
    SINTER_OWNER_L1_TABLE,
    SINTER_OWNER_L2_TABLE,
    SINTER_OWNER_DATA,
    SINTER_OWNER_COMPRESSED,
    SINTER_OWNER_REFCOUNT_TABLE,
    SINTER_OWNER_REFCOUNT_BLOCK,
    SINTER_OWNER_SNAPSHOT_TABLE,
    SINTER_OWNER_BITMAP_DIRECTORY,
    SINTER_OWNER_BITMAP_TABLE,
    SINTER_OWNER_BITMAP_DATA,
    SINTER_OWNER_LUKS,
} SinterOwnerKind;

/* The offset value for "none". */
#define SINTER_OFFSET_NONE G_MAXUINT64

/**
 * SinterOwner:
 * @kind: kind of the owner
 * @where: the first guest offset of an L2 table, the guest offset of data and compressed clusters,
 *   the index of a refcount block, the table index of bitmap data; otherwise 0
 * @name: (nullable): name of the snapshot that it belongs to (as `NAME (ID)`), or of the bitmap;
 *   %NULL for the active disk
 */
typedef struct {
    SinterOwnerKind kind;
    guint64 where;
    char *name;
} SinterOwner;

/* Maximum number of owners in a finding. */
#define SINTER_FINDING_MAX_OWNERS 4

/**
 * SinterFinding:
 * @code: code of the finding
 * @guest_offset: guest offset, or %SINTER_OFFSET_NONE
 * @host_offset: offset of the cluster or structure in the image file, or %SINTER_OFFSET_NONE
 * @seen: the stored value; the code's text defines its meaning
 * @expected: the correct value, or a second number that the text uses
 * @refcount: stored refcount of the cluster; 0 if not relevant
 * @times: how often the finding counts: an entry of a table that several snapshots use counts once
 *   for each; never 0 in a result
 * @detail: (nullable): additional text: a snapshot's or bitmap's name, a cause
 * @owners: array of @n_owners: the owners of the cluster
 * @n_owners: at most %SINTER_FINDING_MAX_OWNERS; there may be more owners than are listed
 */
typedef struct {
    SinterFindingCode code;
    guint64 guest_offset;
    guint64 host_offset;
    guint64 seen;
    guint64 expected;
    guint64 refcount;
    guint64 times;
    char *detail;
    SinterOwner owners[SINTER_FINDING_MAX_OWNERS];
    guint n_owners;
} SinterFinding;

/* Frees the content of a finding, not the finding itself. */
void sinter_finding_clear(SinterFinding *finding);

/**
 * sinter_finding_get_text:
 *
 * Returns: (transfer full): the finding as one line of text, without a final dot.
 */
char *sinter_finding_get_text(const SinterFinding *finding);

/**
 * sinter_owner_describe:
 *
 * Returns: (transfer full): "L2 table of guest offset 0x20000000 in snapshot 'before' (1)".
 */
char *sinter_owner_describe(const SinterOwner *owner);

/* Columns of the table. Names never change. */
const char *sinter_finding_code_name(SinterFindingCode code);
SinterFindingClass sinter_finding_code_class(SinterFindingCode code);
SinterFindingStake sinter_finding_code_stake(SinterFindingCode code);
SinterFindingFix sinter_finding_code_fix(SinterFindingCode code);
SinterFindingQemu sinter_finding_code_qemu(SinterFindingCode code);

/**
 * sinter_finding_code_from_name:
 *
 * Returns: the code with that name, or %SINTER_FINDING_N_CODES.
 */
SinterFindingCode sinter_finding_code_from_name(const char *name);

/* "corruption", "leak", "error", "note". */
const char *sinter_finding_class_name(SinterFindingClass klass);
/* "none", "space", "bitmap", "writes", "snapshot", "data", "image". */
const char *sinter_finding_stake_name(SinterFindingStake stake);
/* The repair as a clause of text. */
const char *sinter_finding_fix_describe(SinterFindingFix fix);
/* "l2-table", "data", "refcount-block" … */
const char *sinter_owner_kind_name(SinterOwnerKind kind);

G_END_DECLS
