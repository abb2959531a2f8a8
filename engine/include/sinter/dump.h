/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:dump
 *
 * Reports all metadata of an image as stored, valid or not: the header fields, the header
 * extensions, and every table, with entries grouped into runs. The dump does not validate: use a
 * check for that.
 *
 * Metadata that cannot be read or is outside the file is reported as trouble, and the dump
 * continues. Only the image itself is opened. The work is bounded by the allocated size of the
 * file: a table that several others refer to is reported once.
 *
 * Units: offsets and sizes are bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: any;
 * callbacks run in the calling thread. A callback's arguments are valid only during the call.
 */

#include <gio/gio.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/* The offset value for "none". */
#define SINTER_DUMP_NOWHERE G_MAXUINT64

/**
 * SinterDumpField:
 * @name: as in the format's specification, in lower case with dashes: "l1-table-offset"
 * @offset: offset in the file
 * @bytes: its size, 1 to 8
 * @value: as stored
 *
 * A field of the header. A version 2 header has fewer fields.
 */
typedef struct {
    const char *name;
    guint64 offset;
    guint bytes;
    guint64 value;
} SinterDumpField;

/**
 * SinterDumpText:
 * @name: "backing-file", "backing-format", "data-file"
 * @text: as stored; any bytes but 0
 *
 * A name in the header.
 */
typedef struct {
    const char *name;
    const char *text;
} SinterDumpText;

/**
 * SinterDumpExtension:
 * @type: as stored
 * @name: "backing-format", "feature-names", "bitmaps", "luks", "data-file" or "unknown"
 * @offset: offset of its data in the file
 * @bytes: size of its data
 *
 * A header extension, in the order of the file.
 */
typedef struct {
    guint32 type;
    const char *name;
    guint64 offset;
    guint32 bytes;
} SinterDumpExtension;

/**
 * SinterDumpFeature:
 * @kind: "incompatible", "compatible", "autoclear", "unknown"
 * @bit: 0 to 63, as stored
 * @name: (nullable): its name in the image; %NULL for a set bit without a name
 * @set: whether the bit is set
 *
 * An entry of the image's feature name table, or a set feature bit that the table does not name.
 */
typedef struct {
    const char *kind;
    guint bit;
    const char *name;
    gboolean set;
} SinterDumpFeature;

/**
 * SinterDumpSnapshot:
 * @offset: offset of the entry in the file
 * @bytes: size of the entry
 * @l1_offset: offset of its L1 table
 * @l1_entries: number of entries of its L1 table
 * @extra_bytes: size of the entry's extra data
 * @date_sec: seconds since 1970
 * @date_nsec: and nanoseconds
 * @icount: instructions executed, or %G_MAXUINT64 if not recorded
 *
 * An internal snapshot.
 */
typedef struct {
    const char *id;
    const char *name;
    guint64 offset;
    guint64 bytes;
    guint64 l1_offset;
    guint32 l1_entries;
    guint64 disk_size;
    guint64 vm_state_size;
    guint64 vm_clock_nsec;
    gint64 date_sec;
    guint32 date_nsec;
    guint64 icount;
    guint32 extra_bytes;
} SinterDumpSnapshot;

/**
 * SinterDumpBitmap:
 * @offset: offset of the entry in the file
 * @table_offset: offset of its table
 * @table_entries: number of entries of its table
 * @flags: as stored: 1 in use, 2 enabled (auto), 4 unknown extra data is compatible
 * @type: as stored: 1 is a dirty bitmap
 * @granularity_bits: log2 of the bytes of the disk per bit
 * @extra_bytes: size of the entry's extra data
 *
 * A dirty bitmap.
 */
typedef struct {
    const char *name;
    guint64 offset;
    guint64 table_offset;
    guint32 table_entries;
    guint32 flags;
    guint type;
    guint granularity_bits;
    guint64 extra_bytes;
} SinterDumpBitmap;

/**
 * SinterDumpTableKind:
 *
 * @SINTER_DUMP_L1_TABLE: of the active disk or of a snapshot
 * @SINTER_DUMP_L2_TABLE: reported once, even if several L1 entries refer to it
 * @SINTER_DUMP_REFCOUNT_TABLE: of the image
 * @SINTER_DUMP_REFCOUNT_BLOCK: reported once, even if several refcount table entries refer to it
 * @SINTER_DUMP_BITMAP_TABLE: of one bitmap
 */
typedef enum {
    SINTER_DUMP_L1_TABLE,
    SINTER_DUMP_L2_TABLE,
    SINTER_DUMP_REFCOUNT_TABLE,
    SINTER_DUMP_REFCOUNT_BLOCK,
    SINTER_DUMP_BITMAP_TABLE,
} SinterDumpTableKind;
#define SINTER_DUMP_N_TABLE_KINDS 5

/**
 * SinterDumpTable:
 * @kind: kind of the table
 * @owner: (nullable): "NAME (ID)" of the snapshot in which it was found, or the bitmap's name;
 *   %NULL for the active disk
 * @offset: offset in the file
 * @n_entries: number of entries
 * @first: the guest offset that its first entry maps; for refcounts, a host offset
 * @step: bytes of the disk per entry; for refcounts, bytes of the file
 *
 * The start of a table; its runs follow.
 */
