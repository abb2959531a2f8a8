/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Maps guest offsets to host offsets: walks L1 and L2 and joins contiguous entries into extents,
 * exact to the subcluster, across table borders. Invariant: every table offset is checked for
 * alignment and the end of the file before use; an extent is never longer than requested, and an
 * entry that violates the format is an error that names its place, never a guess.
 */

#include "qcow2-map.h"
#include "sinter-error.h"

/* Adjacent tables are read ahead, up to this many bytes. */
#define AHEAD_BYTES (1024U * 1024)

/* A page of an L2 table and the guest range that it maps. */
typedef struct {
    SinterQcow2Page page;
    gboolean present;    /* FALSE: no L2 table, the whole range is unallocated */
    guint64 guest_start; /* bytes */
    guint64 guest_bytes;
} TablePage;

static G_GNUC_PRINTF(4, 5) gboolean
    map_corrupt(SinterQcow2Image *self, guint64 offset, GError **error, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                "'%s', guest offset %" G_GUINT64_FORMAT
                ": %s; repair the image with 'sinter-img check -r all'",
                self->image->info->path, offset, what);
    return FALSE;
}

/* Returns the L1 entry at @index, and the number of entries from it on in the same page. */
static gboolean
map_l1_page(SinterQcow2Image *self, guint64 index, const guint8 **ret_entries, guint *ret_n,
            GError **error)
{
    guint32 page_bytes = sinter_qcow2_cache_page_bytes(self->cache);
    guint64 at = self->view.l1_offset + index * 8;
    guint64 page_at = at & ~(guint64)(page_bytes - 1);
    guint64 table_end = self->view.l1_offset + (guint64)self->view.l1_entries * 8;
    SinterQcow2Page page;

    if (!sinter_qcow2_cache_get(self->cache, page_at, table_end - page_at, &page, error))
        return FALSE;
    *ret_entries = page.data + (at - page_at);
    *ret_n = (guint)((MIN(page_at + page_bytes, table_end) - at) / 8);
    return TRUE;
}

/* Returns how many of @n L1 entries refer to consecutive L2 tables. */
static guint
count_adjacent_tables(const SinterQcow2Geometry *geo, const guint8 *entries, guint n)
{
    guint64 first = sinter_be64_load(entries) & SINTER_QCOW2_OFFSET_MASK;
    guint i = 1;

    while (i < n && (sinter_be64_load(entries + (gsize)i * 8) & SINTER_QCOW2_OFFSET_MASK) ==
                        first + ((guint64)i << geo->cluster_bits))
        i++;
    return i;
}

static guint
count_zero_entries(const guint8 *entries, guint n)
{
    guint i = 1;

    while (i < n && (sinter_be64_load(entries + (gsize)i * 8) & SINTER_QCOW2_OFFSET_MASK) == 0)
        i++;
    return i;
}

/* Finds the page of the L2 table that maps the guest offset @offset. */
static gboolean
map_find_page(SinterQcow2Image *self, guint64 offset, TablePage *ret, GError **error)
{
    const SinterQcow2Geometry *geo = &self->header->geo;
    guint table_bits = geo->cluster_bits + geo->l2_bits;
    guint64 l1_index = offset >> table_bits;
    guint32 page_bytes = sinter_qcow2_cache_page_bytes(self->cache);
    guint64 page_span = (guint64)(page_bytes / geo->l2_entry_bytes) << geo->cluster_bits;
    guint64 page_in_table;
    const guint8 *l1;
    guint64 table;
    guint n;

    if (!map_l1_page(self, l1_index, &l1, &n, error))
        return FALSE;
    table = sinter_be64_load(l1) & SINTER_QCOW2_OFFSET_MASK;
    ret->present = table != 0;
    if (!ret->present) {
        ret->guest_start = l1_index << table_bits;
        ret->guest_bytes = (guint64)count_zero_entries(l1, n) << table_bits;
        return TRUE;
    }
    if (table & (geo->cluster_size - 1))
        return map_corrupt(self, offset, error,
                           "L2 table offset 0x%" G_GINT64_MODIFIER
                           "x unaligned (L1 index 0x%" G_GINT64_MODIFIER "x)",
                           table, l1_index);
    page_in_table = (offset & ((G_GUINT64_CONSTANT(1) << table_bits) - 1)) / page_span;
    ret->guest_start = (l1_index << table_bits) + page_in_table * page_span;
    ret->guest_bytes = page_span;
    if (sinter_qcow2_cache_peek(self->cache, table + page_in_table * page_bytes, &ret->page))
        return TRUE;
    n = count_adjacent_tables(geo, l1, MIN(n, MAX(AHEAD_BYTES >> geo->cluster_bits, 1)));
    if (sinter_qcow2_cache_get(self->cache, table + page_in_table * page_bytes,
                               ((guint64)n << geo->cluster_bits) - page_in_table * page_bytes,
                               &ret->page, error))
        return TRUE;
    sinter_error_prefix(error, "L2 table of guest offset %" G_GUINT64_FORMAT ": ", offset);
    return FALSE;
}

