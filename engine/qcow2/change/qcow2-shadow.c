/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Counts references in a new generation of an image's metadata. Invariant: no byte that the current
 * generation uses is written; a cluster is allocated only if it is free in both generations, and
 * never twice, because the cursor only advances.
 */

#include "qcow2-shadow.h"
#include "qcow2/write/qcow2-proof.h"
#include "sinter-error.h"
#include "sinter-progress.h"

#define BLOCKS_BUDGET_BYTES (16 * 1024 * 1024)

static guint64
shadow_per_block(const SinterQcow2Shadow *self)
{
    return G_GUINT64_CONSTANT(1) << self->geo.refblock_bits;
}

static guint32
shadow_index_in_block(const SinterQcow2Shadow *self, guint64 cluster)
{
    return (guint32)(cluster & (shadow_per_block(self) - 1));
}

SinterQcow2Shadow *
sinter_qcow2_shadow_new(SinterQcow2Writer *writer, guint32 refcount_order)
{
    SinterQcow2Shadow *self = g_new0(SinterQcow2Shadow, 1);
    const SinterQcow2Header *header = writer->header;

    self->writer = writer;
    sinter_qcow2_geometry_init(&self->geo, header->version, header->cluster_bits, refcount_order,
                               header->incompatible);
    self->root = sinter_qcow2_root_of(header);
    self->root.refcount_order = refcount_order;
    self->places = g_array_new(FALSE, TRUE, sizeof(guint64));
    sinter_qcow2_table_set_init(&self->blocks, writer->io, self->geo.cluster_size,
                                BLOCKS_BUDGET_BYTES);
    self->superseded = g_hash_table_new(NULL, NULL);
    self->taken = g_array_new(FALSE, FALSE, sizeof(guint64));
    self->file_bytes = G_MAXUINT64;
    return self;
}

/* Nothing refers to the clusters that were written: on a full file system their space counts. */
static void
shadow_give_up(SinterQcow2Shadow *self)
{
    SinterIo *io = self->writer->io;
    guint bits = self->geo.cluster_bits;
    SinterIoStat st;

    if (self->is_switching)
        return;
    if (sinter_io_stat(io, &st, NULL) && !st.is_block_device && st.size_bytes > self->file_bytes)
        sinter_io_truncate(io, self->file_bytes, NULL);
    for (guint i = 0; i < self->taken->len; i++) {
        guint64 offset = g_array_index(self->taken, guint64, i) << bits;

        if (offset < self->file_bytes)
            sinter_io_discard(io, offset, self->geo.cluster_size, NULL);
    }
}

void
sinter_qcow2_shadow_free(SinterQcow2Shadow *self)
{
    if (!self)
        return;
    shadow_give_up(self);
    sinter_qcow2_table_set_clear(&self->blocks);
    g_array_unref(self->places);
    g_hash_table_unref(self->superseded);
    g_array_unref(self->taken);
    g_free(self);
}

static guint64
shadow_place(const SinterQcow2Shadow *self, guint64 index)
{
    return index < self->places->len ? g_array_index(self->places, guint64, index) : 0;
}

gboolean
sinter_qcow2_shadow_get_refcount(SinterQcow2Shadow *self, guint64 cluster, guint64 *ret,
                                 GError **error)
{
    guint64 place = shadow_place(self, cluster >> self->geo.refblock_bits);
    SinterQcow2Table *block;

    if (place == 0)
        return sinter_qcow2_alloc_get_refcount(self->writer, cluster, ret, error);
    block = sinter_qcow2_table_get(&self->blocks, place, error);
    if (!block)
        return FALSE;
    *ret = sinter_qcow2_refcount_load(self->geo.refcount_order, block->data,
                                      shadow_index_in_block(self, cluster));
    return TRUE;
}

