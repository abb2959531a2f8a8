/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Allocates clusters and keeps the refcounts of an image that is open for writing in memory until
 * the commit. Clusters are allocated first-fit, in runs; a run's refcounts change together.
 *
 * Invariant: a missing refcount block is placed at the first cluster that it counts; a full
 * refcount table is replaced by a larger one in the first range that the old one cannot count:
 *
 *   end of what the old table counts | new table | blocks that count all of this | free
 *
 * and no cluster that holds a table is ever allocated, whatever its refcount.
 */

#include "qcow2-alloc.h"
#include "qcow2-proof.h"
#include "sinter-error.h"

/*
 * Each hole is a transaction of the file system and splits an extent of the file. If more runs than
 * this are freed at a time, no holes are punched for the shortest: they keep their host space and
 * are reused first. They are a small part of the space.
 */
#define PUNCH_ALL_RUNS 4096
#define KEPT_PART 8
/* Runs are distinguished by length up to this number of clusters. */
#define SHORT_RUN_MAX 16

static guint64
alloc_block_index(const SinterQcow2Writer *self, guint64 cluster)
{
    return cluster >> self->geo.refblock_bits;
}

static guint32
alloc_index_in_block(const SinterQcow2Writer *self, guint64 cluster)
{
    return (guint32)(cluster & ((G_GUINT64_CONSTANT(1) << self->geo.refblock_bits) - 1));
}

/* Returns the block with the refcount of @cluster; NULL in @ret if there is none. */
static gboolean
alloc_block_get(SinterQcow2Writer *self, guint64 cluster, SinterQcow2Table **ret, GError **error)
{
    guint64 index = alloc_block_index(self, cluster);
    guint64 offset = index < self->reftable_entries
                         ? self->reftable[index] & ~SINTER_QCOW2_REFTABLE_RESERVED
                         : 0;

    *ret = NULL;
    if (offset == 0)
        return TRUE;
    *ret = sinter_qcow2_table_get(&self->blocks, offset, error);
    return *ret != NULL;
}

static guint64
block_load(const SinterQcow2Writer *self, const SinterQcow2Table *block, guint64 cluster)
{
    return sinter_qcow2_refcount_load(self->geo.refcount_order, block->data,
                                      alloc_index_in_block(self, cluster));
}

static void
block_store(SinterQcow2Writer *self, SinterQcow2Table *block, guint64 cluster, guint64 value)
{
    guint32 index = alloc_index_in_block(self, cluster);
    guint32 bit = index << self->geo.refcount_order;
    guint32 bytes = MAX(1U << self->geo.refcount_order >> 3, 1);

    sinter_qcow2_refcount_store(self->geo.refcount_order, block->data, index, value);
    sinter_qcow2_table_touch(block, bit >> 3, bytes);
}

static void
alloc_mark_metadata(SinterQcow2Writer *self, guint64 first, guint64 n)
{
    for (guint64 i = 0; i < n; i++)
        g_hash_table_add(self->metadata, GSIZE_TO_POINTER(first + i));
}

static void
alloc_set_reftable(SinterQcow2Writer *self, guint64 index, guint64 offset)
{
    self->reftable[index] = offset;
    if (self->reftable_dirty_from >= self->reftable_dirty_to) {
        self->reftable_dirty_from = (guint32)index;
        self->reftable_dirty_to = (guint32)index + 1;
    }
    self->reftable_dirty_from = MIN(self->reftable_dirty_from, (guint32)index);
    self->reftable_dirty_to = MAX(self->reftable_dirty_to, (guint32)index + 1);
}

/* Places block @index at @cluster, which another block or the block itself counts. */
static SinterQcow2Table *
alloc_add_block(SinterQcow2Writer *self, guint64 index, guint64 cluster)
{
    guint64 offset = cluster << self->geo.cluster_bits;

    alloc_set_reftable(self, index, offset);
    alloc_mark_metadata(self, cluster, 1);
    return sinter_qcow2_table_add(&self->blocks, offset);
}

