/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The on-disk layout of qcow2. All other code reads and writes these structures through the
 * accessors below; no other file contains a byte offset or a bit position.
 *
 * Source: QEMU, docs/interop/qcow2.txt. All numbers are big-endian. Limits that the format itself
 * does not set are QEMU's, so that both programs accept the same images.
 */

#include <glib.h>
#include <string.h>

G_BEGIN_DECLS

/* Big-endian loads and stores at any alignment. */

static inline guint16
sinter_be16_load(const void *at)
{
    guint16 raw;

    memcpy(&raw, at, sizeof raw);
    return GUINT16_FROM_BE(raw);
}

static inline guint32
sinter_be32_load(const void *at)
{
    guint32 raw;

    memcpy(&raw, at, sizeof raw);
    return GUINT32_FROM_BE(raw);
}

static inline guint64
sinter_be64_load(const void *at)
{
    guint64 raw;

    memcpy(&raw, at, sizeof raw);
    return GUINT64_FROM_BE(raw);
}

static inline void
sinter_be16_store(void *at, guint16 value)
{
    guint16 raw = GUINT16_TO_BE(value);

    memcpy(at, &raw, sizeof raw);
}

static inline void
sinter_be32_store(void *at, guint32 value)
{
    guint32 raw = GUINT32_TO_BE(value);

    memcpy(at, &raw, sizeof raw);
}

static inline void
sinter_be64_store(void *at, guint64 value)
{
    guint64 raw = GUINT64_TO_BE(value);

    memcpy(at, &raw, sizeof raw);
}

/*
 * Header
 *
 *   0 magic        4 version       8 backing name offset  16 backing name bytes
 *  20 cluster bits 24 virtual size 32 crypt method        36 L1 entries
 *  40 L1 offset    48 refcount table offset               56 refcount table clusters
 *  60 snapshots    64 snapshot table offset
 * version 3 only:
 *  72 incompatible 80 compatible   88 autoclear           96 refcount order
 * 100 header bytes 104 compression type                   105 padding
 */
#define SINTER_QCOW2_MAGIC 0x514649fbU /* "QFI\xfb" */
#define SINTER_QCOW2_HEADER_V2_BYTES 72
#define SINTER_QCOW2_HEADER_V3_MIN_BYTES 104
#define SINTER_QCOW2_HEADER_V3_BYTES 112

#define SINTER_QCOW2_AT_MAGIC 0
#define SINTER_QCOW2_AT_VERSION 4
#define SINTER_QCOW2_AT_BACKING_OFFSET 8
#define SINTER_QCOW2_AT_BACKING_BYTES 16
#define SINTER_QCOW2_AT_CLUSTER_BITS 20
#define SINTER_QCOW2_AT_VIRTUAL_SIZE 24
#define SINTER_QCOW2_AT_CRYPT_METHOD 32
#define SINTER_QCOW2_AT_L1_ENTRIES 36
#define SINTER_QCOW2_AT_L1_OFFSET 40
#define SINTER_QCOW2_AT_REFTABLE_OFFSET 48
#define SINTER_QCOW2_AT_REFTABLE_CLUSTERS 56
#define SINTER_QCOW2_AT_N_SNAPSHOTS 60
#define SINTER_QCOW2_AT_SNAPSHOTS_OFFSET 64
#define SINTER_QCOW2_AT_INCOMPATIBLE 72
#define SINTER_QCOW2_AT_COMPATIBLE 80
#define SINTER_QCOW2_AT_AUTOCLEAR 88
#define SINTER_QCOW2_AT_REFCOUNT_ORDER 96
#define SINTER_QCOW2_AT_HEADER_BYTES 100
#define SINTER_QCOW2_AT_COMPRESSION_TYPE 104

#define SINTER_QCOW2_CLUSTER_BITS_MIN 9
#define SINTER_QCOW2_CLUSTER_BITS_MAX 21
#define SINTER_QCOW2_EXTENDED_L2_CLUSTER_BITS_MIN 14
#define SINTER_QCOW2_REFCOUNT_ORDER_MAX 6
#define SINTER_QCOW2_BACKING_NAME_MAX 1023
#define SINTER_QCOW2_L1_MAX_BYTES (32 * 1024 * 1024)
#define SINTER_QCOW2_REFTABLE_MAX_BYTES (8 * 1024 * 1024)

