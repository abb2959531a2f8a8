/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:dump
 *
 * Tells all of an image's metadata as it is stored, sound or not: the fields of its header, what
 * stands behind them, and every table, whose entries come in runs. Nothing is judged here: that is
 * what a check is for.
 *
 * What cannot be read or lies outside the file is told as trouble, and the rest goes on. Nothing
 * but the image itself is opened. Work is bounded by the space that the file takes: a table that
 * several others name is told once.
 *
 * Units: offsets and sizes are bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: any;
 * callbacks run in the thread that calls. What a callback is given is valid during the call.
 */

#include <gio/gio.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/* Stands for "nowhere" in offsets. */
#define SINTER_DUMP_NOWHERE G_MAXUINT64

/**
 * SinterDumpField:
 * @name: as the format's description has it, in lower case with dashes: "l1-table-offset"
 * @offset: in the file
 * @bytes: how many it takes, 1 to 8
 * @value: as stored
 *
 * A field of the header. A version 2 header has fewer of them.
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
 * @offset: of its data, in the file
 * @bytes: of its data
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
 * @name: (nullable): what the image calls it; %NULL for a set bit that it has no name for
 * @set: whether the bit is set
 *
 * A line of the image's table of feature names, or a feature bit that is set without one.
 */
typedef struct {
    const char *kind;
    guint bit;
    const char *name;
    gboolean set;
} SinterDumpFeature;

/**
 * SinterDumpSnapshot:
 * @offset: of the entry in the file
 * @bytes: of the entry
 * @l1_offset: of its L1 table
 * @l1_entries: of that
 * @extra_bytes: how much extra data the entry has
 * @date_sec: seconds since 1970
 * @date_nsec: and nanoseconds
 * @icount: instructions executed, or %G_MAXUINT64 where that was not counted
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
 * @offset: of the entry in the file
 * @table_offset: of its table
 * @table_entries: of that
 * @flags: as stored: 1 in use, 2 goes on marking, 4 extra data may be left alone
 * @type: as stored: 1 is a dirty bitmap
 * @granularity_bits: log2 of the bytes of the disk that a bit stands for
 * @extra_bytes: how much extra data the entry has
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
 * @SINTER_DUMP_L2_TABLE: once, however many L1 tables name it
 * @SINTER_DUMP_REFCOUNT_TABLE: the one
 * @SINTER_DUMP_REFCOUNT_BLOCK: once, however often the refcount table names it
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
 * @kind: of which kind
 * @owner: (nullable): "NAME (ID)" of the snapshot that it was come upon in, or the bitmap's name;
 *   %NULL for the active disk
 * @offset: in the file
 * @n_entries: as many as it has
 * @first: what its first entry stands for: a guest offset; for refcounts, a host offset
 * @step: what each entry stands for: so many bytes of the disk, or of the file
 *
 * A table begins; its runs follow.
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
 * @SINTER_DUMP_EMPTY: names nothing
 * @SINTER_DUMP_TABLE: names a table, a refcount block, or a cluster of a bitmap
 * @SINTER_DUMP_DATA: names a cluster of guest data
 * @SINTER_DUMP_ZERO: reads as zeros, without host space
 * @SINTER_DUMP_ZERO_ALLOCATED: reads as zeros, and keeps its host space
 * @SINTER_DUMP_COMPRESSED: names compressed data
 * @SINTER_DUMP_MIXED: has subclusters of several kinds
 * @SINTER_DUMP_ONES: of a bitmap: all bits are set
 * @SINTER_DUMP_REFCOUNT: is a refcount
 * @SINTER_DUMP_BAD: breaks the format's rules, or points outside the file
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
 * @kind: of all its entries
 * @first: number of its first entry in the table
 * @n: how many entries
 * @entry: the first one as stored; for a refcount its value, which all have
 * @subclusters: the first one's bitmap, which all have; 0 where there are no subclusters
 * @host_offset: what the first one names, or %SINTER_DUMP_NOWHERE; the others name what follows
 * @host_bytes: what all of them name together
 * @copied: whether they have the flag that says that nobody else uses what they name
 *
 * Entries of one kind whose places follow one another.
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
 * @header_field: of the header
 * @header_text: names in it
 * @extension: of the header
 * @feature: names of features
 * @snapshot: internal snapshots
 * @bitmap: dirty bitmaps
 * @table: where a table begins; FALSE leaves out its entries, though not the tables that it names
 * @run: of the table that began last
 * @trouble: what could not be told, and why: a line for people
 *
 * Who is told; each may be %NULL, and what nobody asks for is not read.
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
 * @visitor: who is told
 * @cancellable: (nullable): cancelling it gives up with CANCELLED
 *
 * Tells in this order: header, extensions, features, snapshots, bitmaps; the active L1 table and
 * its L2 tables, those of each snapshot, the tables of bitmaps; refcount table and blocks. Takes no
 * lock: an image in use may change below it.
 *
 * Returns: FALSE with UNSUPPORTED where the format has no metadata, with CANCELLED, or where the
 * header cannot be read.
 */
gboolean sinter_image_dump(SinterIo *io, const char *format, const SinterDumpVisitor *visitor,
                           gpointer user_data, GCancellable *cancellable, GError **error);

/* "l1-table", "l2-table", "refcount-table", "refcount-block", "bitmap-table" */
const char *sinter_dump_table_name(SinterDumpTableKind kind);

/* "empty", "table", "data", "zero", "zero-allocated", "compressed" … */
const char *sinter_dump_entry_name(SinterDumpEntryKind kind);

G_END_DECLS