/* The number of clusters for a table of @table_clusters and its first blocks. */
static guint64
growth_blocks(const SinterQcow2Writer *self, guint64 table_clusters)
{
    guint64 per_block = G_GUINT64_CONSTANT(1) << self->geo.refblock_bits;
    guint64 blocks = 1;

    while (blocks * per_block < table_clusters + blocks)
        blocks++;
    return blocks;
}

static gboolean
alloc_grow_reftable(SinterQcow2Writer *self, GError **error)
{
    const SinterQcow2Geometry *geo = &self->geo;
    guint32 old_entries = self->reftable_entries;
    guint64 old_clusters = ((guint64)old_entries * 8) >> geo->cluster_bits;
    guint64 old_first = self->reftable_offset >> geo->cluster_bits;
    guint64 first = (guint64)old_entries << geo->refblock_bits;
    guint64 clusters = old_clusters + old_clusters / 2 + 1;
    guint64 blocks = growth_blocks(self, clusters);

    if (clusters << geo->cluster_bits > SINTER_QCOW2_REFTABLE_MAX_BYTES) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE,
                    "'%s' cannot grow: its refcount table has reached its maximum size; convert "
                    "the image to larger clusters",
                    sinter_io_get_path(self->io));
        return FALSE;
    }
    self->reftable_entries = (guint32)((clusters << geo->cluster_bits) / 8);
    self->reftable = g_renew(guint64, self->reftable, self->reftable_entries);
    memset(self->reftable + old_entries, 0, (gsize)(self->reftable_entries - old_entries) * 8);
    self->reftable_offset = first << geo->cluster_bits;
    self->reftable_moved = TRUE;
    alloc_mark_metadata(self, first, clusters);
    for (guint64 i = 0; i < blocks; i++)
        alloc_add_block(self, old_entries + i, first + clusters + i);
    for (guint64 i = 0; i < clusters + blocks; i++) {
        SinterQcow2Table *block = NULL;

        if (!alloc_block_get(self, first + i, &block, error))
            return FALSE;
        block_store(self, block, first + i, 1);
    }
    for (guint64 i = 0; i < old_clusters; i++)
        sinter_qcow2_alloc_release(self, old_first + i);
    return TRUE;
}

/* Returns the block with the refcount of @cluster, created if missing. */
static SinterQcow2Table *
alloc_block_own(SinterQcow2Writer *self, guint64 cluster, GError **error)
{
    SinterQcow2Table *block = NULL;
    guint64 index = alloc_block_index(self, cluster);

    if (index >= self->reftable_entries && !alloc_grow_reftable(self, error))
        return NULL;
    if (!alloc_block_get(self, cluster, &block, error))
        return NULL;
    if (!block) {
        guint64 first = index << self->geo.refblock_bits;

        block = alloc_add_block(self, index, first);
        block_store(self, block, first, 1);
    }
    return block;
}

gboolean
sinter_qcow2_alloc_get_refcount(SinterQcow2Writer *self, guint64 cluster, guint64 *ret,
                                GError **error)
{
    SinterQcow2Table *block = NULL;

    if (!alloc_block_get(self, cluster, &block, error))
        return FALSE;
    *ret = block ? block_load(self, block, cluster) : 0;
    return TRUE;
}

gboolean
sinter_qcow2_alloc_has_block(SinterQcow2Writer *self, guint64 cluster)
{
    guint64 index = alloc_block_index(self, cluster);

    return index < self->reftable_entries &&
           (self->reftable[index] & ~SINTER_QCOW2_REFTABLE_RESERVED) != 0;
}

void
sinter_qcow2_alloc_place_block(SinterQcow2Writer *self, guint64 counted, guint64 cluster)
{
    alloc_add_block(self, alloc_block_index(self, counted), cluster);
}

/* Returns whether block @index, at @own, counts no cluster but possibly itself. */
static gboolean
block_is_empty(const SinterQcow2Writer *self, const SinterQcow2Table *block, guint64 index,
               guint64 own)
{
    guint64 first = index << self->geo.refblock_bits;
    guint64 end = (index + 1) << self->geo.refblock_bits;

    for (guint64 cluster = first; cluster < end; cluster++) {
        if (cluster != own && block_load(self, block, cluster) != 0)
            return FALSE;
    }
    return TRUE;
}