/*
 * Incompatible feature bits: an engine must not open an image with a set bit that it does not know.
 */
#define SINTER_QCOW2_INCOMPAT_DIRTY (G_GUINT64_CONSTANT(1) << 0)
#define SINTER_QCOW2_INCOMPAT_CORRUPT (G_GUINT64_CONSTANT(1) << 1)
#define SINTER_QCOW2_INCOMPAT_DATA_FILE (G_GUINT64_CONSTANT(1) << 2)
#define SINTER_QCOW2_INCOMPAT_COMPRESSION (G_GUINT64_CONSTANT(1) << 3)
#define SINTER_QCOW2_INCOMPAT_EXTENDED_L2 (G_GUINT64_CONSTANT(1) << 4)
#define SINTER_QCOW2_INCOMPAT_KNOWN G_GUINT64_CONSTANT(0x1f)

#define SINTER_QCOW2_COMPAT_LAZY_REFCOUNTS (G_GUINT64_CONSTANT(1) << 0)
#define SINTER_QCOW2_COMPAT_KNOWN G_GUINT64_CONSTANT(0x1)

/* Autoclear bits: a writer clears the bits that it does not know. */
#define SINTER_QCOW2_AUTOCLEAR_BITMAPS (G_GUINT64_CONSTANT(1) << 0)
#define SINTER_QCOW2_AUTOCLEAR_RAW_EXTERNAL (G_GUINT64_CONSTANT(1) << 1)
#define SINTER_QCOW2_AUTOCLEAR_KNOWN G_GUINT64_CONSTANT(0x3)

#define SINTER_QCOW2_CRYPT_NONE 0
#define SINTER_QCOW2_CRYPT_AES 1
#define SINTER_QCOW2_CRYPT_LUKS 2

#define SINTER_QCOW2_COMPRESSION_ZLIB 0
#define SINTER_QCOW2_COMPRESSION_ZSTD 1

/*
 * Header extensions follow the header: type (4), length (4), data, padded to 8. The list ends with
 * type 0 or at the backing name, and is in cluster 0, like the header and that name.
 */
#define SINTER_QCOW2_EXT_HEAD_BYTES 8
#define SINTER_QCOW2_EXT_END 0x00000000U
#define SINTER_QCOW2_EXT_BACKING_FORMAT 0xe2792acaU
#define SINTER_QCOW2_EXT_FEATURE_NAMES 0x6803f857U
#define SINTER_QCOW2_EXT_BITMAPS 0x23852875U
#define SINTER_QCOW2_EXT_LUKS 0x0537be77U
#define SINTER_QCOW2_EXT_DATA_FILE 0x44415441U
/* Sinter's own, without content: leaked clusters may hold lost data, and repairs keep them. */
#define SINTER_QCOW2_EXT_LEAKS_KEPT 0x534b4c4bU

#define SINTER_QCOW2_BACKING_FORMAT_MAX 15

/* One entry of the feature name table: kind (1), bit (1), name (46, zero-padded). */
#define SINTER_QCOW2_FEATURE_BYTES 48
#define SINTER_QCOW2_FEATURE_NAME_BYTES 46
#define SINTER_QCOW2_FEATURE_INCOMPATIBLE 0
#define SINTER_QCOW2_FEATURE_COMPATIBLE 1
#define SINTER_QCOW2_FEATURE_AUTOCLEAR 2

/* Bitmaps extension: bitmaps (4), reserved (4), directory bytes (8), directory offset (8). */
#define SINTER_QCOW2_EXT_BITMAPS_BYTES 24
/* LUKS extension: header offset (8), header bytes (8). */
#define SINTER_QCOW2_EXT_LUKS_BYTES 16

/*
 * Geometry: sizes derived from the header for all tables. Set only by sinter_qcow2_geometry_init(),
 * after the header's fields have passed their bounds; all shifts below rely on that.
 */
