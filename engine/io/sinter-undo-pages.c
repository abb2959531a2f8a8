/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Pages held back in memory. Invariant: a page's former content is what the file holds as long as
 * the page is here, because nothing else writes to the file.
 */

#include "sinter-undo-pages.h"

#include <string.h>

/* A chunk of the set: a bit for each of 32768 pages, 128 MiB of the file. */
#define CHUNK_BITS 15
#define CHUNK_BYTES (1U << (CHUNK_BITS - 3))

void
sinter_undo_pages_init(SinterUndoPages *self)
{
    self->pages = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
}

void
sinter_undo_pages_clear(SinterUndoPages *self)
{
    g_clear_pointer(&self->pages, g_hash_table_unref);
}

void
sinter_undo_pages_drop_all(SinterUndoPages *self)
{
    g_hash_table_remove_all(self->pages);
}

static SinterUndoPage *
page_get(const SinterUndoPages *self, guint64 index)
{
    return g_hash_table_lookup(self->pages, &index);
}

static gboolean
has_all(const SinterUndoPages *self, guint64 first, guint64 end)
{
    for (guint64 index = first; index < end; index++) {
        if (!page_get(self, index))
            return FALSE;
    }
    return TRUE;
}

/* Loads the missing pages of a range with one read. */
static gboolean
pages_load(SinterUndoPages *self, SinterIo *io, guint64 first, guint64 end, GError **error)
{
    gsize len = (gsize)(end - first) * SINTER_UNDO_PAGE_BYTES;
    g_autofree guint8 *buf = NULL;

    if (has_all(self, first, end))
        return TRUE;
    buf = g_malloc(len);
    if (!sinter_io_read_padded(io, first * SINTER_UNDO_PAGE_BYTES, buf, len, error))
        return FALSE;
    for (guint64 index = first; index < end; index++) {
        SinterUndoPage *page;

        if (page_get(self, index))
            continue;
        page = g_new(SinterUndoPage, 1);
        page->index = index;
        memcpy(page->was, buf + (index - first) * SINTER_UNDO_PAGE_BYTES, SINTER_UNDO_PAGE_BYTES);
        memcpy(page->now, page->was, SINTER_UNDO_PAGE_BYTES);
        g_hash_table_insert(self->pages, &page->index, page);
    }
    return TRUE;
}

gboolean
sinter_undo_pages_put(SinterUndoPages *self, SinterIo *io, guint64 offset, const void *buf,
                      gsize len, GError **error)
{
    const guint8 *from = buf;
    guint64 first = offset / SINTER_UNDO_PAGE_BYTES;
    guint64 end = (offset + len + SINTER_UNDO_PAGE_BYTES - 1) / SINTER_UNDO_PAGE_BYTES;

    if (!pages_load(self, io, first, end, error))
        return FALSE;
    while (len > 0) {
        gsize skip = (gsize)(offset % SINTER_UNDO_PAGE_BYTES);
        gsize n = MIN(len, SINTER_UNDO_PAGE_BYTES - skip);

        memcpy(page_get(self, offset / SINTER_UNDO_PAGE_BYTES)->now + skip, from, n);
        offset += n;
        from += n;
        len -= n;
    }
    return TRUE;
}

void
sinter_undo_pages_overlay(const SinterUndoPages *self, guint64 offset, guint8 *buf, gsize len)
{
    while (len > 0) {
        gsize skip = (gsize)(offset % SINTER_UNDO_PAGE_BYTES);
        gsize n = MIN(len, SINTER_UNDO_PAGE_BYTES - skip);
        const SinterUndoPage *page = page_get(self, offset / SINTER_UNDO_PAGE_BYTES);

        if (page)
            memcpy(buf, page->now + skip, n);
        offset += n;
        buf += n;
        len -= n;
    }
}

guint64
sinter_undo_pages_get_bytes(const SinterUndoPages *self)
{
    return (guint64)g_hash_table_size(self->pages) * SINTER_UNDO_PAGE_BYTES;
}

static gint
compare_pages(gconstpointer a, gconstpointer b)
{
    const SinterUndoPage *first = *(const SinterUndoPage *const *)a;
    const SinterUndoPage *second = *(const SinterUndoPage *const *)b;

    return first->index < second->index ? -1 : first->index > second->index;
}

GPtrArray *
sinter_undo_pages_list_changed(const SinterUndoPages *self)
{
    GPtrArray *list = g_ptr_array_new();
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, self->pages);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const SinterUndoPage *page = value;

        if (memcmp(page->was, page->now, SINTER_UNDO_PAGE_BYTES) != 0)
            g_ptr_array_add(list, value);
    }
    g_ptr_array_sort(list, compare_pages);
    return list;
}

void
sinter_undo_page_set_init(SinterUndoPageSet *self)
{
    self->chunks = g_hash_table_new_full(NULL, NULL, NULL, g_free);
}

void
sinter_undo_page_set_clear(SinterUndoPageSet *self)
{
    g_clear_pointer(&self->chunks, g_hash_table_unref);
}

void
sinter_undo_page_set_add(SinterUndoPageSet *self, guint64 index)
{
    gpointer key = GSIZE_TO_POINTER(index >> CHUNK_BITS);
    guint8 *bits = g_hash_table_lookup(self->chunks, key);
    guint bit = (guint)(index & ((1U << CHUNK_BITS) - 1));

    if (!bits) {
        bits = g_malloc0(CHUNK_BYTES);
        g_hash_table_insert(self->chunks, key, bits);
    }
    bits[bit >> 3] |= (guint8)(1U << (bit & 7));
}

gboolean
sinter_undo_page_set_has(const SinterUndoPageSet *self, guint64 index)
{
    const guint8 *bits = g_hash_table_lookup(self->chunks, GSIZE_TO_POINTER(index >> CHUNK_BITS));
    guint bit = (guint)(index & ((1U << CHUNK_BITS) - 1));

    return bits && (bits[bit >> 3] >> (bit & 7) & 1);
}