static gboolean
alloc_drop_if_empty(SinterQcow2Writer *self, guint64 index, GError **error)
{
    guint64 offset = self->reftable[index] & ~SINTER_QCOW2_REFTABLE_RESERVED;
    guint64 own = offset >> self->geo.cluster_bits;
    SinterQcow2Table *block = offset ? sinter_qcow2_table_get(&self->blocks, offset, error) : NULL;

    if (!block || !block_is_empty(self, block, index, own))
        return block || !offset;
    if (!sinter_qcow2_proof_counts(self, error))
        return FALSE;
    alloc_set_reftable(self, index, 0);
    sinter_qcow2_table_forget(&self->blocks, offset);
    /* one that counts itself is not counted any more */
    if (alloc_block_index(self, own) == index)
        g_hash_table_remove(self->metadata, GSIZE_TO_POINTER(own));
    else
        sinter_qcow2_alloc_release(self, own);
    return TRUE;
}

gboolean
sinter_qcow2_alloc_drop_empty_blocks(SinterQcow2Writer *self, GError **error)
{
    for (guint64 i = 0; i < self->reftable_entries; i++) {
        if (!alloc_drop_if_empty(self, i, error))
            return FALSE;
        if (sinter_qcow2_table_set_is_over_budget(&self->blocks))
            sinter_qcow2_table_set_make_room(&self->blocks);
    }
    return TRUE;
}

gboolean
sinter_qcow2_alloc_set_refcount(SinterQcow2Writer *self, guint64 cluster, guint64 value,
                                GError **error)
{
    SinterQcow2Table *block = NULL;

    if (!alloc_block_get(self, cluster, &block, error))
        return FALSE;
    g_assert(block != NULL);
    block_store(self, block, cluster, value);
    return TRUE;
}

/* Returns the number of free clusters from @cluster on: up to @max, within one block. */
static guint64
block_count_free(const SinterQcow2Writer *self, const SinterQcow2Table *block, guint64 cluster,
                 guint64 max)
{
    guint64 left =
        (G_GUINT64_CONSTANT(1) << self->geo.refblock_bits) - alloc_index_in_block(self, cluster);
    guint64 n = 0;

    max = MIN(max, left);
    while (n < max && block_load(self, block, cluster + n) == 0)
        n++;
    return n;
}

static gboolean
alloc_check_free(SinterQcow2Writer *self, guint64 first, guint64 n, GError **error)
{
    for (guint64 i = 0; i < n; i++) {
        if (!g_hash_table_contains(self->metadata, GSIZE_TO_POINTER(first + i)))
            continue;
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "'%s': the cluster at %" G_GUINT64_FORMAT
                    " contains a table but its refcount is 0; repair the image with 'sinter-img "
                    "check -r all' before it is written to",
                    sinter_io_get_path(self->io), (first + i) << self->geo.cluster_bits);
        return FALSE;
    }
    return TRUE;
}

gboolean
sinter_qcow2_alloc_take(SinterQcow2Writer *self, guint64 max, guint64 *ret_first, guint64 *ret_n,
                        GError **error)
{
    guint64 cluster = self->hint;

    for (;;) {
        SinterQcow2Table *block = alloc_block_own(self, cluster, error);
        guint64 n;

        if (!block)
            return FALSE;
        n = block_count_free(self, block, cluster, max);
        if (n == 0) {
            self->hint = ++cluster;
            continue;
        }
        if (!alloc_check_free(self, cluster, n, error) ||
            !sinter_qcow2_proof_reuse(self, cluster, error))
            return FALSE;
        for (guint64 i = 0; i < n; i++)
            block_store(self, block, cluster + i, 1);
        self->hint = cluster + n;
        *ret_first = cluster;
        *ret_n = n;
        return TRUE;
    }
}

void
sinter_qcow2_alloc_untake(SinterQcow2Writer *self, guint64 first, guint64 n)
{
    for (guint64 i = 0; i < n; i++) {
        SinterQcow2Table *block = NULL;

        /* a refcount that cannot be decremented only leaks a cluster */
        if (alloc_block_get(self, first + i, &block, NULL) && block)
            block_store(self, block, first + i, 0);
    }
    self->hint = MIN(self->hint, first);
}

