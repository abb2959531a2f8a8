/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reports the tables of an image, entry by entry, joined into runs. Invariant: holes of the file
 * are not read; each L2 table and refcount block is reported once; entries beyond the end of the
 * file are not invented. So the work is bounded by the allocated size of the file.
 */

#include "qcow2-dump-tables.h"
#include "sinter-error.h"

#include <string.h>

/* Entries of 8 bytes that are read together. */
#define CHUNK_BYTES (64 * 1024)
#define ENTRY_BYTES 8

void
sinter_qcow2_dump_trouble(const SinterQcow2Dump *self, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    if (!self->visitor->trouble)
        return;
    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    self->visitor->trouble(text, self->user_data);
}

/* Joins entries into runs. */
typedef struct {
    const SinterQcow2Dump *dump;
    SinterDumpRun run; /* n is 0: none */
} Runs;

/* Classifies an entry of a table: fills @ret except its index and count. */
typedef void (*Classify)(const SinterQcow2Dump *self, guint64 entry, SinterDumpRun *ret);

static void
runs_flush(Runs *self)
{
    if (self->run.n > 0 && self->dump->visitor->run)
        self->dump->visitor->run(&self->run, self->dump->user_data);
    self->run.n = 0;
}

/*
 * Returns whether @next is contiguous with @run. Streams of compressed data are packed: one may
 * begin in the sector in which the previous one ends.
 */
static gboolean
place_follows(const SinterDumpRun *run, const SinterDumpRun *next)
{
    guint64 end = run->host_offset + run->host_bytes;

    if (run->host_offset == SINTER_DUMP_NOWHERE || next->host_offset == SINTER_DUMP_NOWHERE)
        return run->host_offset == next->host_offset;
    if (run->kind == SINTER_DUMP_COMPRESSED)
        return next->host_offset >= run->host_offset && next->host_offset <= end;
    return next->host_offset == end;
}

static gboolean
runs_join(Runs *self, const SinterDumpRun *next)
{
    SinterDumpRun *run = &self->run;

    if (run->n == 0 || run->kind != next->kind || run->kind == SINTER_DUMP_BAD ||
        run->copied != next->copied || run->subclusters != next->subclusters ||
        (run->kind == SINTER_DUMP_REFCOUNT && run->entry != next->entry) ||
        !place_follows(run, next))
        return FALSE;
    if (run->host_offset != SINTER_DUMP_NOWHERE)
        run->host_bytes =
            MAX(run->host_offset + run->host_bytes, next->host_offset + next->host_bytes) -
            run->host_offset;
    run->n += next->n;
    return TRUE;
}

static void
runs_add(Runs *self, const SinterDumpRun *next)
{
    if (runs_join(self, next))
        return;
    runs_flush(self);
    self->run = *next;
}

static void
runs_add_empty(Runs *self, guint64 first, guint64 n)
{
    SinterDumpRun run = {
        .kind = SINTER_DUMP_EMPTY, .first = first, .n = n, .host_offset = SINTER_DUMP_NOWHERE
    };

    runs_add(self, &run);
}

/* --- what entries mean --- */

static gboolean
in_file(const SinterQcow2Dump *self, guint64 offset)
{
    return offset < self->file_bytes && (offset & (self->geo.cluster_size - 1)) == 0;
}

/* An entry that refers to a table or to nothing. */
static void
classify_pointer(const SinterQcow2Dump *self, guint64 entry, guint64 offset, guint64 reserved,
                 SinterDumpRun *ret)
{
    if (entry == 0) {
        ret->kind = SINTER_DUMP_EMPTY;
        return;
    }
    ret->kind = SINTER_DUMP_BAD;
    ret->copied = (entry & SINTER_QCOW2_COPIED & ~offset) != 0;
    if (offset == 0)
        return;
    ret->host_offset = offset;
    ret->host_bytes = self->geo.cluster_size;
    if ((entry & reserved) == 0 && in_file(self, offset))
        ret->kind = SINTER_DUMP_TABLE;
}

static void
classify_l1(const SinterQcow2Dump *self, guint64 entry, SinterDumpRun *ret)
{
    classify_pointer(self, entry, entry & SINTER_QCOW2_OFFSET_MASK, SINTER_QCOW2_L1_RESERVED, ret);
}

