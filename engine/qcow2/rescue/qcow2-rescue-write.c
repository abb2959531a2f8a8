/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Carries out a rescue. Everything new is written behind the end of the file:
 *
 *   file … | L2 tables | L1 table | refcount blocks | refcount table |
 *
 * Invariant: until the new metadata is durable, the first sector is as it was; no byte of the file
 * but that sector (or a lost header's cluster) is overwritten; a cluster with content keeps a
 * refcount, whether anything refers to it or not.
 */

#include "qcow2-rescue-write.h"
#include "qcow2/layout/qcow2-table-judge.h"
#include "qcow2/layout/qcow2-entries.h"
#include "qcow2/layout/qcow2-header-build.h"
#include "qcow2/layout/qcow2-root.h"
#include "sinter-error.h"

#define SECTOR_BYTES 512
#define ZSTD_MAGIC 0x28b52ffdU

typedef struct {
    SinterQcow2Rescue *rescue;
    const SinterRescueOptions *options;
    guint32 *refs; /* of each cluster, those of the new metadata included */
    guint64 n_total;
    guint64 next; /* the next new cluster */
    guint64 *l1;
    guint32 n_l1;
    guint64 l1_at; /* clusters */
    guint64 blocks_at;
    guint64 n_blocks;
    guint64 reftable_at;
    guint64 n_reftable;
    guint data_at; /* the next placed cluster */
    guint8 *buf;   /* a cluster */
} Write;

static gboolean
table_is_used(const Write *self, const SinterQcow2RescueTable *table)
{
    return !table->is_dropped && table->slot != SINTER_QCOW2_NO_SLOT &&
           (table->placed == SINTER_QCOW2_PLACED_KNOWN ||
            table->confidence >= self->options->apply);
}

/* --- new L2 tables --- */

/* Returns the entry as it is written into a new table; empty if its cluster is another's. */
static SinterQcow2L2Entry
clean_entry(const Write *self, guint table, guint32 i)
{
    const SinterQcow2Rescue *rescue = self->rescue;
    SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(&rescue->geo, self->buf, i);
    SinterQcow2RescueClaim claim;

    switch (sinter_qcow2_judge_entry(&rescue->geo, rescue->n_clusters, l2)) {
    case SINTER_QCOW2_ENTRY_EMPTY:
    case SINTER_QCOW2_ENTRY_COMPRESSED:
        return l2;
    case SINTER_QCOW2_ENTRY_BAD:
        break;
    case SINTER_QCOW2_ENTRY_DATA:
        claim = rescue->claims[(l2.entry & SINTER_QCOW2_OFFSET_MASK) >> rescue->geo.cluster_bits];
        /* its own, or shared with a snapshot */
        if (claim.table == table + 1 ||
            (claim.table != 0 && claim.table <= rescue->n_known && claim.index == i))
            return l2;
        break;
    }
    return (SinterQcow2L2Entry){ 0 };
}

static SinterQcow2L2Entry
entry_of(const Write *self, guint64 cluster)
{
    const SinterQcow2Geometry *geo = &self->rescue->geo;

    return (SinterQcow2L2Entry){ cluster << geo->cluster_bits, geo->extended_l2 ? G_MAXUINT32 : 0 };
}

static gboolean
load_table(Write *self, guint index, GError **error)
{
    SinterQcow2Rescue *rescue = self->rescue;
    const SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(rescue, index);

    if (!sinter_io_read_padded(rescue->io, table->cluster << rescue->geo.cluster_bits, self->buf,
                               rescue->geo.cluster_size, error))
        return FALSE;
    if (table->placed == SINTER_QCOW2_PLACED_KNOWN)
        return TRUE;
    for (guint32 i = 0; i < rescue->geo.l2_entries; i++)
        sinter_qcow2_l2_store(&rescue->geo, self->buf, i, clean_entry(self, index, i));
    return TRUE;
}

static void
count(Write *self, guint64 offset, guint64 bytes)
{
    guint64 last = (offset + bytes - 1) >> self->rescue->geo.cluster_bits;

    for (guint64 at = offset >> self->rescue->geo.cluster_bits; at <= last; at++) {
        if (at < self->n_total && self->refs[at] < G_MAXUINT32)
            self->refs[at]++;
    }
}

/* Counts the references of the table in the buffer. */
static void
count_table(Write *self, guint64 cluster)
{
    const SinterQcow2Geometry *geo = &self->rescue->geo;

    count(self, cluster << geo->cluster_bits, 1);
    for (guint32 i = 0; i < geo->l2_entries; i++) {
        SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(geo, self->buf, i);
        SinterQcow2CompressedRef ref;

        switch (sinter_qcow2_judge_entry(geo, self->rescue->n_clusters, l2)) {
        case SINTER_QCOW2_ENTRY_DATA:
            count(self, l2.entry & SINTER_QCOW2_OFFSET_MASK, 1);
            break;
        case SINTER_QCOW2_ENTRY_COMPRESSED:
            ref = sinter_qcow2_l2_compressed(geo, l2.entry);
            count(self, ref.host_offset, ref.host_bytes);
            break;
        default:
            break;
        }
    }
}

/* Puts the inferred entries of the table into the buffer; returns whether there are any. */
static gboolean
add_entries(Write *self, guint table)
{
    gboolean any = FALSE;

    for (guint i = 0; i < self->rescue->entries->len; i++) {
        const SinterQcow2RescueEntry *entry =
            &g_array_index(self->rescue->entries, SinterQcow2RescueEntry, i);

        if (entry->table != table || entry->confidence < self->options->apply)
            continue;
        sinter_qcow2_l2_store(&self->rescue->geo, self->buf, entry->index,
                              entry_of(self, entry->cluster));
        any = TRUE;
    }
    return any;
}

/* Puts the data clusters with a place in @slot into the buffer; returns whether there are any. */
static gboolean
add_data(Write *self, guint64 slot)
{
    const SinterQcow2Rescue *rescue = self->rescue;
    gboolean any = FALSE;

    for (; self->data_at < rescue->data->len; self->data_at++) {
        const SinterQcow2RescueData *data =
            &g_array_index(rescue->data, SinterQcow2RescueData, self->data_at);

        if (data->guest_cluster >> rescue->geo.l2_bits > slot)
            break;
        if (data->guest_cluster >> rescue->geo.l2_bits < slot ||
            data->confidence < self->options->apply)
            continue;
        sinter_qcow2_l2_store(&rescue->geo, self->buf,
                              (guint32)(data->guest_cluster & (rescue->geo.l2_entries - 1)),
                              entry_of(self, data->cluster));
        any = TRUE;
    }
    return any;
}

/*
 * Prepares the table of a slot in the buffer. *@ret_cluster is where it is, or 0 if a new one must
 * be written; NO_CLUSTER if the slot stays empty.
 */
static gboolean
slot_load(Write *self, guint64 slot, guint64 *ret_cluster, GError **error)
{
    SinterQcow2Rescue *rescue = self->rescue;
    const SinterQcow2RescueTable *table = sinter_qcow2_rescue_slot(rescue, slot);

    *ret_cluster = SINTER_QCOW2_NO_CLUSTER;
    if (table && table_is_used(self, table)) {
        guint index = rescue->slots[slot] - 1;

        if (!load_table(self, index, error))
            return FALSE;
        *ret_cluster = table->placed == SINTER_QCOW2_PLACED_KNOWN ? table->cluster : 0;
        if (add_entries(self, index))
            *ret_cluster = 0;
        return TRUE;
    }
    memset(self->buf, 0, rescue->geo.cluster_size);
    if (add_data(self, slot))
        *ret_cluster = 0;
    return TRUE;
}

typedef gboolean (*SlotFunc)(Write *self, guint64 slot, guint64 cluster, GError **error);

/* Passes each slot that gets a table to @func, with the table in the buffer. */
static gboolean
slots_walk(Write *self, SlotFunc func, GError **error)
{
    self->data_at = 0;
    for (guint64 slot = 0; slot < self->rescue->n_slots; slot++) {
        guint64 cluster;

        if (!slot_load(self, slot, &cluster, error))
            return FALSE;
        if (cluster != SINTER_QCOW2_NO_CLUSTER && !func(self, slot, cluster, error))
            return FALSE;
    }
    return TRUE;
}

/* First walk: gives each slot its table's cluster, and counts what the tables refer to. */
static gboolean
slot_count(Write *self, guint64 slot, guint64 cluster, GError **error)
{
    if (cluster == 0)
        cluster = self->next++;
    self->l1[slot] = cluster << self->rescue->geo.cluster_bits;
    count_table(self, cluster);
    return TRUE;
}

/* Second walk: writes new tables, with the flags that the refcounts require. */
static gboolean
slot_write(Write *self, guint64 slot, guint64 cluster, GError **error)
{
    const SinterQcow2Geometry *geo = &self->rescue->geo;

    if (cluster != 0)
        return TRUE;
    for (guint32 i = 0; i < geo->l2_entries; i++) {
        SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(geo, self->buf, i);
        guint64 at = (l2.entry & SINTER_QCOW2_OFFSET_MASK) >> geo->cluster_bits;

        if (sinter_qcow2_judge_entry(geo, self->rescue->n_clusters, l2) != SINTER_QCOW2_ENTRY_DATA)
            continue;
        l2.entry &= ~SINTER_QCOW2_COPIED;
        if (self->refs[at] == 1)
            l2.entry |= SINTER_QCOW2_COPIED;
        sinter_qcow2_l2_store(geo, self->buf, i, l2);
    }
    return sinter_io_write(self->rescue->io, self->l1[slot], self->buf, geo->cluster_size, error);
}

/* --- refcounts --- */

static gboolean
count_snapshots(Write *self, GError **error)
{
    SinterQcow2Rescue *rescue = self->rescue;

    for (guint i = 0; i < rescue->n_known; i++) {
        const SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(rescue, i);

        if (!table->is_snapshot)
            continue;
        if (!load_table(self, i, error))
            return FALSE;
        count_table(self, table->cluster);
    }
    return TRUE;
}

/* What nothing refers to keeps its cluster. */
static void
count_kept(Write *self)
{
    SinterQcow2Rescue *rescue = self->rescue;

    self->refs[0] = MAX(self->refs[0], 1);
    for (guint64 at = 0; at < rescue->n_clusters; at++) {
        if (rescue->use[at] != SINTER_QCOW2_RESCUE_EMPTY && self->refs[at] == 0)
            self->refs[at] = 1;
    }
}

/* Where the L1 table and the refcounts are: the refcounts count themselves, too. */
static void
lay_out(Write *self)
{
    const SinterQcow2Geometry *geo = &self->rescue->geo;
    guint64 n_l1 = sinter_qcow2_geometry_clusters(geo, (guint64)self->n_l1 * 8);
    guint64 per_block = G_GUINT64_CONSTANT(1) << geo->refblock_bits;
    guint64 end;

    self->l1_at = self->next;
    self->blocks_at = self->l1_at + n_l1;
    do {
        end = self->blocks_at + self->n_blocks + self->n_reftable;
        self->n_blocks = (end + per_block - 1) / per_block;
        self->n_reftable = sinter_qcow2_geometry_clusters(geo, self->n_blocks * 8);
    } while (self->blocks_at + self->n_blocks + self->n_reftable > end);
    self->reftable_at = self->blocks_at + self->n_blocks;
    end = self->reftable_at + self->n_reftable;
    for (guint64 at = self->l1_at; at < end; at++)
        self->refs[at] = 1;
    self->n_total = end;
}

static gboolean
write_blocks(Write *self, GError **error)
{
    const SinterQcow2Geometry *geo = &self->rescue->geo;
    guint64 per_block = G_GUINT64_CONSTANT(1) << geo->refblock_bits;
    guint64 max = sinter_qcow2_refcount_max(geo->refcount_order);

    for (guint64 block = 0; block < self->n_blocks; block++) {
        memset(self->buf, 0, geo->cluster_size);
        for (guint64 i = 0; i < per_block && block * per_block + i < self->n_total; i++) {
            guint32 refs = self->refs[block * per_block + i];

            if (refs > max) {
                g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                                    "a cluster has more references than its refcount can hold");
                return FALSE;
            }
            sinter_qcow2_refcount_store(geo->refcount_order, self->buf, (guint32)i, refs);
        }
        if (!sinter_io_write(self->rescue->io, (self->blocks_at + block) << geo->cluster_bits,
                             self->buf, geo->cluster_size, error))
            return FALSE;
    }
    return TRUE;
}