/* Changes the refcounts of @n clusters by @step, 1 or -1. FALSE: nothing changed. */
static gboolean
alloc_count_again(SinterQcow2Writer *self, guint64 first, guint64 n, gint step, GError **error)
{
    for (guint64 i = 0; i < n; i++) {
        SinterQcow2Table *block = alloc_block_own(self, first + i, error);

        if (!block) {
            while (step > 0 && i-- > 0)
                alloc_count_again(self, first + i, 1, -1, NULL);
            return FALSE;
        }
        block_store(self, block, first + i,
                    block_load(self, block, first + i) + (guint64)(gint64)step);
    }
    return TRUE;
}

/*
 * Returns where a stream of @n_bytes can follow the last one: in its cluster or, if that is too
 * small, also in a free cluster after it. 0: nowhere.
 */
static guint64
alloc_find_packed(SinterQcow2Writer *self, gsize n_bytes)
{
    guint64 at = self->packed_end;
    guint64 mask = self->geo.cluster_size - 1;
    guint64 cluster = at >> self->geo.cluster_bits;
    guint64 count = 0;
    guint64 next = 0;

    if ((at & mask) == 0 || !sinter_qcow2_alloc_get_refcount(self, cluster, &count, NULL) ||
        count == 0 || count == sinter_qcow2_refcount_max(self->geo.refcount_order))
        return 0;
    if (n_bytes <= self->geo.cluster_size - (at & mask))
        return at;
    if (!sinter_qcow2_alloc_get_refcount(self, cluster + 1, &next, NULL) || next != 0 ||
        self->hint > cluster + 1)
        return 0;
    return at;
}

gboolean
sinter_qcow2_alloc_take_bytes(SinterQcow2Writer *self, gsize n_bytes, guint64 *ret_offset,
                              GError **error)
{
    guint64 mask = self->geo.cluster_size - 1;
    guint64 at = alloc_find_packed(self, n_bytes);
    gboolean needs_cluster = at == 0 || (at & mask) + n_bytes > self->geo.cluster_size;
    guint64 taken = 0;
    guint64 n;

    if (needs_cluster && !sinter_qcow2_alloc_take(self, 1, &taken, &n, error))
        return FALSE;
    /* the allocated cluster may be elsewhere: then the stream begins there */
    if (needs_cluster && (at == 0 || taken != (at >> self->geo.cluster_bits) + 1))
        at = taken << self->geo.cluster_bits;
    else if (!alloc_count_again(self, at >> self->geo.cluster_bits, 1, 1, error)) {
        if (needs_cluster)
            sinter_qcow2_alloc_untake(self, taken, 1);
        return FALSE;
    }
    self->packed_end = at + n_bytes;
    *ret_offset = at;
    return TRUE;
}

void
sinter_qcow2_alloc_untake_bytes(SinterQcow2Writer *self, guint64 offset, gsize n_bytes)
{
    guint64 first = offset >> self->geo.cluster_bits;
    guint64 last = (offset + n_bytes - 1) >> self->geo.cluster_bits;

    alloc_count_again(self, first, last - first + 1, -1, NULL);
    self->hint = MIN(self->hint, first);
    self->packed_end = 0;
}

void
sinter_qcow2_alloc_release(SinterQcow2Writer *self, guint64 cluster)
{
    g_array_append_val(self->frees, cluster);
}

void
sinter_qcow2_alloc_release_entry(SinterQcow2Writer *self, SinterQcow2L2Entry l2)
{
    const SinterQcow2Geometry *geo = &self->geo;

    if (geo->external_data)
        return;
    if (l2.entry & SINTER_QCOW2_COMPRESSED) {
        SinterQcow2CompressedRef ref = sinter_qcow2_l2_compressed(geo, l2.entry);
        guint64 last = (ref.host_offset + ref.host_bytes - 1) >> geo->cluster_bits;

        for (guint64 at = ref.host_offset >> geo->cluster_bits; at <= last; at++)
            sinter_qcow2_alloc_release(self, at);
    } else if (sinter_qcow2_l2_has_host(geo, l2)) {
        sinter_qcow2_alloc_release(self,
                                   (l2.entry & SINTER_QCOW2_OFFSET_MASK) >> geo->cluster_bits);
    }
}