typedef struct {
    guint32 cluster_bits;
    guint32 cluster_size;    /* bytes */
    guint32 l2_entry_bytes;  /* 8, extended 16 */
    guint32 l2_bits;         /* log2 of the entries of an L2 table */
    guint32 l2_entries;      /* of a table, which is one cluster */
    guint32 subclusters;     /* of a cluster: 1, extended 32 */
    guint32 subcluster_bits; /* log2 of a subcluster's bytes */
    guint32 refcount_order;  /* log2 of a refcount's bits */
    guint32 refblock_bits;   /* log2 of the refcounts of a refcount block */
    gboolean extended_l2;
    gboolean external_data; /* guest clusters are in the external data file */
    gboolean has_zero_flag; /* version 3 */
} SinterQcow2Geometry;

static inline void
sinter_qcow2_geometry_init(SinterQcow2Geometry *self, guint32 version, guint32 cluster_bits,
                           guint32 refcount_order, guint64 incompatible)
{
    gboolean extended = (incompatible & SINTER_QCOW2_INCOMPAT_EXTENDED_L2) != 0;

    self->cluster_bits = cluster_bits;
    self->cluster_size = 1U << cluster_bits;
    self->extended_l2 = extended;
    self->l2_entry_bytes = extended ? 16 : 8;
    self->l2_bits = cluster_bits - (extended ? 4 : 3);
    self->l2_entries = 1U << self->l2_bits;
    self->subclusters = extended ? 32 : 1;
    self->subcluster_bits = cluster_bits - (extended ? 5 : 0);
    self->refcount_order = refcount_order;
    self->refblock_bits = cluster_bits + 3 - refcount_order;
    self->external_data = (incompatible & SINTER_QCOW2_INCOMPAT_DATA_FILE) != 0;
    self->has_zero_flag = version >= 3;
}

/* The number of L1 entries for @bytes of guest data. */
static inline guint64
sinter_qcow2_geometry_l1_entries(const SinterQcow2Geometry *self, guint64 bytes)
{
    guint bits = self->cluster_bits + self->l2_bits;

    return (bytes >> bits) + ((bytes & ((G_GUINT64_CONSTANT(1) << bits) - 1)) != 0);
}

/* The number of clusters for @bytes, rounded up. */
static inline guint64
sinter_qcow2_geometry_clusters(const SinterQcow2Geometry *self, guint64 bytes)
{
    return (bytes >> self->cluster_bits) + ((bytes & (self->cluster_size - 1)) != 0);
}

/*
 * L1 entry: 9-55 offset of an L2 table, 63 COPIED (its refcount is exactly 1), rest reserved.
 * L2 entry: 0 reads as zeros (version 3, not extended), 9-55 host offset, 62 compressed,
 *           63 COPIED, rest reserved.
 * Refcount table entry: 9-63 offset of a refcount block, rest reserved.
 */
#define SINTER_QCOW2_COPIED (G_GUINT64_CONSTANT(1) << 63)
#define SINTER_QCOW2_COMPRESSED (G_GUINT64_CONSTANT(1) << 62)
#define SINTER_QCOW2_ZERO G_GUINT64_CONSTANT(1)
#define SINTER_QCOW2_OFFSET_MASK G_GUINT64_CONSTANT(0x00fffffffffffe00)
#define SINTER_QCOW2_L1_RESERVED G_GUINT64_CONSTANT(0x7f000000000001ff)
#define SINTER_QCOW2_L2_RESERVED G_GUINT64_CONSTANT(0x3f000000000001fe)
#define SINTER_QCOW2_REFTABLE_RESERVED G_GUINT64_CONSTANT(0x1ff)

/*
 * The reserved bits of a standard (not compressed) L2 entry; extended entries also reserve bit 0.
 */
static inline guint64
sinter_qcow2_l2_reserved(const SinterQcow2Geometry *geo)
{
    return geo->extended_l2 || !geo->has_zero_flag ? SINTER_QCOW2_L2_RESERVED | SINTER_QCOW2_ZERO
                                                   : SINTER_QCOW2_L2_RESERVED;
}