/* Writes @n entries, and zeros to the end of the last cluster. */
static gboolean
write_entries(Write *self, guint64 cluster, const guint64 *entries, guint64 n, GError **error)
{
    const SinterQcow2Geometry *geo = &self->rescue->geo;
    guint64 per_cluster = geo->cluster_size / 8;

    for (guint64 first = 0; first < n; first += per_cluster, cluster++) {
        memset(self->buf, 0, geo->cluster_size);
        for (guint64 i = 0; i < per_cluster && first + i < n; i++)
            sinter_be64_store(self->buf + i * 8, entries[first + i]);
        if (!sinter_io_write(self->rescue->io, cluster << geo->cluster_bits, self->buf,
                             geo->cluster_size, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
write_reftable(Write *self, GError **error)
{
    g_autofree guint64 *entries = g_try_malloc0_n(self->n_blocks, sizeof *entries);

    if (!entries) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                            "there is not enough memory for the refcount table");
        return FALSE;
    }
    for (guint64 i = 0; i < self->n_blocks; i++)
        entries[i] = (self->blocks_at + i) << self->rescue->geo.cluster_bits;
    return write_entries(self, self->reftable_at, entries, self->n_blocks, error);
}

static gboolean
write_l1(Write *self, GError **error)
{
    for (guint32 i = 0; i < self->n_l1; i++) {
        guint64 cluster = self->l1[i] >> self->rescue->geo.cluster_bits;

        if (self->l1[i] != 0 && self->refs[cluster] == 1)
            self->l1[i] |= SINTER_QCOW2_COPIED;
    }
    return write_entries(self, self->l1_at, self->l1, self->n_l1, error);
}

/* --- the switch --- */

static gboolean
switch_root(Write *self, GError **error)
{
    SinterQcow2Rescue *rescue = self->rescue;
    SinterQcow2Root root = sinter_qcow2_root_of(rescue->header);

    root.l1_offset = self->l1_at << rescue->geo.cluster_bits;
    root.l1_entries = self->n_l1;
    root.reftable_offset = self->reftable_at << rescue->geo.cluster_bits;
    root.reftable_clusters = (guint32)self->n_reftable;
    /* the refcounts are exact now */
    root.incompatible &= ~SINTER_QCOW2_INCOMPAT_DIRTY;
    return sinter_qcow2_root_write(rescue->io, rescue->header, &root, error);
}

/* Compressed clusters of zstd begin with its magic number. */
static gboolean
is_zstd(const SinterQcow2Rescue *self)
{
    guint8 start[4] = { 0 };

    return self->compressed_at != 0 &&
           sinter_io_read_padded(self->io, self->compressed_at, start, sizeof start, NULL) &&
           sinter_be32_load(start) == ZSTD_MAGIC;
}

/* A new header: all of its cluster but the first sector, which makes it valid, is written first. */
static gboolean
switch_header(Write *self, GError **error)
{
    SinterQcow2Rescue *rescue = self->rescue;
    guint bits = rescue->geo.cluster_bits;
    SinterQcow2HeaderSpec spec = {
        .version = 3,
        .geo = rescue->geo,
        .virtual_size_bytes = rescue->disk_bytes,
        .l1_entries = self->n_l1,
        .l1_offset = self->l1_at << bits,
        .reftable_offset = self->reftable_at << bits,
        .reftable_clusters = (guint32)self->n_reftable,
        .incompatible = rescue->geo.extended_l2 ? SINTER_QCOW2_INCOMPAT_EXTENDED_L2 : 0,
        .backing_name = self->options->backing_name,
        .backing_format = self->options->backing_format,
    };
    g_autofree guint8 *header = NULL;

    if (is_zstd(rescue)) {
        spec.incompatible |= SINTER_QCOW2_INCOMPAT_COMPRESSION;
        spec.compression_type = SINTER_QCOW2_COMPRESSION_ZSTD;
    }
    header = sinter_qcow2_header_build(&spec, error);
    if (!header)
        return FALSE;
    if (rescue->geo.cluster_size > SECTOR_BYTES &&
        (!sinter_io_write(rescue->io, SECTOR_BYTES, header + SECTOR_BYTES,
                          rescue->geo.cluster_size - SECTOR_BYTES, error) ||
         !sinter_io_flush(rescue->io, error)))
        return FALSE;
    return sinter_io_write(rescue->io, 0, header, SECTOR_BYTES, error) &&
           sinter_io_flush(rescue->io, error);
}

/* Room for the refcounts of everything, generously: new tables, L1 table, blocks and table. */
static gboolean
write_prepare(Write *self, GError **error)
{
    const SinterQcow2Rescue *rescue = self->rescue;
    const SinterQcow2Geometry *geo = &rescue->geo;
    guint64 n = rescue->n_clusters + rescue->n_slots + SINTER_QCOW2_L1_MAX_BYTES / 512;
    guint64 n_l1 = rescue->header ? rescue->header->l1_entries : 0;

    self->next = rescue->n_clusters;
    self->n_l1 = (guint32)(n_l1 <= SINTER_QCOW2_L1_MAX_BYTES / 8 ? MAX(n_l1, rescue->n_slots)
                                                                 : rescue->n_slots);
    n += 2 * (n >> geo->refblock_bits) + 16;
    self->n_total = n;
    self->refs = g_try_malloc0_n(n, sizeof *self->refs);
    self->l1 = g_try_malloc0_n(self->n_l1, sizeof *self->l1);
    self->buf = g_try_malloc(geo->cluster_size);
    if (self->refs && self->l1 && self->buf)
        return TRUE;
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                        "there is not enough memory for the reference counts");
    return FALSE;
}

gboolean
sinter_qcow2_rescue_write(SinterQcow2Rescue *self, const SinterRescueOptions *options,
                          GError **error)
{
    Write write = { .rescue = self, .options = options };
    gboolean ok;

    ok = write_prepare(&write, error) && slots_walk(&write, slot_count, error) &&
         count_snapshots(&write, error);
    if (ok) {
        count_kept(&write);
        lay_out(&write);
    }
    ok = ok && slots_walk(&write, slot_write, error) && write_l1(&write, error) &&
         write_blocks(&write, error) && write_reftable(&write, error) &&
         sinter_io_flush(self->io, error) &&
         (self->header ? switch_root(&write, error) : switch_header(&write, error));
    g_free(write.refs);
    g_free(write.l1);
    g_free(write.buf);
    return ok;
}
