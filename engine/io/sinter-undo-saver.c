/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Saves what an operation replaces. Invariant: the first entry of a page that existed before the
 * operation has the page's former content; no later one does.
 */

#include "sinter-undo-saver.h"

#include <string.h>

void
sinter_undo_saver_init(SinterUndoSaver *self, SinterFs *fs, const char *path, const char *operation)
{
    self->fs = sinter_fs_ref(fs);
    self->path = g_strdup(path);
    self->operation = g_strdup(operation);
    sinter_undo_page_set_init(&self->saved);
}

void
sinter_undo_saver_clear(SinterUndoSaver *self)
{
    g_clear_pointer(&self->log, sinter_undo_log_free);
    g_clear_pointer(&self->fs, sinter_fs_unref);
    g_clear_pointer(&self->path, g_free);
    g_clear_pointer(&self->operation, g_free);
    sinter_undo_page_set_clear(&self->saved);
}

gboolean
sinter_undo_saver_begin(SinterUndoSaver *self, SinterIo *io, GError **error)
{
    g_auto(SinterUndoHeader) header = { .date_usec = g_get_real_time() };
    g_autofree guint8 *head = NULL;
    SinterIoStat st;

    if (self->log)
        return TRUE;
    if (!sinter_io_stat(io, &st, error))
        return FALSE;
    header.image_bytes = st.size_bytes;
    header.device = st.device;
    header.inode = st.inode;
    header.flags = st.is_block_device ? SINTER_UNDO_FLAG_BLOCK_DEVICE : 0;
    header.head_bytes = (guint32)MIN(st.size_bytes, SINTER_UNDO_HEAD_MAX);
    header.operation = g_strdup(self->operation);
    header.image_path = g_canonicalize_filename(sinter_io_get_path(io), NULL);
    head = g_malloc(SINTER_UNDO_HEAD_MAX);
    if (!sinter_io_read(io, 0, head, header.head_bytes, error))
        return FALSE;
    sinter_undo_sum(head, header.head_bytes, header.head_sum);
    self->image_bytes = st.size_bytes;
    self->log = sinter_undo_log_create(self->fs, self->path, &header, error);
    return self->log != NULL;
}

/* A batch in the making, with the pages of its last entry. */
typedef struct {
    SinterUndoSaver *saver;
    GByteArray *payload;
    GArray *saved; /* of guint64: pages whose former content is in it */
    guint32 n;
    guint64 first;
    guint32 n_pages;
    gboolean has_old;
    gboolean is_zeroed;
    guint8 *was;
    guint8 *now;
} Batch;

static void
batch_init(Batch *self, SinterUndoSaver *saver, gboolean is_zeroed)
{
    *self = (Batch){
        .saver = saver,
        .payload = sinter_undo_log_payload_new(),
        .saved = g_array_new(FALSE, FALSE, sizeof(guint64)),
        .is_zeroed = is_zeroed,
        .was = g_malloc(SINTER_UNDO_ENTRY_MAX),
        .now = g_malloc(SINTER_UNDO_ENTRY_MAX),
    };
}

static void
batch_clear(Batch *self)
{
    g_clear_pointer(&self->payload, g_byte_array_unref);
    g_array_unref(self->saved);
    g_free(self->was);
    g_free(self->now);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Batch, batch_clear)

static void
batch_end_entry(Batch *self)
{
    SinterUndoEntry entry = { .offset = self->first * SINTER_UNDO_PAGE_BYTES,
                              .length = self->n_pages * SINTER_UNDO_PAGE_BYTES };

    if (self->n_pages == 0)
        return;
    sinter_undo_entry_add(self->payload, entry, self->saver->image_bytes,
                          self->has_old ? self->was : NULL, self->is_zeroed ? NULL : self->now);
    self->n++;
    self->n_pages = 0;
}

