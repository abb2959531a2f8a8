/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Commits a new generation of metadata: its refcounts count its own tables and no longer the old
 * ones, everything is made durable, the root is switched, and holes are punched for what neither
 * the disk nor a snapshot uses any more.
 */

#include "qcow2/layout/qcow2-entries.h"
#include "qcow2-shadow.h"
#include "sinter-error.h"

/* Returns the current block of @index, 0 if the new generation keeps using it or there is none. */
static guint64
superseded_block(const SinterQcow2Shadow *self, guint32 index)
{
    const SinterQcow2Writer *writer = self->writer;
    gboolean kept =
        self->geo.refcount_order == writer->geo.refcount_order &&
        (index >= self->places->len || g_array_index(self->places, guint64, index) == 0);

    return kept ? 0 : writer->reftable[index] & ~SINTER_QCOW2_REFTABLE_RESERVED;
}

/*
 * Decrements the refcounts of superseded blocks; that may supersede further ones, so it repeats
 * until there are none.
 */
static gboolean
shadow_drop_blocks(SinterQcow2Shadow *self, GError **error)
{
    gboolean again = TRUE;

    while (again) {
        again = FALSE;
        for (guint32 i = 0; i < self->writer->reftable_entries; i++) {
            guint64 cluster = superseded_block(self, i) >> self->geo.cluster_bits;

            if (cluster == 0 || !g_hash_table_add(self->superseded, GSIZE_TO_POINTER(cluster)))
                continue;
            again = TRUE;
            if (!sinter_qcow2_shadow_drop_table(self, cluster, 1, error))
                return FALSE;
        }
    }
    return TRUE;
}

static guint64
shadow_count_entries(const SinterQcow2Shadow *self)
{
    guint64 entries = self->places->len;

    if (self->geo.refcount_order == self->writer->geo.refcount_order)
        entries = MAX(entries, self->writer->reftable_entries);
    return entries;
}

/* Allocates a refcount table for all blocks, including those that count the table itself. */
static gboolean
shadow_place_reftable(SinterQcow2Shadow *self, GError **error)
{
    const SinterQcow2Writer *writer = self->writer;
    guint64 old_bytes = (guint64)writer->reftable_entries * 8;

    if (!sinter_qcow2_shadow_drop_table(self, writer->reftable_offset >> self->geo.cluster_bits,
                                        old_bytes >> self->geo.cluster_bits, error) ||
        !shadow_drop_blocks(self, error))
        return FALSE;
    for (;;) {
        guint64 n = sinter_qcow2_geometry_clusters(&self->geo, shadow_count_entries(self) * 8);

        if (n << self->geo.cluster_bits > SINTER_QCOW2_REFTABLE_MAX_BYTES) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE,
                        "'%s': its refcount table would exceed its maximum size; convert the image "
                        "to larger clusters",
                        sinter_io_get_path(writer->io));
            return FALSE;
        }
        if (!sinter_qcow2_shadow_take(self, n, &self->root.reftable_offset, error) ||
            !shadow_drop_blocks(self, error))
            return FALSE;
        self->root.reftable_clusters = (guint32)n;
        if (shadow_count_entries(self) * 8 <= n << self->geo.cluster_bits)
            return TRUE;
        if (!sinter_qcow2_shadow_drop_table(
                self, self->root.reftable_offset >> self->geo.cluster_bits, n, error))
            return FALSE;
    }
}

static gboolean
shadow_write_reftable(SinterQcow2Shadow *self, GError **error)
{
    const SinterQcow2Writer *writer = self->writer;
    guint64 n = ((guint64)self->root.reftable_clusters << self->geo.cluster_bits) / 8;
    g_autofree guint64 *table = g_new0(guint64, n);

    for (guint64 i = 0; i < n; i++) {
        if (i < self->places->len)
            table[i] = g_array_index(self->places, guint64, i);
        if (table[i] == 0 && i < writer->reftable_entries &&
            self->geo.refcount_order == writer->geo.refcount_order)
            table[i] = writer->reftable[i];
    }
    return sinter_qcow2_entries_store(writer->io, self->root.reftable_offset, table, 0, (guint32)n,
                                      error);
}

/* A run of clusters to free. */
typedef struct {
    SinterQcow2Shadow *shadow;
    guint64 first;
    guint64 n;
} Hole;

/* The change is committed: a failure to punch a hole only wastes space. */
static void
hole_punch(Hole *self)
{
    guint bits = self->shadow->geo.cluster_bits;

    if (self->n > 0)
        sinter_io_discard(self->shadow->writer->io, self->first << bits, self->n << bits, NULL);
    self->n = 0;
}

static void
hole_add(Hole *self, guint64 cluster)
{
    if (self->n > 0 && self->first + self->n == cluster) {
        self->n++;
        return;
    }
    hole_punch(self);
    self->first = cluster;
    self->n = 1;
}

/*
 * Frees the clusters of new block @index that are no longer in use; the old blocks are freed later.
 */
static gboolean
punch_block(SinterQcow2Shadow *self, guint64 index, Hole *hole)
{
    guint64 first = index << self->geo.refblock_bits;
    guint64 end = (index + 1) << self->geo.refblock_bits;

    for (guint64 cluster = first; cluster < end; cluster++) {
        guint64 old = 0;
        guint64 new = 0;

        if (!sinter_qcow2_alloc_get_refcount(self->writer, cluster, &old, NULL) ||
            !sinter_qcow2_shadow_get_refcount(self, cluster, &new, NULL))
            return FALSE;
        if (old > 0 && new == 0 &&
            !g_hash_table_contains(self->superseded, GSIZE_TO_POINTER(cluster)))
            hole_add(hole, cluster);
    }
    return sinter_qcow2_shadow_make_room(self, NULL);
}

static void
shadow_punch(SinterQcow2Shadow *self)
{
    Hole hole = { .shadow = self };
    GHashTableIter iter;
    gpointer cluster;

    for (guint i = 0; i < self->places->len; i++) {
        if (g_array_index(self->places, guint64, i) != 0 && !punch_block(self, i, &hole))
            return;
    }
    g_hash_table_iter_init(&iter, self->superseded);
    while (g_hash_table_iter_next(&iter, &cluster, NULL))
        hole_add(&hole, GPOINTER_TO_SIZE(cluster));
    hole_punch(&hole);
}

gboolean
sinter_qcow2_shadow_commit(SinterQcow2Shadow *self, GError **error)
{
    SinterQcow2Writer *writer = self->writer;

    if (!shadow_place_reftable(self, error) ||
        !sinter_qcow2_table_set_write(&self->blocks, FALSE, error) ||
        !shadow_write_reftable(self, error) || !sinter_io_flush(writer->io, error))
        return FALSE;
    sinter_qcow2_table_set_mark_clean(&self->blocks, FALSE);
    self->is_switching = TRUE;
    if (!sinter_qcow2_root_write(writer->io, writer->header, &self->root, error))
        return FALSE;
    shadow_punch(self);
    return TRUE;
}