/* An L2 entry and, if extended, its bitmap: bits 0-31 allocated, 32-63 reads as zeros. */
typedef struct {
    guint64 entry;
    guint64 bitmap;
} SinterQcow2L2Entry;

static inline SinterQcow2L2Entry
sinter_qcow2_l2_load(const SinterQcow2Geometry *geo, const guint8 *table, guint32 index)
{
    const guint8 *at = table + (gsize)index * geo->l2_entry_bytes;
    SinterQcow2L2Entry l2 = { sinter_be64_load(at), 0 };

    if (geo->extended_l2)
        l2.bitmap = sinter_be64_load(at + 8);
    return l2;
}

static inline void
sinter_qcow2_l2_store(const SinterQcow2Geometry *geo, guint8 *table, guint32 index,
                      SinterQcow2L2Entry l2)
{
    guint8 *at = table + (gsize)index * geo->l2_entry_bytes;

    sinter_be64_store(at, l2.entry);
    if (geo->extended_l2)
        sinter_be64_store(at + 8, l2.bitmap);
}

/* The state of a subcluster (of a cluster, without extended L2 entries). */
typedef enum {
    SINTER_QCOW2_UNALLOCATED,       /* the backing file's bytes, or zeros */
    SINTER_QCOW2_UNALLOCATED_ALLOC, /* the same, but the cluster has host space */
    SINTER_QCOW2_ZERO_PLAIN,        /* zeros, no host space */
    SINTER_QCOW2_ZERO_ALLOC,        /* zeros, with host space */
    SINTER_QCOW2_NORMAL,
    SINTER_QCOW2_COMPRESSED_DATA,
    SINTER_QCOW2_INVALID, /* extended: contradictory bits; version 2: has the zero flag */
} SinterQcow2Kind;

/*
 * Returns whether a standard entry has host space. Offset 0 is valid only in an external data file.
 */
static inline gboolean
sinter_qcow2_l2_has_host(const SinterQcow2Geometry *geo, SinterQcow2L2Entry l2)
{
    return (l2.entry & SINTER_QCOW2_OFFSET_MASK) != 0 ||
           (geo->external_data && (l2.entry & SINTER_QCOW2_COPIED) != 0);
}

/*
 * Returns the contradictory subclusters of an extended entry, as a bitmap of 32: allocated and zero
 * at once, or allocated in a cluster without host space.
 */
static inline guint32
sinter_qcow2_l2_contradictions(const SinterQcow2Geometry *geo, SinterQcow2L2Entry l2)
{
    guint32 allocated = (guint32)l2.bitmap;

    if (!geo->extended_l2 || (l2.entry & SINTER_QCOW2_COMPRESSED))
        return 0;
    return sinter_qcow2_l2_has_host(geo, l2) ? allocated & (guint32)(l2.bitmap >> 32) : allocated;
}

/*
 * Returns the state of subcluster @sub (0 without extended L2 entries). One contradiction makes all
 * subclusters of the entry invalid, because it is unknown which bit is wrong.
 */
static inline SinterQcow2Kind
sinter_qcow2_l2_kind(const SinterQcow2Geometry *geo, SinterQcow2L2Entry l2, guint32 sub)
{
    gboolean host;

    if (l2.entry & SINTER_QCOW2_COMPRESSED)
        return SINTER_QCOW2_COMPRESSED_DATA;
    host = sinter_qcow2_l2_has_host(geo, l2);
    if (geo->extended_l2) {
        gboolean allocated = (l2.bitmap >> sub) & 1;
        gboolean zero = (l2.bitmap >> (32 + sub)) & 1;

        if (sinter_qcow2_l2_contradictions(geo, l2) != 0)
            return SINTER_QCOW2_INVALID;
        if (zero)
            return host ? SINTER_QCOW2_ZERO_ALLOC : SINTER_QCOW2_ZERO_PLAIN;
        if (allocated)
            return SINTER_QCOW2_NORMAL;
        return host ? SINTER_QCOW2_UNALLOCATED_ALLOC : SINTER_QCOW2_UNALLOCATED;
    }
    if (l2.entry & SINTER_QCOW2_ZERO && !geo->has_zero_flag)
        return SINTER_QCOW2_INVALID;
    /* also at offset 0 of a data file: QEMU recognizes no host space for zeros there */
    if (l2.entry & SINTER_QCOW2_ZERO)
        return l2.entry & SINTER_QCOW2_OFFSET_MASK ? SINTER_QCOW2_ZERO_ALLOC
                                                   : SINTER_QCOW2_ZERO_PLAIN;
    return host ? SINTER_QCOW2_NORMAL : SINTER_QCOW2_UNALLOCATED;
}