/* Returns whether @cluster is free in the current and in the new generation. */
static gboolean
shadow_is_free(SinterQcow2Shadow *self, guint64 cluster, gboolean *ret, GError **error)
{
    guint64 old = 0;
    guint64 new = 0;

    if (!sinter_qcow2_alloc_get_refcount(self->writer, cluster, &old, error) ||
        !sinter_qcow2_shadow_get_refcount(self, cluster, &new, error))
        return FALSE;
    *ret = old == 0 && new == 0;
    if (!*ret || !g_hash_table_contains(self->writer->metadata, GSIZE_TO_POINTER(cluster)))
        return TRUE;
    g_set_error(
        error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
        "'%s': the cluster at %" G_GUINT64_FORMAT
        " contains a table but its refcount is 0; repair the image with 'sinter-img check -r "
        "all' before it is written to",
        sinter_io_get_path(self->writer->io), cluster << self->geo.cluster_bits);
    return FALSE;
}

/* Returns @n contiguous free clusters; they are not counted yet, but not found again either. */
static gboolean
shadow_find(SinterQcow2Shadow *self, guint64 n, guint64 *ret_first, GError **error)
{
    guint64 found = 0;

    if (self->file_bytes == G_MAXUINT64) {
        SinterIoStat st;

        /* all that a change frees or reuses depends on the current refcounts */
        if (!sinter_io_stat(self->writer->io, &st, error) ||
            !sinter_qcow2_proof_counts(self->writer, error))
            return FALSE;
        self->file_bytes = st.size_bytes;
    }
    while (found < n) {
        gboolean is_free = FALSE;

        if (!shadow_is_free(self, self->cursor, &is_free, error))
            return FALSE;
        found = is_free ? found + 1 : 0;
        self->cursor++;
    }
    *ret_first = self->cursor - n;
    for (guint64 cluster = *ret_first; cluster < self->cursor; cluster++)
        g_array_append_val(self->taken, cluster);
    return TRUE;
}

static gboolean
fill_converted(SinterQcow2Shadow *self, guint64 index, guint8 *data, GError **error)
{
    guint64 first = index << self->geo.refblock_bits;

    for (guint64 i = 0; i < shadow_per_block(self); i++) {
        guint64 count = 0;

        if (!sinter_qcow2_alloc_get_refcount(self->writer, first + i, &count, error))
            return FALSE;
        if (count > sinter_qcow2_refcount_max(self->geo.refcount_order)) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                        "Cannot decrease refcount entry width to %u bits: Cluster at offset "
                        "0x%" G_GINT64_MODIFIER "x has a refcount of %" G_GUINT64_FORMAT,
                        1U << self->geo.refcount_order, (first + i) << self->geo.cluster_bits,
                        count);
            return FALSE;
        }
        sinter_qcow2_refcount_store(self->geo.refcount_order, data, (guint32)i, count);
    }
    return TRUE;
}

/* Loads the current refcounts of block @index. */
static gboolean
shadow_fill_block(SinterQcow2Shadow *self, guint64 index, guint8 *data, GError **error)
{
    SinterQcow2Writer *writer = self->writer;
    SinterQcow2Table *old;
    guint64 offset;

    if (self->geo.refcount_order != writer->geo.refcount_order)
        return fill_converted(self, index, data, error);
    offset = index < writer->reftable_entries
                 ? writer->reftable[index] & ~SINTER_QCOW2_REFTABLE_RESERVED
                 : 0;
    if (offset == 0)
        return TRUE;
    old = sinter_qcow2_table_get(&writer->blocks, offset, error);
    if (old)
        memcpy(data, old->data, self->geo.cluster_size);
    return old != NULL;
}

static gboolean shadow_count_up(SinterQcow2Shadow *self, guint64 cluster, GError **error);

/* Returns block @index of the new generation, created if it has none of its own. */
static SinterQcow2Table *
shadow_block_own(SinterQcow2Shadow *self, guint64 index, GError **error)
{
    guint64 place = shadow_place(self, index);
    SinterQcow2Table *block;
    guint64 cluster;

    if (place != 0)
        return sinter_qcow2_table_get(&self->blocks, place, error);
    if (!shadow_find(self, 1, &cluster, error))
        return NULL;
    place = cluster << self->geo.cluster_bits;
    block = sinter_qcow2_table_add(&self->blocks, place);
    if (!shadow_fill_block(self, index, block->data, error))
        return NULL;
    if (index >= self->places->len)
        g_array_set_size(self->places, (guint)index + 1);
    g_array_index(self->places, guint64, index) = place;
    return shadow_count_up(self, cluster, error) ? block : NULL;
}

