/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Takes clusters that nothing refers to. Invariant: a cluster is taken once, and never one with
 * counted references.
 */

#include "qcow2-fresh.h"
#include "sinter-error.h"

/* The first cluster that is not in the file, not even in part. */
static guint64
first_beyond(const SinterQcow2Check *check)
{
    return sinter_qcow2_geometry_clusters(&check->geo, check->file_bytes);
}

static int
compare_clusters(gconstpointer a, gconstpointer b)
{
    guint64 one = *(const guint64 *)a;
    guint64 other = *(const guint64 *)b;

    return one < other ? -1 : one > other;
}

static void
add_uncounted(SinterQcow2Fresh *self, guint64 offset, guint64 bytes)
{
    guint cluster_bits = self->check->geo.cluster_bits;

    for (guint64 i = offset >> cluster_bits; i <= (offset + bytes - 1) >> cluster_bits; i++)
        g_array_append_val(self->uncounted, i);
}

/* The table, also where the file would have to grow over it, if it is not counted. */
static void
list_table(SinterQcow2Fresh *self)
{
    const SinterQcow2Check *check = self->check;
    guint64 offset = check->header->reftable_offset;
    guint64 bytes = check->reftable_entries * 8;

    if (bytes > 0 && !sinter_qcow2_check_is_in_file(check, offset, bytes) &&
        offset <= G_MAXINT64 - bytes)
        add_uncounted(self, offset, bytes);
}

/* What entries of the table refer to that is not counted. */
static void
list_blocks(SinterQcow2Fresh *self, guint64 n_clusters)
{
    const SinterQcow2Check *check = self->check;

    for (guint64 i = 0; i < check->reftable_entries; i++) {
        guint64 entry = sinter_be64_load(check->reftable + i * 8);

        if (entry != 0 && !sinter_qcow2_check_counts_block(check, n_clusters, entry))
            add_uncounted(self, entry & SINTER_QCOW2_OFFSET_MASK, check->geo.cluster_size);
    }
}

void
sinter_qcow2_fresh_init(SinterQcow2Fresh *self, SinterQcow2Check *check, gboolean may_reuse)
{
    *self = (SinterQcow2Fresh){ check, may_reuse, 1, first_beyond(check), NULL, NULL };
    self->uncounted = g_array_new(FALSE, FALSE, sizeof(guint64));
    list_table(self);
    list_blocks(self, check->n_clusters);
    g_array_sort(self->uncounted, compare_clusters);
}

void
sinter_qcow2_fresh_clear(SinterQcow2Fresh *self)
{
    g_clear_pointer(&self->uncounted, g_array_unref);
}

static gboolean
is_free(const SinterQcow2Fresh *self, guint64 cluster)
{
    const SinterQcow2Check *check = self->check;

    if (sinter_qcow2_refcount_map_get_refs(check->map, cluster) > 0 ||
        (self->others && sinter_qcow2_refcount_map_get_refs(self->others, cluster) > 0) ||
        g_array_binary_search(self->uncounted, &cluster, compare_clusters, NULL))
        return FALSE;
    if (self->may_reuse || cluster >= first_beyond(check))
        return TRUE;
    return check->reftable_usable && !sinter_qcow2_refcount_map_is_unknown(check->map, cluster) &&
           sinter_qcow2_refcount_map_get_stored(check->map, cluster) == 0;
}

/* Searches from *@at to @end (exclusive). */
static gboolean
find(SinterQcow2Fresh *self, guint64 *at, guint64 end, guint64 n, guint64 *ret)
{
    guint64 found = 0;

    for (guint64 cluster = *at; cluster < end; cluster++) {
        found = is_free(self, cluster) ? found + 1 : 0;
        /* a single cluster that is too small a place stays behind: tables are few */
        if (found < n)
            continue;
        *ret = cluster + 1 - n;
        *at = cluster + 1;
        return TRUE;
    }
    return FALSE;
}

static gboolean
find_beyond(SinterQcow2Fresh *self, guint64 n, guint64 *ret)
{
    const SinterQcow2Check *check = self->check;
    guint64 end = MIN(check->lowest_beyond, (guint64)G_MAXINT64) >> check->geo.cluster_bits;

    return !check->stat.is_block_device && find(self, &self->beyond, end, n, ret);
}

static gboolean
find_inside(SinterQcow2Fresh *self, guint64 n, guint64 *ret)
{
    return find(self, &self->inside, first_beyond(self->check), n, ret);
}

gboolean
sinter_qcow2_fresh_take(SinterQcow2Fresh *self, guint64 n, guint64 *ret, GError **error)
{
    SinterQcow2Check *check = self->check;
    gboolean found = self->may_reuse ? find_inside(self, n, ret) || find_beyond(self, n, ret)
                                     : find_beyond(self, n, ret) || find_inside(self, n, ret);

    if (!found) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                            "there are too few clusters that are certainly unused");
        return FALSE;
    }
    sinter_qcow2_check_count(check, *ret << check->geo.cluster_bits, n << check->geo.cluster_bits,
                             1, SINTER_QCOW2_USE_METADATA, 0);
    return TRUE;
}
