/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads refcounts through the cache of tables. Like the mapping they form a two-level table: the
 * entries of the refcount table refer to refcount blocks.
 */

#include "qcow2-refcount.h"
#include "sinter-error.h"

/* The refcounts in a page of a block: @n of them, from @first_cluster on. */
typedef struct {
    SinterQcow2Page page;
    gboolean present;
    guint64 first_cluster;
    guint64 n;
} CountPage;

/* The caller holds the cache's lock. */
static gboolean
refcount_find_page(SinterQcow2Image *self, guint64 cluster, CountPage *ret, GError **error)
{
    const SinterQcow2Header *header = self->header;
    guint64 index = cluster >> header->geo.refblock_bits;
    guint64 table_bytes = (guint64)header->reftable_clusters << header->geo.cluster_bits;
    guint32 page_bytes = sinter_qcow2_cache_page_bytes(self->cache);
    guint64 at = header->reftable_offset + index * 8;
    guint64 page_at = at & ~(guint64)(page_bytes - 1);
    guint page_counts = page_bytes * 8 >> header->geo.refcount_order;
    guint64 in_block = cluster & ((G_GUINT64_CONSTANT(1) << header->geo.refblock_bits) - 1);
    guint64 block;

    ret->present = FALSE;
    ret->first_cluster = index << header->geo.refblock_bits;
    ret->n = G_GUINT64_CONSTANT(1) << header->geo.refblock_bits;
    if (index >= table_bytes / 8)
        return TRUE;
    if (!sinter_qcow2_cache_get(self->cache, page_at,
                                header->reftable_offset + table_bytes - page_at, &ret->page, error))
        return FALSE;
    block = sinter_be64_load(ret->page.data + (at - page_at)) & ~SINTER_QCOW2_REFTABLE_RESERVED;
    if (block == 0)
        return TRUE;
    if (block & (header->geo.cluster_size - 1)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "'%s': Refblock offset 0x%" G_GINT64_MODIFIER
                    "x unaligned (reftable index: 0x%" G_GINT64_MODIFIER
                    "x); repair the image with 'sinter-img check -r all'",
                    self->image->info->path, block, index);
        return FALSE;
    }
    ret->present = TRUE;
    ret->first_cluster += in_block / page_counts * page_counts;
    ret->n = page_counts;
    return sinter_qcow2_cache_get(self->cache, block + in_block / page_counts * page_bytes,
                                  page_bytes, &ret->page, error);
}

/* Counts the nonzero refcounts in @page below @end. */
static guint64
count_used(const SinterQcow2Header *header, const CountPage *page, guint64 end)
{
    guint64 n = MIN(page->n, end - page->first_cluster);
    guint64 used = 0;

    if (!page->present || page->page.is_zero)
        return 0;
    for (guint64 i = 0; i < n; i++)
        used +=
            sinter_qcow2_refcount_load(header->refcount_order, page->page.data, (guint32)i) != 0;
    return used;
}

static gboolean
detect_preallocation(SinterQcow2Image *self)
{
    const SinterQcow2Header *header = self->header;
    guint64 real;
    guint64 threshold;
    guint64 end;
    guint64 cluster = 0;
    guint64 used = 0;
    guint64 pages = 0;
    SinterIoStat st;

    if (!sinter_io_stat(self->image->io, &st, NULL))
        return FALSE;
    real = st.allocated_bytes >> header->geo.cluster_bits;
    threshold = MAX(real * 10 / 9, real + 2);
    end = sinter_qcow2_geometry_clusters(&header->geo, st.size_bytes);
    while (cluster < end && used < threshold) {
        CountPage page;

        if (!refcount_find_page(self, cluster, &page, NULL))
            return FALSE;
        used += count_used(header, &page, end);
        /* valid blocks have space of their own: more of them than that is a malicious image */
        pages += page.present && !page.page.is_zero;
        if (pages > st.allocated_bytes / sinter_qcow2_cache_page_bytes(self->cache) + 1)
            return FALSE;
        cluster = page.first_cluster + page.n;
    }
    return used >= threshold;
}

gboolean
sinter_qcow2_is_preallocated(SinterImage *image)
{
    SinterQcow2Image *self = image->state;

    if (g_once_init_enter(&self->is_preallocated)) {
        gboolean answer;

        sinter_qcow2_cache_lock(self->cache);
        answer = detect_preallocation(self);
        sinter_qcow2_cache_unlock(self->cache);
        g_once_init_leave(&self->is_preallocated, answer ? 2 : 1);
    }
    return self->is_preallocated == 2;
}

/* The caller holds the cache's lock. */
static gboolean
count_all(SinterQcow2Image *self, guint64 file_bytes, guint64 *ret_used, GError **error)
{
    const SinterQcow2Header *header = self->header;
    guint64 end = sinter_qcow2_geometry_clusters(&header->geo, file_bytes);
    guint64 cluster = 0;

    *ret_used = 0;
    while (cluster < end) {
        CountPage page;

        if (!refcount_find_page(self, cluster, &page, error))
            return FALSE;
        *ret_used += count_used(header, &page, end);
        cluster = page.first_cluster + page.n;
    }
    return TRUE;
}

gboolean
sinter_qcow2_count_used(SinterImage *image, guint64 *ret_bytes, GError **error)
{
    SinterQcow2Image *self = image->state;
    guint64 used = 0;
    guint64 file_bytes;
    gboolean good;

    if (!sinter_io_get_size(image->io, &file_bytes, error))
        return FALSE;
    sinter_qcow2_cache_lock(self->cache);
    good = count_all(self, file_bytes, &used, error);
    sinter_qcow2_cache_unlock(self->cache);
    if (good)
        *ret_bytes = used << self->header->geo.cluster_bits;
    return good;
}