/* Converts the state of one subcluster to an extent. */
static gboolean
map_classify(SinterQcow2Image *self, SinterQcow2L2Entry l2, guint32 sub, guint64 offset,
             SinterExtent *ret, GError **error)
{
    static const struct {
        SinterExtentKind kind;
        gboolean has_host;
    } kinds[] = {
        [SINTER_QCOW2_UNALLOCATED] = { SINTER_EXTENT_HOLE, FALSE },
        [SINTER_QCOW2_UNALLOCATED_ALLOC] = { SINTER_EXTENT_HOLE, TRUE },
        [SINTER_QCOW2_ZERO_PLAIN] = { SINTER_EXTENT_ZERO, FALSE },
        [SINTER_QCOW2_ZERO_ALLOC] = { SINTER_EXTENT_ZERO, TRUE },
        [SINTER_QCOW2_NORMAL] = { SINTER_EXTENT_DATA, TRUE },
        [SINTER_QCOW2_COMPRESSED_DATA] = { SINTER_EXTENT_COMPRESSED, FALSE },
    };
    const SinterQcow2Geometry *geo = &self->header->geo;
    SinterQcow2Kind kind = sinter_qcow2_l2_kind(geo, l2, sub);
    guint64 host = l2.entry & SINTER_QCOW2_OFFSET_MASK;

    if (kind == SINTER_QCOW2_INVALID)
        return map_corrupt(self, offset, error,
                           "Invalid cluster entry found (L2 entry 0x%" G_GINT64_MODIFIER
                           "x, bitmap 0x%" G_GINT64_MODIFIER "x)",
                           l2.entry, l2.bitmap);
    if (kind == SINTER_QCOW2_COMPRESSED_DATA && geo->external_data)
        return map_corrupt(self, offset, error, "Compressed cluster in an image with a data file");
    *ret = (SinterExtent){ .offset = offset, .kind = kinds[kind].kind };
    if (!kinds[kind].has_host)
        return TRUE;
    if (host & (geo->cluster_size - 1))
        return map_corrupt(self, offset, error,
                           "Cluster allocation offset 0x%" G_GINT64_MODIFIER "x unaligned", host);
    if (geo->external_data && host != (offset & ~(guint64)(geo->cluster_size - 1)))
        return map_corrupt(
            self, offset, error,
            "Data file offset 0x%" G_GINT64_MODIFIER "x differs from the guest offset", host);
    ret->flags = SINTER_EXTENT_HAS_HOST;
    if (self->image->encrypted && kinds[kind].kind == SINTER_EXTENT_DATA)
        ret->flags |= SINTER_EXTENT_ENCRYPTED;
    ret->host_offset = host + ((guint64)sub << geo->subcluster_bits);
    return TRUE;
}

/* Returns whether @next is contiguous with @run. */
static gboolean
extent_joins(const SinterExtent *run, const SinterExtent *next)
{
    return run->kind == next->kind && run->flags == next->flags &&
           (!(run->flags & SINTER_EXTENT_HAS_HOST) ||
            run->host_offset + run->length == next->host_offset);
}

/* Returns the number of subclusters from @sub on that are in the same state. */
static guint32
count_equal_subclusters(const SinterQcow2Geometry *geo, SinterQcow2L2Entry l2, guint32 sub)
{
    guint32 allocated = (guint32)l2.bitmap >> sub;
    guint32 zero = (guint32)(l2.bitmap >> 32) >> sub;
    guint32 differs;

    if (!geo->extended_l2 || (l2.entry & SINTER_QCOW2_COMPRESSED))
        return geo->subclusters - sub;
    if (allocated & 1)
        differs = ~allocated;
    else if (zero & 1)
        differs = ~zero;
    else
        differs = allocated | zero;
    return MIN(differs ? (guint32)__builtin_ctz(differs) : 32, geo->subclusters - sub);
}

/*
 * Fast path for standard entries: returns how many clusters after @index continue @run, which ends
 * with cluster @index. An entry differs from the expected one only in COPIED.
 */
static guint32
count_following(const SinterQcow2Geometry *geo, const guint8 *table, guint32 index, guint32 end,
                const SinterExtent *run)
{
    guint64 mask = ~SINTER_QCOW2_COPIED;
    guint64 expect = sinter_be64_load(table + (gsize)index * 8) & mask;
    guint64 step = run->flags & SINTER_EXTENT_HAS_HOST ? geo->cluster_size : 0;
    guint32 at = index + 1;

    if (run->kind == SINTER_EXTENT_COMPRESSED) {
        while (at < end && (sinter_be64_load(table + (gsize)at * 8) & SINTER_QCOW2_COMPRESSED))
            at++;
        return at - index - 1;
    }
    /* in a data file COPIED distinguishes cluster 0 from none: use the slow path */
    if (geo->external_data)
        return 0;
    while (at < end) {
        expect += step;
        if ((sinter_be64_load(table + (gsize)at * 8) & mask) != expect)
            break;
        at++;
    }
    return at - index - 1;
}

