/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads an undo file. Invariant: an open one is intact from its header to its last batch; only what
 * follows may be incomplete, and then nothing that came later is in the file.
 */

#include "sinter-undo-file.h"
#include "sinter-error.h"

#include <string.h>

void
sinter_undo_free(SinterUndo *self)
{
    if (!self)
        return;
    g_clear_pointer(&self->io, sinter_io_unref);
    sinter_undo_header_clear(&self->header);
    g_array_unref(self->entries);
    g_free(self);
}

static gboolean
refuse_damaged(SinterUndo *self, guint64 at, GError **error)
{
    return sinter_error_refuse(error, SINTER_ERROR_CORRUPT,
                               "undo file '%s' is damaged at offset %" G_GUINT64_FORMAT,
                               sinter_io_get_path(self->io), at);
}

/*
 * Reads the batch at @at. Returns FALSE without an error in @ret_payload NULL if there is none that
 * is intact.
 */
static gboolean
read_batch(SinterUndo *self, guint64 at, SinterUndoBatch *batch, guint8 **ret_payload,
           GError **error)
{
    guint8 head[SINTER_UNDO_BATCH_BYTES];
    g_autofree guint8 *payload = NULL;
    gsize n = 0;

    *ret_payload = NULL;
    if (!sinter_io_read_some(self->io, at, head, sizeof head, &n, error))
        return FALSE;
    if (n < sizeof head || !sinter_undo_batch_load(batch, head))
        return TRUE;
    payload = g_malloc(batch->payload_bytes + 1);
    if (!sinter_io_read_some(self->io, at + sizeof head, payload, batch->payload_bytes, &n, error))
        return FALSE;
    if (n == batch->payload_bytes && sinter_undo_batch_is_intact(head, payload, n))
        *ret_payload = g_steal_pointer(&payload);
    return TRUE;
}

/*
 * Fails if an intact batch follows one that is not: then it is not the last one that was cut, but
 * the file is damaged.
 */
static gboolean
check_tail(SinterUndo *self, guint64 at, guint64 file_bytes, GError **error)
{
    guint64 bad = at;

    for (at += SINTER_UNDO_BATCH_ALIGN; at < file_bytes; at += SINTER_UNDO_BATCH_ALIGN) {
        g_autofree guint8 *payload = NULL;
        SinterUndoBatch batch;

        if (!read_batch(self, at, &batch, &payload, error))
            return FALSE;
        if (payload && batch.number > self->n_batches)
            return refuse_damaged(self, bad, error);
    }
    return TRUE;
}

static gboolean
take_changes(SinterUndo *self, const SinterUndoBatch *batch, const guint8 *payload, guint64 at,
             GError **error)
{
    guint first = self->entries->len;

    if (!sinter_undo_entries_load(payload, batch->payload_bytes, batch->n_entries,
                                  self->header.image_bytes, self->entries))
        return refuse_damaged(self, at, error);
    for (guint i = first; i < self->entries->len; i++) {
        SinterUndoEntry *entry = &g_array_index(self->entries, SinterUndoEntry, i);

        entry->batch = batch->number;
        entry->old_at += at + SINTER_UNDO_BATCH_BYTES;
        entry->digests_at += at + SINTER_UNDO_BATCH_BYTES;
        if (entry->flags & SINTER_UNDO_OLD)
            self->info.saved_bytes += MIN(entry->length, self->header.image_bytes - entry->offset);
    }
    self->n_batches++;
    return TRUE;
}

static gboolean
take_end(SinterUndo *self, const SinterUndoBatch *batch, const guint8 *payload, guint64 at,
         GError **error)
{
    if (batch->payload_bytes != SINTER_UNDO_END_BYTES)
        return refuse_damaged(self, at, error);
    self->final_bytes = sinter_undo_load64(payload);
    self->info.is_complete = TRUE;
    return TRUE;
}

static gboolean
read_batches(SinterUndo *self, GError **error)
{
    guint64 at = SINTER_UNDO_HEADER_BYTES;
    guint64 file_bytes = 0;

    if (!sinter_io_get_size(self->io, &file_bytes, error))
        return FALSE;
    while (!self->info.is_complete) {
        g_autofree guint8 *payload = NULL;
        SinterUndoBatch batch = { 0 };

        if (!read_batch(self, at, &batch, &payload, error))
            return FALSE;
        if (!payload)
            return check_tail(self, at, file_bytes, error);
        if (batch.number != self->n_batches)
            return refuse_damaged(self, at, error);
        if (batch.kind == SINTER_UNDO_KIND_END ? !take_end(self, &batch, payload, at, error)
                                               : !take_changes(self, &batch, payload, at, error))
            return FALSE;
        at += (SINTER_UNDO_BATCH_BYTES + batch.payload_bytes + SINTER_UNDO_BATCH_ALIGN - 1) &
              ~(guint64)(SINTER_UNDO_BATCH_ALIGN - 1);
    }
    return TRUE;
}

static gint
compare_entries(gconstpointer a, gconstpointer b)
{
    const SinterUndoEntry *first = a;
    const SinterUndoEntry *second = b;

    if (first->offset != second->offset)
        return first->offset < second->offset ? -1 : 1;
    return first->batch < second->batch ? -1 : first->batch > second->batch;
}