/*
 * A compressed entry: bits 0..x-1 are the host offset in bytes (any alignment), x..61 the number of
 * additional 512-byte sectors after the first one, with x = 62 - (cluster_bits - 8).
 */
typedef struct {
    guint64 host_offset; /* bytes */
    guint64 host_bytes;  /* to the end of the last sector: an upper bound of the stream's length */
} SinterQcow2CompressedRef;

static inline SinterQcow2CompressedRef
sinter_qcow2_l2_compressed(const SinterQcow2Geometry *geo, guint64 entry)
{
    guint x = 62 - (geo->cluster_bits - 8);
    guint64 offset_mask = (G_GUINT64_CONSTANT(1) << x) - 1;
    guint64 sectors_mask = (G_GUINT64_CONSTANT(1) << (geo->cluster_bits - 8)) - 1;
    SinterQcow2CompressedRef ref;

    ref.host_offset = entry & offset_mask;
    ref.host_bytes = (((entry >> x) & sectors_mask) + 1) * 512 - (ref.host_offset & 511);
    return ref;
}

/* Returns the entry for a stream of @stream_bytes at @host_offset; both must fit the fields. */
static inline guint64
sinter_qcow2_l2_compressed_entry(const SinterQcow2Geometry *geo, guint64 host_offset,
                                 guint64 stream_bytes)
{
    guint x = 62 - (geo->cluster_bits - 8);
    guint64 sectors = ((host_offset + stream_bytes - 1) >> 9) - (host_offset >> 9);

    return SINTER_QCOW2_COMPRESSED | sectors << x | host_offset;
}

/*
 * Returns the refcount at @index of a block; widths below a byte count from the least significant
 * bit.
 */
static inline guint64
sinter_qcow2_refcount_load(guint32 order, const guint8 *block, guint32 index)
{
    switch (order) {
    case 0:
    case 1:
    case 2: {
        guint bit = index << order;

        return (block[bit >> 3] >> (bit & 7)) & ((1U << (1U << order)) - 1);
    }
    case 3:
        return block[index];
    case 4:
        return sinter_be16_load(block + (gsize)index * 2);
    case 5:
        return sinter_be32_load(block + (gsize)index * 4);
    default:
        return sinter_be64_load(block + (gsize)index * 8);
    }
}

/* @value must be at most sinter_qcow2_refcount_max(). */
static inline void
sinter_qcow2_refcount_store(guint32 order, guint8 *block, guint32 index, guint64 value)
{
    switch (order) {
    case 0:
    case 1:
    case 2: {
        guint bit = index << order;
        guint mask = ((1U << (1U << order)) - 1) << (bit & 7);

        block[bit >> 3] =
            (guint8)((block[bit >> 3] & ~mask) | (((guint)value << (bit & 7)) & mask));
        break;
    }
    case 3:
        block[index] = (guint8)value;
        break;
    case 4:
        sinter_be16_store(block + (gsize)index * 2, (guint16)value);
        break;
    case 5:
        sinter_be32_store(block + (gsize)index * 4, (guint32)value);
        break;
    default:
        sinter_be64_store(block + (gsize)index * 8, value);
        break;
    }
}

static inline guint64
sinter_qcow2_refcount_max(guint32 order)
{
    return order == 6 ? G_MAXUINT64 : (G_GUINT64_CONSTANT(1) << (1U << order)) - 1;
}

/*
 * Snapshot table: consecutive entries, each aligned to 8.
 *   0 L1 offset   8 L1 entries  12 id bytes   14 name bytes  16 date sec  20 date nsec
 *  24 vm clock ns 32 vm state bytes (32 bit)  36 extra bytes, then extra data, id, name
 * Extra data: 0 vm state bytes (64 bit)  8 disk bytes  16 icount (or all ones: none)
 */