/*
 * Extends @ret, which may be empty, by contiguous entries of the page, up to @end (guest bytes).
 * @ret_done: the extent ends inside the page.
 */
static gboolean
map_scan_page(SinterQcow2Image *self, const TablePage *page, guint64 end, SinterExtent *ret,
              gboolean *ret_done, GError **error)
{
    const SinterQcow2Geometry *geo = &self->header->geo;
    guint64 at = ret->offset + ret->length;
    guint64 page_end = MIN(end, page->guest_start + page->guest_bytes);
    guint32 end_index =
        (guint32)((page_end - page->guest_start + geo->cluster_size - 1) >> geo->cluster_bits);

    while (at < page_end) {
        guint32 index = (guint32)((at - page->guest_start) >> geo->cluster_bits);
        guint32 in_cluster = (guint32)(at & (geo->cluster_size - 1));
        guint32 sub = in_cluster >> geo->subcluster_bits;
        guint32 in_sub = in_cluster & ((1U << geo->subcluster_bits) - 1);
        SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(geo, page->page.data, index);
        SinterExtent next;
        guint64 length;

        if (!map_classify(self, l2, sub, at, &next, error))
            return ret->length > 0; /* the next call reports the error */
        if (next.flags & SINTER_EXTENT_HAS_HOST)
            next.host_offset += in_sub;
        *ret_done = ret->length > 0 && !extent_joins(ret, &next);
        if (*ret_done)
            return TRUE;
        length = ((guint64)count_equal_subclusters(geo, l2, sub) << geo->subcluster_bits) - in_sub;
        if (!geo->extended_l2)
            length += (guint64)count_following(geo, page->page.data, index, end_index, &next)
                      << geo->cluster_bits;
        if (ret->length == 0)
            *ret = next;
        length = MIN(length, page_end - at);
        ret->length += length;
        at += length;
    }
    return TRUE;
}

/* Adds a range without an L2 table to @ret. @ret_done: the range does not continue it. */
static void
map_add_unallocated(SinterExtent *ret, guint64 end, gboolean *ret_done)
{
    SinterExtent next = { .kind = SINTER_EXTENT_HOLE };

    *ret_done = ret->length > 0 && !extent_joins(ret, &next);
    if (*ret_done)
        return;
    ret->kind = SINTER_EXTENT_HOLE;
    ret->length = end - ret->offset;
}

static gboolean
map_run_locked(SinterQcow2Image *self, guint64 end, SinterExtent *ret, GError **error)
{
    gboolean done = FALSE;

    while (!done && ret->offset + ret->length < end) {
        guint64 at = ret->offset + ret->length;
        g_autoptr(GError) local = NULL;
        TablePage page;

        if (!map_find_page(self, at, &page, &local) ||
            (page.present && !page.page.is_zero &&
             !map_scan_page(self, &page, end, ret, &done, &local))) {
            if (ret->length > 0)
                return TRUE;
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
        if (!page.present || page.page.is_zero)
            map_add_unallocated(ret, MIN(end, page.guest_start + page.guest_bytes), &done);
        if (local)
            return TRUE;
    }
    return TRUE;
}

gboolean
sinter_qcow2_map_run(SinterImage *image, guint64 offset, guint64 len, SinterExtent *ret,
                     GError **error)
{
    SinterQcow2Image *self = image->state;
    SinterExtent run = { .offset = offset };
    gboolean ok;

    sinter_qcow2_cache_lock(self->cache);
    ok = map_run_locked(self, offset + len, &run, error);
    sinter_qcow2_cache_unlock(self->cache);
    if (ok)
        *ret = run;
    return ok;
}

gboolean
sinter_qcow2_map_entries(SinterQcow2Image *self, guint64 offset, guint n, SinterQcow2L2Entry *ret,
                         guint *ret_n, GError **error)
{
    const SinterQcow2Geometry *geo = &self->header->geo;
    TablePage page;
    gboolean ok;

    if (self->tables) {
        SinterQcow2SalvageEntry entry;

        sinter_qcow2_salvage_tables_find(self->tables, offset, &entry);
        *ret = entry.l2;
        *ret_n = 1;
        return TRUE;
    }
    sinter_qcow2_cache_lock(self->cache);
    ok = map_find_page(self, offset, &page, error);
    if (ok) {
        guint32 index = (guint32)((offset - page.guest_start) >> geo->cluster_bits);

        *ret_n = (guint)MIN(n, (page.guest_bytes >> geo->cluster_bits) - index);
        for (guint i = 0; i < *ret_n; i++)
            ret[i] = page.present ? sinter_qcow2_l2_load(geo, page.page.data, index + i)
                                  : (SinterQcow2L2Entry){ 0, 0 };
    }
    sinter_qcow2_cache_unlock(self->cache);
    return ok;
}