static void
classify_reftable(const SinterQcow2Dump *self, guint64 entry, SinterDumpRun *ret)
{
    classify_pointer(self, entry, entry & ~SINTER_QCOW2_REFTABLE_RESERVED,
                     SINTER_QCOW2_REFTABLE_RESERVED, ret);
}

static void
classify_bitmap(const SinterQcow2Dump *self, guint64 entry, SinterDumpRun *ret)
{
    if (entry == SINTER_QCOW2_BITMAP_TABLE_ALL_ONES) {
        ret->kind = SINTER_DUMP_ONES;
        return;
    }
    classify_pointer(self, entry, entry & SINTER_QCOW2_OFFSET_MASK,
                     SINTER_QCOW2_BITMAP_TABLE_RESERVED | SINTER_QCOW2_BITMAP_TABLE_ALL_ONES, ret);
    ret->copied = FALSE;
}

static void
classify_compressed(const SinterQcow2Dump *self, SinterQcow2L2Entry l2, SinterDumpRun *ret)
{
    SinterQcow2CompressedRef ref = sinter_qcow2_l2_compressed(&self->geo, l2.entry);

    ret->host_offset = ref.host_offset;
    ret->host_bytes = ref.host_bytes;
    ret->kind = l2.bitmap != 0 || self->geo.external_data || ref.host_offset >= self->file_bytes
                    ? SINTER_DUMP_BAD
                    : SINTER_DUMP_COMPRESSED;
}

/* An entry with a valid bitmap of subclusters. */
static SinterDumpEntryKind
subclusters_kind(SinterQcow2L2Entry l2, gboolean host)
{
    guint32 allocated = (guint32)l2.bitmap;
    guint32 zero = (guint32)(l2.bitmap >> 32);

    if (host && allocated == G_MAXUINT32)
        return SINTER_DUMP_DATA;
    if (zero == G_MAXUINT32)
        return host ? SINTER_DUMP_ZERO_ALLOCATED : SINTER_DUMP_ZERO;
    return host || zero ? SINTER_DUMP_MIXED : SINTER_DUMP_EMPTY;
}

static SinterDumpEntryKind
standard_kind(const SinterQcow2Dump *self, SinterQcow2L2Entry l2)
{
    const SinterQcow2Geometry *geo = &self->geo;
    guint64 offset = l2.entry & SINTER_QCOW2_OFFSET_MASK;
    gboolean host = sinter_qcow2_l2_has_host(geo, l2);
    guint64 reserved = sinter_qcow2_l2_reserved(geo);

    if ((l2.entry & reserved) != 0 || (offset & (geo->cluster_size - 1)) != 0 ||
        (!geo->external_data && offset >= self->file_bytes) || (!host && l2.entry >> 1 != 0) ||
        sinter_qcow2_l2_contradictions(geo, l2) != 0)
        return SINTER_DUMP_BAD;
    if (geo->extended_l2)
        return subclusters_kind(l2, host);
    if (l2.entry & SINTER_QCOW2_ZERO)
        return offset != 0 ? SINTER_DUMP_ZERO_ALLOCATED : SINTER_DUMP_ZERO;
    return host ? SINTER_DUMP_DATA : SINTER_DUMP_EMPTY;
}

static void
classify_l2(const SinterQcow2Dump *self, SinterQcow2L2Entry l2, SinterDumpRun *ret)
{
    ret->copied = (l2.entry & SINTER_QCOW2_COPIED) != 0;
    ret->subclusters = l2.bitmap;
    if (l2.entry & SINTER_QCOW2_COMPRESSED) {
        classify_compressed(self, l2, ret);
        return;
    }
    ret->kind = standard_kind(self, l2);
    if (sinter_qcow2_l2_has_host(&self->geo, l2) || (l2.entry & SINTER_QCOW2_OFFSET_MASK)) {
        ret->host_offset = l2.entry & SINTER_QCOW2_OFFSET_MASK;
        ret->host_bytes = self->geo.cluster_size;
    }
}