static void
shadow_store(SinterQcow2Shadow *self, SinterQcow2Table *block, guint64 cluster, guint64 value)
{
    guint32 index = shadow_index_in_block(self, cluster);
    guint32 bit = index << self->geo.refcount_order;

    sinter_qcow2_refcount_store(self->geo.refcount_order, block->data, index, value);
    sinter_qcow2_table_touch(block, bit >> 3, MAX(1U << self->geo.refcount_order >> 3, 1));
}

/* Counts a cluster that was found free. */
static gboolean
shadow_count_up(SinterQcow2Shadow *self, guint64 cluster, GError **error)
{
    SinterQcow2Table *block = shadow_block_own(self, cluster >> self->geo.refblock_bits, error);

    if (block)
        shadow_store(self, block, cluster, 1);
    return block != NULL;
}

/* Returns whether the current generation has refcounts for block @index of the new one. */
static gboolean
has_old_counts(const SinterQcow2Shadow *self, guint64 index)
{
    const SinterQcow2Writer *writer = self->writer;
    guint64 first = (index << self->geo.refblock_bits) >> writer->geo.refblock_bits;
    guint64 last = (((index + 1) << self->geo.refblock_bits) - 1) >> writer->geo.refblock_bits;

    for (guint64 i = first; i <= last && i < writer->reftable_entries; i++) {
        if (writer->reftable[i] & ~SINTER_QCOW2_REFTABLE_RESERVED)
            return TRUE;
    }
    return FALSE;
}

/* Changes a refcount; reports why if it cannot. */
typedef gboolean (*ChangeFunc)(SinterQcow2Shadow *self, guint64 cluster, guint64 *count,
                               GError **error);

static gboolean
refuse_cluster(SinterQcow2Shadow *self, guint64 cluster, const char *trouble, GError **error)
{
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                "'%s': the cluster at %" G_GUINT64_FORMAT " %s; repair the image with 'sinter-img "
                "check -r all' before it is written to",
                sinter_io_get_path(self->writer->io), cluster << self->geo.cluster_bits, trouble);
    return FALSE;
}

static gboolean
change_refer(SinterQcow2Shadow *self, guint64 cluster, guint64 *count, GError **error)
{
    guint bits = 1U << self->geo.refcount_order;
    guint64 old = *count;

    /* a cluster that lost its last reference in the new generation may be referenced again */
    if (*count == 0 && !sinter_qcow2_alloc_get_refcount(self->writer, cluster, &old, error))
        return FALSE;
    if (old == 0)
        return refuse_cluster(self, cluster, "is in use but its refcount is 0", error);
    if (*count < sinter_qcow2_refcount_max(self->geo.refcount_order)) {
        (*count)++;
        return TRUE;
    }
    self->is_too_narrow = TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "'%s': the cluster at %" G_GUINT64_FORMAT " already has %" G_GUINT64_FORMAT
                " references, the maximum of a refcount of %u bit%s%s",
                sinter_io_get_path(self->writer->io), cluster << self->geo.cluster_bits, *count,
                bits, bits == 1 ? "" : "s",
                self->writer->header->version < 3 ? "; version 2 images have no wider refcounts: "
                                                    "upgrade with 'sinter-img amend -o compat=1.1'"
                                                  : "");
    return FALSE;
}

static gboolean
change_drop_table(SinterQcow2Shadow *self, guint64 cluster, guint64 *count, GError **error)
{
    if (*count == 0)
        return refuse_cluster(self, cluster, "is in use but its refcount is 0", error);
    (*count)--;
    return TRUE;
}

static gboolean
change_drop(SinterQcow2Shadow *self, guint64 cluster, guint64 *count, GError **error)
{
    if (*count == 1 && g_hash_table_contains(self->writer->metadata, GSIZE_TO_POINTER(cluster)))
        return refuse_cluster(self, cluster, "is used for a table and also for data", error);
    return change_drop_table(self, cluster, count, error);
}

