/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Builds a refcount table with its blocks from the map of a check. First all places are taken,
 * which adds references that need blocks themselves; then the blocks are written in order. Memory
 * is one block, and eight bytes for each block.
 */

#include "qcow2-structure-build.h"
#include "qcow2/check/qcow2-refcount-compare.h"
#include "qcow2/layout/qcow2-entries.h"
#include "qcow2/layout/qcow2-root.h"
#include "sinter-error.h"

typedef struct {
    SinterQcow2Round *round;
    SinterQcow2Check *check;
    gboolean keep;
    SinterQcow2Geometry geo; /* with the new width */
    SinterQcow2Root root;
    SinterQcow2Slots former; /* clusters of the former structure: references to subtract */
    guint64 *table;          /* offsets of the new blocks, 0: none */
    guint64 n_entries;       /* of the table */
} Build;

/* --- the former structure --- */

static void
build_add_former(Build *self, guint64 offset, guint64 bytes)
{
    guint64 first = offset >> self->geo.cluster_bits;
    guint64 n = sinter_qcow2_geometry_clusters(&self->geo, bytes);

    for (guint64 i = 0; i < n; i++)
        sinter_qcow2_slots_get(&self->former, first + i)->value++;
}

/* The references that the check counted for the refcount table and its blocks. */
static void
build_list_former(Build *self)
{
    SinterQcow2Check *check = self->check;
    guint64 bytes = check->reftable_entries * 8;

    if (bytes > 0 && sinter_qcow2_check_is_in_file(check, check->header->reftable_offset, bytes))
        build_add_former(self, check->header->reftable_offset, bytes);
    for (guint64 i = 0; i < check->reftable_entries; i++) {
        guint64 entry = sinter_be64_load(check->reftable + i * 8);

        if (entry != 0 && sinter_qcow2_check_counts_block(check, self->round->n_clusters, entry))
            build_add_former(self, entry, self->geo.cluster_size);
    }
}

/* --- what to store --- */

/* References without those of the former structure. */
static guint64
build_refs(const Build *self, guint64 cluster)
{
    const SinterQcow2Slot *former = sinter_qcow2_slots_find(&self->former, cluster);
    guint64 refs = sinter_qcow2_refcount_map_get_refs(self->check->map, cluster);

    return former ? refs - MIN(refs, former->value) : refs;
}

/* The last one may be there only in part. */
static guint64
build_file_clusters(const Build *self)
{
    return sinter_qcow2_geometry_clusters(&self->geo, self->check->stat.size_bytes);
}

static guint64
build_count(const Build *self, guint64 cluster)
{
    const SinterQcow2Check *check = self->check;
    guint64 refs = build_refs(self, cluster);

    if (!self->keep)
        return refs;
    if (!check->reftable_usable || sinter_qcow2_refcount_map_is_unknown(check->map, cluster))
        return cluster < build_file_clusters(self) ? MAX(refs, 1) : refs;
    return MAX(refs, sinter_qcow2_refcount_map_get_stored(check->map, cluster));
}

typedef struct {
    const Build *build;
    guint64 refs;
} Most;

static void
find_most(guint64 cluster, gpointer user_data)
{
    Most *self = user_data;

    self->refs = MAX(self->refs, build_refs(self->build, cluster));
}

/* The highest number of references to store. */
static guint64
build_max_refs(const Build *self)
{
    Most most = { self, sinter_qcow2_refcount_map_max_refs(self->check->map) };

    if (most.refs <= sinter_qcow2_refcount_max(self->check->header->refcount_order))
        return most.refs;
    most.refs = 0;
    sinter_qcow2_refcount_map_each_used(self->check->map, find_most, &most);
    return most.refs;
}

static gboolean
build_choose_width(Build *self, GError **error)
{
    const SinterQcow2Header *header = self->check->header;
    guint64 max = build_max_refs(self);
    guint32 order = header->refcount_order;

    while (order < SINTER_QCOW2_REFCOUNT_ORDER_MAX && sinter_qcow2_refcount_max(order) < max)
        order++;
    if (order != header->refcount_order && header->version < 3) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "a cluster has %" G_GUINT64_FORMAT
                    " references, more than the refcounts of a version 2 image can hold",
                    max);
        return FALSE;
    }
    sinter_qcow2_geometry_init(&self->geo, header->version, header->cluster_bits, order,
                               header->incompatible);
    self->root = sinter_qcow2_root_of(header);
    self->root.refcount_order = order;
    return TRUE;
}

/* --- places --- */

typedef struct {
    guint8 *bits; /* by block: it counts something */
    guint64 n_blocks;
    guint shift;
    gboolean is_full;
} Needed;

static void
need_cluster(guint64 cluster, gpointer user_data)
{
    Needed *self = user_data;
    guint64 index = cluster >> self->shift;

    if (index < self->n_blocks)
        self->bits[index / 8] |= (guint8)(1U << (index % 8));
    else
        self->is_full = TRUE;
}

static gboolean
needs_block(const Needed *self, guint64 index)
{
    return (self->bits[index / 8] >> (index % 8)) & 1;
}