/* --- tables of 8-byte entries, of any size --- */

/* One walk through a table. */
typedef struct {
    guint64 offset;
    guint64 n_entries;
    /* Entries in a hole: @n zeros from @first on; nullable. */
    void (*zeros)(gpointer walk_data, guint64 first, guint64 n);
    void (*entry)(gpointer walk_data, guint64 index, guint64 entry);
    gpointer walk_data;
} Walk;

static gboolean
go_on(const SinterQcow2Dump *self, GError **error)
{
    if (!self->cancellable || !g_cancellable_is_cancelled(self->cancellable))
        return TRUE;
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_CANCELLED, "The dump was cancelled");
    return FALSE;
}

/*
 * Returns the number of whole entries in the hole at @at of the table, of @bytes at most; 0 if
 * there is data.
 */
static guint64
hole_bytes(const SinterQcow2Dump *self, guint64 offset, guint64 bytes)
{
    SinterIoExtent extent;

    if (!sinter_io_extent(self->io, offset, bytes, &extent, NULL) || !extent.is_hole)
        return 0;
    return MIN(extent.length_bytes, bytes) & ~(guint64)(ENTRY_BYTES - 1);
}

static void
walk_data(const SinterQcow2Dump *self, const Walk *walk, guint64 at, gsize bytes, guint8 *buf)
{
    g_autoptr(GError) error = NULL;

    if (!sinter_io_read_padded(self->io, walk->offset + at, buf, bytes, &error)) {
        sinter_qcow2_dump_trouble(self, "%s", error->message);
        return;
    }
    for (gsize i = 0; i < bytes; i += ENTRY_BYTES)
        walk->entry(walk->walk_data, (at + i) / ENTRY_BYTES, sinter_be64_load(buf + i));
}

static gboolean
walk_table(const SinterQcow2Dump *self, const Walk *walk, GError **error)
{
    g_autofree guint8 *buf = g_malloc(CHUNK_BYTES);
    guint64 there = walk->offset < self->file_bytes ? self->file_bytes - walk->offset : 0;
    guint64 end = MIN(walk->n_entries, (there + ENTRY_BYTES - 1) / ENTRY_BYTES) * ENTRY_BYTES;

    for (guint64 at = 0; at < end;) {
        guint64 hole = hole_bytes(self, walk->offset + at, end - at);
        guint64 bytes = hole > 0 ? hole : MIN(end - at, CHUNK_BYTES);

        if (!go_on(self, error))
            return FALSE;
        if (hole == 0)
            walk_data(self, walk, at, (gsize)bytes, buf);
        else if (walk->zeros)
            walk->zeros(walk->walk_data, at / ENTRY_BYTES, hole / ENTRY_BYTES);
        at += bytes;
    }
    return TRUE;
}

/* The runs of such a table. */
typedef struct {
    Runs runs;
    Classify classify;
} RunsWalk;

static void
runs_walk_zeros(gpointer data, guint64 first, guint64 n)
{
    RunsWalk *self = data;

    runs_add_empty(&self->runs, first, n);
}

static void
runs_walk_entry(gpointer data, guint64 index, guint64 entry)
{
    RunsWalk *self = data;
    SinterDumpRun run = {
        .first = index, .n = 1, .entry = entry, .host_offset = SINTER_DUMP_NOWHERE
    };

    self->classify(self->runs.dump, entry, &run);
    runs_add(&self->runs, &run);
}

/* Begins a table. Returns whether its entries are wanted. */
static gboolean
begin_table(const SinterQcow2Dump *self, const SinterDumpTable *table)
{
    return self->visitor->table(table, self->user_data) && self->visitor->run;
}

static gboolean
dump_table(const SinterQcow2Dump *self, const SinterDumpTable *table, Classify classify,
           GError **error)
{
    RunsWalk data = { { self, { 0 } }, classify };
    Walk walk = { table->offset, table->n_entries, runs_walk_zeros, runs_walk_entry, &data };
    gboolean ok;

    if (table->n_entries > 0 &&
        (table->offset >= self->file_bytes ||
         (self->file_bytes - table->offset) / ENTRY_BYTES < table->n_entries))
        sinter_qcow2_dump_trouble(
            self, "The %s at 0x%" G_GINT64_MODIFIER "x extends beyond the end of the file",
            sinter_dump_table_name(table->kind), table->offset);
    if (!begin_table(self, table))
        return TRUE;
    ok = walk_table(self, &walk, error);
    runs_flush(&data.runs);
    return ok;
}