#define SINTER_QCOW2_SNAPSHOT_BYTES 40
#define SINTER_QCOW2_SNAPSHOT_AT_L1_OFFSET 0
#define SINTER_QCOW2_SNAPSHOT_AT_L1_ENTRIES 8
#define SINTER_QCOW2_SNAPSHOT_AT_ID_BYTES 12
#define SINTER_QCOW2_SNAPSHOT_AT_NAME_BYTES 14
#define SINTER_QCOW2_SNAPSHOT_AT_DATE_SEC 16
#define SINTER_QCOW2_SNAPSHOT_AT_DATE_NSEC 20
#define SINTER_QCOW2_SNAPSHOT_AT_VM_CLOCK_NSEC 24
#define SINTER_QCOW2_SNAPSHOT_AT_VM_STATE_BYTES 32
#define SINTER_QCOW2_SNAPSHOT_AT_EXTRA_BYTES 36
#define SINTER_QCOW2_SNAPSHOT_EXTRA_VM_STATE 0
#define SINTER_QCOW2_SNAPSHOT_EXTRA_DISK_BYTES 8
#define SINTER_QCOW2_SNAPSHOT_EXTRA_ICOUNT 16
#define SINTER_QCOW2_SNAPSHOT_EXTRA_V3_MIN 16
#define SINTER_QCOW2_SNAPSHOT_EXTRA_MAX 1024
#define SINTER_QCOW2_SNAPSHOTS_MAX 65536
#define SINTER_QCOW2_SNAPSHOT_TABLE_MAX_BYTES (64 * 1024 * 1024)
#define SINTER_QCOW2_ICOUNT_NONE G_MAXUINT64

/*
 * Bitmap directory: consecutive entries, each aligned to 8.
 *   0 table offset  8 table entries  12 flags  16 type  17 granularity bits  18 name bytes
 *  20 extra bytes, then extra data, name
 * Bitmap table entry: 0 (where there is no offset) all ones, 9-55 offset, rest reserved.
 */
#define SINTER_QCOW2_BITMAP_BYTES 24
#define SINTER_QCOW2_BITMAP_AT_TABLE_OFFSET 0
#define SINTER_QCOW2_BITMAP_AT_TABLE_ENTRIES 8
#define SINTER_QCOW2_BITMAP_AT_FLAGS 12
#define SINTER_QCOW2_BITMAP_AT_TYPE 16
#define SINTER_QCOW2_BITMAP_AT_GRANULARITY 17
#define SINTER_QCOW2_BITMAP_AT_NAME_BYTES 18
#define SINTER_QCOW2_BITMAP_AT_EXTRA_BYTES 20
#define SINTER_QCOW2_BITMAP_IN_USE (1U << 0)
#define SINTER_QCOW2_BITMAP_AUTO (1U << 1)
#define SINTER_QCOW2_BITMAP_EXTRA_COMPATIBLE (1U << 2)
#define SINTER_QCOW2_BITMAP_FLAGS_KNOWN 7U
#define SINTER_QCOW2_BITMAP_TYPE_DIRTY 1
#define SINTER_QCOW2_BITMAP_GRANULARITY_MIN 9
#define SINTER_QCOW2_BITMAP_GRANULARITY_MAX 31
#define SINTER_QCOW2_BITMAP_NAME_MAX 1023
#define SINTER_QCOW2_BITMAPS_MAX 65535
#define SINTER_QCOW2_BITMAP_DIRECTORY_MAX_BYTES (1024 * SINTER_QCOW2_BITMAPS_MAX)
#define SINTER_QCOW2_BITMAP_TABLE_MAX_ENTRIES 0x8000000
#define SINTER_QCOW2_BITMAP_MAX_BYTES 0x20000000
#define SINTER_QCOW2_BITMAP_TABLE_ALL_ONES G_GUINT64_CONSTANT(1)
#define SINTER_QCOW2_BITMAP_TABLE_RESERVED G_GUINT64_CONSTANT(0xff000000000001fe)

G_END_DECLS