/* @now: NULL in a batch of zeroed pages. Pages come in ascending order. */
static void
batch_add(Batch *self, guint64 index, const guint8 *was, const guint8 *now)
{
    gboolean has_old = index * SINTER_UNDO_PAGE_BYTES < self->saver->image_bytes &&
                       !sinter_undo_page_set_has(&self->saver->saved, index);
    gsize at;

    if (self->n_pages > 0 && (index != self->first + self->n_pages || has_old != self->has_old ||
                              self->n_pages == SINTER_UNDO_ENTRY_MAX / SINTER_UNDO_PAGE_BYTES))
        batch_end_entry(self);
    if (self->n_pages == 0)
        self->first = index;
    self->has_old = has_old;
    if (has_old)
        g_array_append_val(self->saved, index);
    at = (gsize)self->n_pages * SINTER_UNDO_PAGE_BYTES;
    memcpy(self->was + at, was, SINTER_UNDO_PAGE_BYTES);
    if (now)
        memcpy(self->now + at, now, SINTER_UNDO_PAGE_BYTES);
    self->n_pages++;
}

static gboolean
batch_write(Batch *self, GError **error)
{
    SinterUndoSaver *saver = self->saver;

    batch_end_entry(self);
    if (self->n == 0)
        return TRUE;
    if (!sinter_undo_log_add(saver->log, g_steal_pointer(&self->payload), self->n, error))
        return FALSE;
    for (guint i = 0; i < self->saved->len; i++) {
        guint64 index = g_array_index(self->saved, guint64, i);

        sinter_undo_page_set_add(&saver->saved, index);
        saver->saved_bytes +=
            MIN(SINTER_UNDO_PAGE_BYTES, saver->image_bytes - index * SINTER_UNDO_PAGE_BYTES);
    }
    return TRUE;
}

gboolean
sinter_undo_saver_save(SinterUndoSaver *self, const GPtrArray *pages, GError **error)
{
    g_auto(Batch) batch = { 0 };

    batch_init(&batch, self, FALSE);
    for (guint i = 0; i < pages->len; i++) {
        const SinterUndoPage *page = g_ptr_array_index(pages, i);

        batch_add(&batch, page->index, page->was, page->now);
    }
    return batch_write(&batch, error);
}

/* Adds the pages of a part of a file that has data. */
static gboolean
batch_add_data(Batch *self, SinterIo *io, guint64 offset, guint64 end, GError **error)
{
    g_autofree guint8 *buf = g_malloc(SINTER_UNDO_ENTRY_MAX);

    while (offset < end) {
        gsize n = (gsize)MIN(end - offset, SINTER_UNDO_ENTRY_MAX);

        if (!sinter_io_read_padded(io, offset, buf, n, error))
            return FALSE;
        for (gsize at = 0; at < n; at += SINTER_UNDO_PAGE_BYTES) {
            /* what is zero stays as it is */
            if (!sinter_undo_is_zero(buf + at, SINTER_UNDO_PAGE_BYTES))
                batch_add(self, (offset + at) / SINTER_UNDO_PAGE_BYTES, buf + at, NULL);
        }
        offset += n;
    }
    return TRUE;
}

gboolean
sinter_undo_saver_save_zeroed(SinterUndoSaver *self, SinterIo *io, guint64 offset, guint64 len,
                              gboolean *ret_any, GError **error)
{
    g_auto(Batch) batch = { 0 };
    guint64 end = offset + len;

    batch_init(&batch, self, TRUE);
    while (offset < end) {
        SinterIoExtent extent;
        guint64 n;

        if (!sinter_io_extent(io, offset, end - offset, &extent, error))
            return FALSE;
        /* whole pages: those of which a part is data count as data */
        n = extent.length_bytes & ~(guint64)(SINTER_UNDO_PAGE_BYTES - 1);
        if (!extent.is_hole || n == 0) {
            n = MIN(MAX(extent.length_bytes, 1) + SINTER_UNDO_PAGE_BYTES - 1, end - offset);
            n = n & ~(guint64)(SINTER_UNDO_PAGE_BYTES - 1);
            if (!batch_add_data(&batch, io, offset, offset + n, error))
                return FALSE;
        }
        offset += n;
    }
    batch_end_entry(&batch);
    *ret_any = batch.n > 0;
    return batch_write(&batch, error);
}