static gboolean
read_header(SinterUndo *self, GError **error)
{
    g_autofree guint8 *buf = g_malloc(SINTER_UNDO_HEADER_BYTES);
    const char *path = sinter_io_get_path(self->io);

    if (!sinter_io_read_padded(self->io, 0, buf, SINTER_UNDO_HEADER_BYTES, error) ||
        !sinter_undo_header_load(&self->header, buf, path, error))
        return FALSE;
    self->info = (SinterUndoInfo){ .image_path = self->header.image_path,
                                   .operation = self->header.operation,
                                   .date_usec = self->header.date_usec,
                                   .image_bytes = self->header.image_bytes };
    return TRUE;
}

SinterUndo *
sinter_undo_open(SinterFs *fs, const char *path, GError **error)
{
    g_autoptr(SinterUndo) self = g_new0(SinterUndo, 1);
    g_autoptr(SinterFs) host = fs ? sinter_fs_ref(fs) : sinter_fs_new_host(NULL, error);

    self->entries = g_array_new(FALSE, FALSE, sizeof(SinterUndoEntry));
    self->io = host ? sinter_fs_open(host, path, SINTER_IO_READ, error) : NULL;
    if (!self->io || !read_header(self, error) || !read_batches(self, error))
        return NULL;
    g_array_sort(self->entries, compare_entries);
    return g_steal_pointer(&self);
}

const SinterUndoInfo *
sinter_undo_get_info(SinterUndo *self)
{
    return &self->info;
}

GArray *
sinter_undo_list(SinterUndo *self)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(SinterUndoRange));

    for (guint i = 0; i < self->entries->len; i++) {
        const SinterUndoEntry *entry = &g_array_index(self->entries, SinterUndoEntry, i);
        SinterUndoRange range = { entry->offset, 0 };
        SinterUndoRange *last =
            list->len ? &g_array_index(list, SinterUndoRange, list->len - 1) : NULL;

        if (!(entry->flags & SINTER_UNDO_OLD))
            continue;
        range.length = MIN(entry->length, self->header.image_bytes - entry->offset);
        if (last && last->offset + last->length == range.offset)
            last->length += range.length;
        else
            g_array_append_val(list, range);
    }
    return list;
}

/* Returns the first entry at @offset or beyond. */
static guint
find_first(SinterUndo *self, guint64 offset)
{
    guint low = 0;
    guint high = self->entries->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;

        if (g_array_index(self->entries, SinterUndoEntry, middle).offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static gint
compare_batches(gconstpointer a, gconstpointer b)
{
    const SinterUndoEntry *first = *(const SinterUndoEntry *const *)a;
    const SinterUndoEntry *second = *(const SinterUndoEntry *const *)b;

    return first->batch < second->batch ? -1 : first->batch > second->batch;
}

void
sinter_undo_find(SinterUndo *self, guint64 offset, GPtrArray *ret)
{
    guint64 from = offset >= SINTER_UNDO_ENTRY_MAX ? offset - SINTER_UNDO_ENTRY_MAX : 0;

    g_ptr_array_set_size(ret, 0);
    for (guint i = find_first(self, from); i < self->entries->len; i++) {
        SinterUndoEntry *entry = &g_array_index(self->entries, SinterUndoEntry, i);

        if (entry->offset > offset)
            break;
        if (offset < entry->offset + entry->length)
            g_ptr_array_add(ret, entry);
    }
    g_ptr_array_sort(ret, compare_batches);
}

static gboolean
refuse_incomplete(SinterUndo *self, guint64 offset, GError **error)
{
    return sinter_error_refuse(error, SINTER_ERROR_CORRUPT,
                               "undo file '%s' lacks the former content at offset "
                               "%" G_GUINT64_FORMAT " of the image",
                               sinter_io_get_path(self->io), offset);
}

gboolean
sinter_undo_read_old(SinterUndo *self, const GPtrArray *cover, guint64 offset, guint8 *buf,
                     GError **error)
{
    memset(buf, 0, SINTER_UNDO_PAGE_BYTES);
    if (offset >= self->header.image_bytes)
        return TRUE;
    for (guint i = 0; i < cover->len; i++) {
        const SinterUndoEntry *entry = g_ptr_array_index(cover, i);
        guint64 skip = offset - entry->offset;

        if (!(entry->flags & SINTER_UNDO_OLD))
            continue;
        return (entry->flags & SINTER_UNDO_OLD_ZERO) || skip >= entry->old_bytes ||
               sinter_io_read(self->io, entry->old_at + skip, buf,
                              MIN(SINTER_UNDO_PAGE_BYTES, entry->old_bytes - skip), error);
    }
    return refuse_incomplete(self, offset, error);
}

gboolean
sinter_undo_read_digests(SinterUndo *self, const SinterUndoEntry *entry, guint64 offset,
                         guint8 *buf, GError **error)
{
    guint64 unit = (offset - entry->offset) / SINTER_UNDO_UNIT_BYTES;

    return sinter_io_read(self->io, entry->digests_at + unit * SINTER_UNDO_DIGEST_BYTES, buf,
                          SINTER_UNDO_UNITS_PER_PAGE * SINTER_UNDO_DIGEST_BYTES, error);
}