/* --- tables of one cluster --- */

/* Returns whether the table at @offset is reported for the first time. */
static gboolean
is_new(SinterQcow2Dump *self, guint64 offset)
{
    SinterQcow2Slot *slot = sinter_qcow2_slots_get(&self->seen, offset >> self->geo.cluster_bits);

    return slot->value++ == 0;
}

typedef void (*ClusterFunc)(const SinterQcow2Dump *self, const guint8 *cluster, Runs *runs);

static void
l2_runs(const SinterQcow2Dump *self, const guint8 *cluster, Runs *runs)
{
    for (guint32 i = 0; i < self->geo.l2_entries; i++) {
        SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(&self->geo, cluster, i);
        SinterDumpRun run = {
            .first = i, .n = 1, .entry = l2.entry, .host_offset = SINTER_DUMP_NOWHERE
        };

        classify_l2(self, l2, &run);
        runs_add(runs, &run);
    }
}

static void
refcount_runs(const SinterQcow2Dump *self, const guint8 *cluster, Runs *runs)
{
    for (guint32 i = 0; i >> self->geo.refblock_bits == 0; i++) {
        guint64 count = sinter_qcow2_refcount_load(self->geo.refcount_order, cluster, i);
        SinterDumpRun run = { .kind = count > 0 ? SINTER_DUMP_REFCOUNT : SINTER_DUMP_EMPTY,
                              .first = i,
                              .n = 1,
                              .entry = count,
                              .host_offset = SINTER_DUMP_NOWHERE };

        runs_add(runs, &run);
    }
}

static void
dump_cluster(const SinterQcow2Dump *self, const SinterDumpTable *table, ClusterFunc tell)
{
    gsize bytes = self->geo.cluster_size;
    g_autoptr(GError) error = NULL;
    g_autofree guint8 *cluster = NULL;
    Runs runs = { self, { 0 } };

    if (!begin_table(self, table))
        return;
    if (hole_bytes(self, table->offset, bytes) == bytes) {
        runs_add_empty(&runs, 0, table->n_entries);
    } else {
        cluster = g_malloc(bytes);
        if (sinter_io_read_padded(self->io, table->offset, cluster, bytes, &error))
            tell(self, cluster, &runs);
        else
            sinter_qcow2_dump_trouble(self, "%s", error->message);
    }
    runs_flush(&runs);
}

/* --- the tables in their order --- */

/* @index << @bits, or all ones on overflow. */
static guint64
place_of(guint64 index, guint bits)
{
    return bits < 64 && index <= G_MAXUINT64 >> bits ? index << bits : G_MAXUINT64;
}

/* The tables that the entries of another table refer to. */
typedef struct {
    SinterQcow2Dump *dump;
    const char *owner;
    Classify classify;
    SinterDumpTableKind kind;
    guint64 n_entries;
    guint entry_bits; /* log2 of the bytes that an entry of the lower table maps */
    guint table_bits; /* log2 of the bytes that the lower table maps */
    ClusterFunc tell;
} Below;

static void
below_entry(gpointer data, guint64 index, guint64 entry)
{
    const Below *self = data;
    SinterDumpRun run = { .host_offset = SINTER_DUMP_NOWHERE };
    SinterDumpTable table;

    self->classify(self->dump, entry, &run);
    /* an L1 entry with reserved bits still refers to its table */
    if (run.host_offset == SINTER_DUMP_NOWHERE || !in_file(self->dump, run.host_offset) ||
        !is_new(self->dump, run.host_offset))
        return;
    table = (SinterDumpTable){ self->kind,
                               self->owner,
                               run.host_offset,
                               self->n_entries,
                               place_of(index, self->table_bits),
                               place_of(1, self->entry_bits) };
    dump_cluster(self->dump, &table, self->tell);
}