/* Clusters that count as used although nothing refers to them. */
static void
need_kept(const Build *self, Needed *needed)
{
    const SinterQcow2Check *check = self->check;
    guint64 step = G_GUINT64_CONSTANT(1) << needed->shift;
    guint64 end = build_file_clusters(self);

    sinter_qcow2_refcount_map_each_stored(check->map, need_cluster, needed);
    for (guint64 at = 0; at < end; at += step) {
        if (!check->reftable_usable)
            need_cluster(at, needed);
    }
    for (guint i = 0; i < check->map->unknown->len; i++) {
        SinterQcow2ClusterRange range =
            g_array_index(check->map->unknown, SinterQcow2ClusterRange, i);

        for (guint64 at = range.first; at < MIN(range.end, end); at = (at / step + 1) * step)
            need_cluster(at, needed);
    }
}

static guint64
max_entries(void)
{
    return SINTER_QCOW2_REFTABLE_MAX_BYTES / 8;
}

/*
 * Takes the table: large enough for the blocks that are needed now, and for those that count the
 * new structure itself and the growth of the file by an eighth.
 */
static gboolean
build_place_table(Build *self, const Needed *needed, GError **error)
{
    guint64 per_block = G_GUINT64_CONSTANT(1) << self->geo.refblock_bits;
    guint64 n_needed = 0;
    guint64 last = 0;
    guint64 bytes;
    guint64 first;

    for (guint64 i = 0; i < needed->n_blocks; i++) {
        n_needed += needs_block(needed, i);
        last = needs_block(needed, i) ? i : last;
    }
    last = MAX(last, self->check->n_clusters / per_block);
    bytes = (last + last / 8 + 2 * (n_needed / per_block) + 16) * 8;
    bytes += 2 * (sinter_qcow2_geometry_clusters(&self->geo, bytes) / per_block) * 8;
    bytes = MIN(bytes, SINTER_QCOW2_REFTABLE_MAX_BYTES);
    self->root.reftable_clusters = (guint32)sinter_qcow2_geometry_clusters(&self->geo, bytes);
    if (!sinter_qcow2_fresh_take(&self->round->fresh, self->root.reftable_clusters, &first, error))
        return FALSE;
    self->root.reftable_offset = first << self->geo.cluster_bits;
    self->n_entries = (guint64)self->root.reftable_clusters << self->geo.cluster_bits >> 3;
    self->table = g_new0(guint64, self->n_entries);
    return TRUE;
}

static gboolean
refuse_full(GError **error)
{
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "the refcount table would exceed its maximum size");
    return FALSE;
}

/* Takes a place for each block. The places need blocks too, so it repeats until there are none. */
static gboolean
build_place_blocks(Build *self, Needed *needed, GError **error)
{
    gboolean again = TRUE;

    for (guint32 i = 0; i < self->root.reftable_clusters; i++)
        need_cluster((self->root.reftable_offset >> self->geo.cluster_bits) + i, needed);
    while (again) {
        again = FALSE;
        for (guint64 i = 0; i < needed->n_blocks; i++) {
            guint64 place;

            if (!needs_block(needed, i) || (i < self->n_entries && self->table[i] != 0))
                continue;
            if (i >= self->n_entries)
                return refuse_full(error);
            if (!sinter_qcow2_fresh_take(&self->round->fresh, 1, &place, error))
                return FALSE;
            self->table[i] = place << self->geo.cluster_bits;
            need_cluster(place, needed);
            again = TRUE;
        }
    }
    return !needed->is_full || refuse_full(error);
}

static gboolean
build_place(Build *self, GError **error)
{
    g_autofree guint8 *bits = g_malloc0(max_entries() / 8);
    Needed needed = { bits, max_entries(), self->geo.refblock_bits, FALSE };

    sinter_qcow2_refcount_map_each_used(self->check->map, need_cluster, &needed);
    if (self->keep)
        need_kept(self, &needed);
    return build_place_table(self, &needed, error) && build_place_blocks(self, &needed, error);
}

/* --- writing --- */

static void
build_fill(const Build *self, guint64 index, guint8 *block)
{
    guint64 n = G_GUINT64_CONSTANT(1) << self->geo.refblock_bits;
    guint64 first = index << self->geo.refblock_bits;

    for (guint64 i = 0; i < n; i++)
        sinter_qcow2_refcount_store(self->geo.refcount_order, block, (guint32)i,
                                    build_count(self, first + i));
}

static gboolean
build_write(Build *self, GError **error)
{
    SinterIo *io = self->check->io;
    g_autofree guint8 *block = g_malloc(self->geo.cluster_size);

    for (guint64 i = 0; i < self->n_entries; i++) {
        if (self->table[i] == 0)
            continue;
        build_fill(self, i, block);
        if (!sinter_io_write(io, self->table[i], block, self->geo.cluster_size, error))
            return FALSE;
    }
    return sinter_qcow2_entries_store(io, self->root.reftable_offset, self->table, 0,
                                      (guint32)self->n_entries, error) &&
           sinter_io_flush(io, error) &&
           sinter_qcow2_root_write(io, self->check->header, &self->root, error);
}

gboolean
sinter_qcow2_structure_build(SinterQcow2Round *round, gboolean keep, GError **error)
{
    Build build = { .round = round, .check = round->check, .keep = keep, .geo = round->check->geo };
    gboolean ok;

    build_list_former(&build);
    ok = build_choose_width(&build, error) && build_place(&build, error) &&
         build_write(&build, error);
    g_free(build.table);
    sinter_qcow2_slots_clear(&build.former);
    return ok;
}