typedef struct {
    SinterDumpTableKind kind;
    const char *owner;
    guint64 offset;
    guint64 n_entries;
    guint64 first;
    guint64 step;
} SinterDumpTable;

/**
 * SinterDumpEntryKind:
 *
 * @SINTER_DUMP_EMPTY: refers to nothing
 * @SINTER_DUMP_TABLE: refers to a table, a refcount block, or a cluster of a bitmap
 * @SINTER_DUMP_DATA: refers to a cluster of guest data
 * @SINTER_DUMP_ZERO: reads as zeros, without host space
 * @SINTER_DUMP_ZERO_ALLOCATED: reads as zeros, with host space
 * @SINTER_DUMP_COMPRESSED: refers to compressed data
 * @SINTER_DUMP_MIXED: has subclusters of several kinds
 * @SINTER_DUMP_ONES: entry of a bitmap table: all bits are set
 * @SINTER_DUMP_REFCOUNT: is a refcount
 * @SINTER_DUMP_BAD: violates the format's rules, or points outside the file
 */
typedef enum {
    SINTER_DUMP_EMPTY,
    SINTER_DUMP_TABLE,
    SINTER_DUMP_DATA,
    SINTER_DUMP_ZERO,
    SINTER_DUMP_ZERO_ALLOCATED,
    SINTER_DUMP_COMPRESSED,
    SINTER_DUMP_MIXED,
    SINTER_DUMP_ONES,
    SINTER_DUMP_REFCOUNT,
    SINTER_DUMP_BAD,
} SinterDumpEntryKind;
#define SINTER_DUMP_N_ENTRY_KINDS 10

/**
 * SinterDumpRun:
 * @kind: kind of all its entries
 * @first: number of its first entry in the table
 * @n: number of entries
 * @entry: the first entry as stored; for refcounts the value of all entries
 * @subclusters: the subcluster bitmap of all entries; 0 without subclusters
 * @host_offset: the offset that the first entry refers to, or %SINTER_DUMP_NOWHERE; the other
 *   entries refer to the following offsets
 * @host_bytes: size of the space that all entries refer to
 * @copied: whether the entries have the flag COPIED: what they refer to is not shared
 *
 * Consecutive entries of one kind with contiguous host offsets.
 */
typedef struct {
    SinterDumpEntryKind kind;
    guint64 first;
    guint64 n;
    guint64 entry;
    guint64 subclusters;
    guint64 host_offset;
    guint64 host_bytes;
    gboolean copied;
} SinterDumpRun;

/**
 * SinterDumpVisitor:
 * @header_field: fields of the header
 * @header_text: names in the header
 * @extension: header extensions
 * @feature: names of features
 * @snapshot: internal snapshots
 * @bitmap: dirty bitmaps
 * @table: start of a table; return FALSE to skip its entries, but not the tables that it refers to
 * @run: run of the table that was last started
 * @trouble: a message: what could not be reported, and why
 *
 * The callbacks. Each may be %NULL; metadata without a callback is not read.
 */
typedef struct {
    void (*header_field)(const SinterDumpField *field, gpointer user_data);
    void (*header_text)(const SinterDumpText *text, gpointer user_data);
    void (*extension)(const SinterDumpExtension *extension, gpointer user_data);
    void (*feature)(const SinterDumpFeature *feature, gpointer user_data);
    void (*snapshot)(const SinterDumpSnapshot *snapshot, gpointer user_data);
    void (*bitmap)(const SinterDumpBitmap *bitmap, gpointer user_data);
    gboolean (*table)(const SinterDumpTable *table, gpointer user_data);
    void (*run)(const SinterDumpRun *run, gpointer user_data);
    void (*trouble)(const char *text, gpointer user_data);
} SinterDumpVisitor;

/**
 * sinter_image_dump:
 * @io: the image
 * @format: (nullable): its format; %NULL probes the content
 * @visitor: the callbacks
 * @cancellable: (nullable): cancelling it ends the dump with CANCELLED
 *
 * Reports in this order: header, extensions, features, snapshots, bitmaps; the active L1 table and
 * its L2 tables, those of each snapshot, the tables of bitmaps; refcount table and blocks. Takes no
 * lock: an image in use may change during the dump.
 *
 * Returns: FALSE with UNSUPPORTED if the format has no metadata, with CANCELLED, or with another
 * error if the header cannot be read.
 */
gboolean sinter_image_dump(SinterIo *io, const char *format, const SinterDumpVisitor *visitor,
                           gpointer user_data, GCancellable *cancellable, GError **error);

/* "l1-table", "l2-table", "refcount-table", "refcount-block", "bitmap-table" */
const char *sinter_dump_table_name(SinterDumpTableKind kind);

/* "empty", "table", "data", "zero", "zero-allocated", "compressed" … */
const char *sinter_dump_entry_name(SinterDumpEntryKind kind);

G_END_DECLS