static gboolean
shadow_change(SinterQcow2Shadow *self, guint64 first, guint64 n, ChangeFunc change, GError **error)
{
    while (n > 0) {
        guint64 left = shadow_per_block(self) - shadow_index_in_block(self, first);
        SinterQcow2Table *block;
        guint64 old = 0;

        /* a cluster without a refcount may be anywhere: no block is created for it */
        if (!sinter_qcow2_shadow_get_refcount(self, first, &old, error))
            return FALSE;
        block = old == 0 ? NULL : shadow_block_own(self, first >> self->geo.refblock_bits, error);
        if (!block)
            return old == 0 && change(self, first, &old, error);
        for (left = MIN(left, n); left > 0; left--, first++, n--) {
            guint64 count = sinter_qcow2_refcount_load(self->geo.refcount_order, block->data,
                                                       shadow_index_in_block(self, first));

            if (!change(self, first, &count, error))
                return FALSE;
            shadow_store(self, block, first, count);
        }
    }
    return TRUE;
}

gboolean
sinter_qcow2_shadow_refer(SinterQcow2Shadow *self, guint64 first, guint64 n, GError **error)
{
    return shadow_change(self, first, n, change_refer, error);
}

gboolean
sinter_qcow2_shadow_drop(SinterQcow2Shadow *self, guint64 first, guint64 n, GError **error)
{
    return shadow_change(self, first, n, change_drop, error);
}

gboolean
sinter_qcow2_shadow_drop_table(SinterQcow2Shadow *self, guint64 first, guint64 n, GError **error)
{
    return shadow_change(self, first, n, change_drop_table, error);
}

gboolean
sinter_qcow2_shadow_take(SinterQcow2Shadow *self, guint64 n, guint64 *ret, GError **error)
{
    guint64 first;

    if (!shadow_find(self, n, &first, error))
        return FALSE;
    for (guint64 i = 0; i < n; i++) {
        if (!shadow_count_up(self, first + i, error))
            return FALSE;
    }
    *ret = first << self->geo.cluster_bits;
    return TRUE;
}

gboolean
sinter_qcow2_shadow_replace(SinterQcow2Shadow *self, guint64 offset, guint64 bytes,
                            guint64 new_bytes, guint64 *ret, GError **error)
{
    guint64 old_n = sinter_qcow2_geometry_clusters(&self->geo, bytes);
    guint64 new_n = sinter_qcow2_geometry_clusters(&self->geo, new_bytes);

    *ret = 0;
    return (old_n == 0 ||
            sinter_qcow2_shadow_drop_table(self, offset >> self->geo.cluster_bits, old_n, error)) &&
           (new_n == 0 || sinter_qcow2_shadow_take(self, new_n, ret, error));
}

gboolean
sinter_qcow2_shadow_convert(SinterQcow2Shadow *self, SinterProgress *progress, GError **error)
{
    const SinterQcow2Writer *writer = self->writer;
    guint64 clusters = (guint64)writer->reftable_entries << writer->geo.refblock_bits;
    guint64 n = (clusters + shadow_per_block(self) - 1) >> self->geo.refblock_bits;

    sinter_progress_set_total(progress, n);
    for (guint64 i = 0; i < n; i++) {
        if (has_old_counts(self, i) &&
            (!shadow_block_own(self, i, error) || !sinter_qcow2_shadow_make_room(self, error)))
            return FALSE;
        sinter_progress_advance(progress, 1);
    }
    return TRUE;
}

gboolean
sinter_qcow2_shadow_make_room(SinterQcow2Shadow *self, GError **error)
{
    if (sinter_qcow2_table_set_is_over_budget(&self->writer->blocks))
        sinter_qcow2_table_set_make_room(&self->writer->blocks);
    if (!sinter_qcow2_table_set_is_over_budget(&self->blocks))
        return TRUE;
    /* nothing refers to them yet: they may be in the file in any state */
    if (!sinter_qcow2_table_set_write(&self->blocks, FALSE, error))
        return FALSE;
    sinter_qcow2_table_set_mark_clean(&self->blocks, FALSE);
    sinter_qcow2_table_set_make_room(&self->blocks);
    return TRUE;
}