static gboolean
dump_below(const SinterDumpTable *above, Below *below, GError **error)
{
    Walk walk = { above->offset, above->n_entries, NULL, below_entry, below };

    return walk_table(below->dump, &walk, error);
}

static gboolean
dump_l1(SinterQcow2Dump *self, const char *owner, guint64 offset, guint64 n_entries, GError **error)
{
    guint table_bits = self->geo.cluster_bits + self->geo.l2_bits;
    SinterDumpTable table = { SINTER_DUMP_L1_TABLE,   owner, offset, n_entries, 0,
                              place_of(1, table_bits) };
    Below below = { self,
                    owner,
                    classify_l1,
                    SINTER_DUMP_L2_TABLE,
                    self->geo.l2_entries,
                    self->geo.cluster_bits,
                    table_bits,
                    l2_runs };

    return dump_table(self, &table, classify_l1, error) && dump_below(&table, &below, error);
}

/* Returns whether the budget allows one more table. */
static gboolean
can_afford(SinterQcow2Dump *self, const char *owner, guint64 offset, guint64 n_entries)
{
    guint64 there = offset < self->file_bytes ? self->file_bytes - offset : 0;
    guint64 bytes = MIN(place_of(n_entries, 3), there);

    if (bytes <= self->table_budget_bytes) {
        self->table_budget_bytes -= bytes;
        return TRUE;
    }
    sinter_qcow2_dump_trouble(self,
                              "The table of '%s' at 0x%" G_GINT64_MODIFIER
                              "x is skipped: the tables exceed the size of the file",
                              owner, offset);
    return FALSE;
}

static gboolean
dump_snapshot_tables(SinterQcow2Dump *self, GError **error)
{
    for (guint i = 0; self->snapshots && i < self->snapshots->len; i++) {
        const SinterQcow2Snapshot *snapshot = g_ptr_array_index(self->snapshots, i);
        g_autofree char *owner = g_strdup_printf("%s (%s)", snapshot->name, snapshot->id);

        if (can_afford(self, owner, snapshot->l1_offset, snapshot->l1_entries) &&
            !dump_l1(self, owner, snapshot->l1_offset, snapshot->l1_entries, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
dump_bitmap_tables(SinterQcow2Dump *self, GError **error)
{
    for (guint i = 0; self->bitmaps && i < self->bitmaps->len; i++) {
        const SinterQcow2Bitmap *bitmap = g_ptr_array_index(self->bitmaps, i);
        SinterDumpTable table = { SINTER_DUMP_BITMAP_TABLE,
                                  bitmap->name,
                                  bitmap->table_offset,
                                  bitmap->table_entries,
                                  0,
                                  place_of(1, self->geo.cluster_bits + 3U +
                                                  bitmap->granularity_bits) };

        if (can_afford(self, bitmap->name, table.offset, table.n_entries) &&
            !dump_table(self, &table, classify_bitmap, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
dump_refcounts(SinterQcow2Dump *self, GError **error)
{
    guint block_bits = self->geo.refblock_bits + self->geo.cluster_bits;
    SinterDumpTable table = {
        SINTER_DUMP_REFCOUNT_TABLE,
        NULL,
        self->header->reftable_offset,
        (guint64)self->header->reftable_clusters << (self->geo.cluster_bits - 3),
        0,
        place_of(1, block_bits),
    };
    Below below = { self,
                    NULL,
                    classify_reftable,
                    SINTER_DUMP_REFCOUNT_BLOCK,
                    place_of(1, self->geo.refblock_bits),
                    self->geo.cluster_bits,
                    block_bits,
                    refcount_runs };

    /* a block may overlap an L2 table: that is damage, and both are reported */
    sinter_qcow2_slots_clear(&self->seen);
    return dump_table(self, &table, classify_reftable, error) && dump_below(&table, &below, error);
}

gboolean
sinter_qcow2_dump_tables(SinterQcow2Dump *self, GError **error)
{
    return dump_l1(self, NULL, self->header->l1_offset, self->header->l1_entries, error) &&
           dump_snapshot_tables(self, error) && dump_bitmap_tables(self, error) &&
           dump_refcounts(self, error);
}