static gint
compare_clusters(gconstpointer a, gconstpointer b)
{
    guint64 x = *(const guint64 *)a;
    guint64 y = *(const guint64 *)b;

    return (x > y) - (x < y);
}

/* Decrements the refcount of @cluster; adds it to @freed if it is free now. */
static gboolean
alloc_count_down(SinterQcow2Writer *self, guint64 cluster, GArray *freed, GError **error)
{
    SinterQcow2Table *block = NULL;
    guint64 count;

    if (!alloc_block_get(self, cluster, &block, error))
        return FALSE;
    count = block ? block_load(self, block, cluster) : 0;
    if (count == 0) {
        g_set_error(
            error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
            "'%s': the cluster at %" G_GUINT64_FORMAT
            " was in use but its refcount is 0; repair the image with 'sinter-img check -r all'",
            sinter_io_get_path(self->io), cluster << self->geo.cluster_bits);
        return FALSE;
    }
    block_store(self, block, cluster, count - 1);
    if (count > 1)
        return TRUE;
    self->hint = MIN(self->hint, cluster);
    if (self->packed_end >> self->geo.cluster_bits == cluster)
        self->packed_end = 0;
    g_hash_table_remove(self->metadata, GSIZE_TO_POINTER(cluster));
    g_array_append_val(freed, cluster);
    return TRUE;
}

/* Returns the number of consecutive clusters from index @i on. */
static guint
freed_run(GArray *freed, guint i)
{
    guint64 first = g_array_index(freed, guint64, i);
    guint n = 1;

    while (i + n < freed->len && g_array_index(freed, guint64, i + n) == first + n)
        n++;
    return n;
}

/* Returns the minimum length of a run, in clusters, for which a hole is punched. */
static guint
punch_min_clusters(GArray *freed)
{
    guint n_of_length[SHORT_RUN_MAX] = { 0 };
    guint n_runs = 0;
    guint64 kept = 0;
    guint length = 1;

    for (guint i = 0, n; i < freed->len; i += n) {
        n = freed_run(freed, i);
        n_runs++;
        if (n < SHORT_RUN_MAX)
            n_of_length[n]++;
    }
    if (n_runs <= PUNCH_ALL_RUNS)
        return 0;
    for (; length < SHORT_RUN_MAX; length++) {
        kept += (guint64)n_of_length[length] * length;
        if (kept * KEPT_PART > freed->len)
            break;
    }
    return length;
}

/* Punches holes for clusters, in order, run by run. */
static gboolean
alloc_punch(SinterQcow2Writer *self, GArray *freed, GError **error)
{
    guint min_clusters = punch_min_clusters(freed);

    for (guint i = 0, n; i < freed->len; i += n) {
        guint64 offset = g_array_index(freed, guint64, i) << self->geo.cluster_bits;

        n = freed_run(freed, i);
        if (n >= min_clusters &&
            !sinter_io_discard(self->io, offset, (guint64)n << self->geo.cluster_bits, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
sinter_qcow2_alloc_apply_releases(SinterQcow2Writer *self, GError **error)
{
    g_autoptr(GArray) freed = g_array_new(FALSE, FALSE, sizeof(guint64));
    g_autoptr(GError) local = NULL;
    guint done = 0;

    if (self->frees->len > 0 && !sinter_qcow2_proof_counts(self, error))
        return FALSE;
    g_array_sort(self->frees, compare_clusters);
    while (done < self->frees->len &&
           alloc_count_down(self, g_array_index(self->frees, guint64, done), freed, &local))
        done++;
    /* a wrong refcount stays wrong and is skipped; storage errors are retried */
    if (g_error_matches(local, SINTER_ERROR, SINTER_ERROR_CORRUPT))
        done++;
    g_array_remove_range(self->frees, 0, done);
    if (!local)
        return self->keeps_space || alloc_punch(self, freed, error);
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}
