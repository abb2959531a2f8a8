/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The file of an image that is recorded. Invariant: no byte of it changes, and neither does its
 * size, before its former content is durable in the undo file.
 */

#include "sinter-undo-io.h"
#include "sinter-io-forward.h"
#include "sinter-error.h"

#include <string.h>

/* Held back at most; each page takes twice its size. */
#define HELD_MAX_BYTES (2 * 1024 * 1024)
#define PIECE_BYTES (1024 * 1024)

typedef struct {
    SinterIoForward base;
    GRWLock lock; /* guards all below; taken for reading by reads */
    gboolean is_begun;
    gboolean is_block_device;
    gboolean is_touched; /* the file may have changed */
    gboolean is_finished;
    guint64 size_bytes; /* with what is held back; valid if @is_begun */
    SinterUndoSaver saver;
    SinterUndoPages pages;
} SinterUndoIo;

static SinterIo *
inner_of(SinterUndoIo *self)
{
    return self->base.inner;
}

static guint64
page_down(guint64 offset)
{
    return offset & ~(guint64)(SINTER_UNDO_PAGE_BYTES - 1);
}

static guint64
page_up(guint64 offset)
{
    return page_down(offset + SINTER_UNDO_PAGE_BYTES - 1);
}

static gboolean
undo_begin(SinterUndoIo *self, GError **error)
{
    SinterIoStat st;

    if (self->is_finished)
        return sinter_error_refuse(error, SINTER_ERROR_FAILED,
                                   "writing '%s': its undo file is complete already",
                                   self->base.io.path);
    if (self->is_begun)
        return TRUE;
    if (!sinter_io_stat(inner_of(self), &st, error))
        return FALSE;
    self->size_bytes = st.size_bytes;
    self->is_block_device = st.is_block_device;
    self->is_begun = TRUE;
    return TRUE;
}

/* Writes pages @first to @end, excluding, of @list, which follow each other. */
static gboolean
write_run(SinterUndoIo *self, const GPtrArray *list, guint first, guint end, GError **error)
{
    const SinterUndoPage *start = g_ptr_array_index(list, first);
    guint64 offset = start->index * SINTER_UNDO_PAGE_BYTES;
    gsize len = (gsize)(end - first) * SINTER_UNDO_PAGE_BYTES;
    g_autofree guint8 *buf = g_malloc(len);

    for (guint i = first; i < end; i++) {
        const SinterUndoPage *page = g_ptr_array_index(list, i);

        memcpy(buf + (gsize)(i - first) * SINTER_UNDO_PAGE_BYTES, page->now,
               SINTER_UNDO_PAGE_BYTES);
    }
    return sinter_io_write(inner_of(self), offset, buf, MIN(len, self->size_bytes - offset), error);
}

static gboolean
write_pages(SinterUndoIo *self, const GPtrArray *list, GError **error)
{
    guint first = 0;

    for (guint i = 1; i <= list->len; i++) {
        const SinterUndoPage *before = g_ptr_array_index(list, i - 1);

        if (i < list->len && i - first < PIECE_BYTES / SINTER_UNDO_PAGE_BYTES &&
            ((const SinterUndoPage *)g_ptr_array_index(list, i))->index == before->index + 1)
            continue;
        if (!write_run(self, list, first, i, error))
            return FALSE;
        first = i;
    }
    return TRUE;
}

/* Zeros beyond the end of the file are not written. */
static gboolean
grow(SinterUndoIo *self, GError **error)
{
    guint64 size = 0;

    if (!sinter_io_get_size(inner_of(self), &size, error))
        return FALSE;
    if (size >= self->size_bytes)
        return TRUE;
    self->is_touched = TRUE;
    return sinter_undo_saver_begin(&self->saver, inner_of(self), error) &&
           sinter_io_truncate(inner_of(self), self->size_bytes, error);
}

/* Saves the former content of what is held back, and then writes it. */
static gboolean
settle(SinterUndoIo *self, GError **error)
{
    g_autoptr(GPtrArray) list = NULL;

    if (!self->is_begun)
        return TRUE;
    list = sinter_undo_pages_list_changed(&self->pages);
    if (list->len > 0) {
        if (!sinter_undo_saver_begin(&self->saver, inner_of(self), error) ||
            !sinter_undo_saver_save(&self->saver, list, error))
            return FALSE;
        self->is_touched = TRUE;
        if (!write_pages(self, list, error))
            return FALSE;
    }
    if (!grow(self, error))
        return FALSE;
    sinter_undo_pages_drop_all(&self->pages);
    return TRUE;
}

static gssize
undo_read(SinterIo *io, guint64 offset, void *buf, gsize len, GError **error)
{
    SinterUndoIo *self = (SinterUndoIo *)io;
    gssize n = -1;

    g_rw_lock_reader_lock(&self->lock);
    if (sinter_undo_pages_get_bytes(&self->pages) == 0) {
        n = sinter_io_forward_read(io, offset, buf, len, error);
    } else {
        len = offset < self->size_bytes ? MIN(len, self->size_bytes - offset) : 0;
        if (sinter_io_read_padded(inner_of(self), offset, buf, len, error)) {
            sinter_undo_pages_overlay(&self->pages, offset, buf, len);
            n = (gssize)len;
        }
    }
    g_rw_lock_reader_unlock(&self->lock);
    return n;
}

/* @buf: NULL for zeros. */
static gboolean
hold_back(SinterUndoIo *self, guint64 offset, const guint8 *buf, guint64 len, GError **error)
{
    g_autofree guint8 *zeros = buf ? NULL : g_malloc0(MIN(len, PIECE_BYTES) + 1);

    while (len > 0) {
        gsize n = (gsize)MIN(len, PIECE_BYTES);

        if (sinter_undo_pages_get_bytes(&self->pages) + n > HELD_MAX_BYTES && !settle(self, error))
            return FALSE;
        if (!sinter_undo_pages_put(&self->pages, inner_of(self), offset, buf ? buf : zeros, n,
                                   error))
            return FALSE;
        self->size_bytes = MAX(self->size_bytes, offset + n);
        buf = buf ? buf + n : NULL;
        offset += n;
        len -= n;
    }
    return TRUE;
}

/* A device cannot grow; without this check only the flush would fail. */
static gboolean
check_end(SinterUndoIo *self, guint64 end, GError **error)
{
    return !self->is_block_device || end <= self->size_bytes ||
           sinter_error_refuse(error, SINTER_ERROR_NO_SPACE,
                               "writing '%s' at offset %" G_GUINT64_FORMAT
                               ": the device ends at %" G_GUINT64_FORMAT,
                               self->base.io.path, end, self->size_bytes);
}

static gboolean
undo_write(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error)
{
    SinterUndoIo *self = (SinterUndoIo *)io;
    gboolean ok;

    g_rw_lock_writer_lock(&self->lock);
    ok = undo_begin(self, error) && check_end(self, offset + len, error) &&
         hold_back(self, offset, buf, len, error);
    g_rw_lock_writer_unlock(&self->lock);
    return ok;
}

/* Saves whole pages that will be zeros and, with @punches, makes them zeros. */
static gboolean
zero_pages(SinterUndoIo *self, guint64 offset, guint64 end, gboolean punches, GError **error)
{
    while (offset < end) {
        guint64 n = MIN(end - offset, SINTER_UNDO_ZERO_MAX);
        gboolean any = FALSE;

        if (!sinter_undo_saver_save_zeroed(&self->saver, inner_of(self), offset, n, &any, error))
            return FALSE;
        self->is_touched |= any;
        if (punches && !sinter_io_discard(inner_of(self), offset, n, error))
            return FALSE;
        offset += n;
    }
    return TRUE;
}

/* The range ends at most at the end of the file. */
static gboolean
discard(SinterUndoIo *self, guint64 offset, guint64 len, GError **error)
{
    guint64 end = offset + len;
    guint64 first = page_up(offset);
    guint64 last = end >= self->size_bytes ? page_up(end) : page_down(end);

    if (first >= last)
        return hold_back(self, offset, NULL, len, error);
    return hold_back(self, offset, NULL, first - offset, error) &&
           (last >= end || hold_back(self, last, NULL, end - last, error)) && settle(self, error) &&
           sinter_undo_saver_begin(&self->saver, inner_of(self), error) &&
           zero_pages(self, first, last, TRUE, error);
}

static gboolean
undo_discard(SinterIo *io, guint64 offset, guint64 len, GError **error)
{
    SinterUndoIo *self = (SinterUndoIo *)io;
    gboolean ok;

    g_rw_lock_writer_lock(&self->lock);
    ok = undo_begin(self, error) && discard(self, offset, len, error);
    g_rw_lock_writer_unlock(&self->lock);
    return ok;
}

static gboolean
cut_off(SinterUndoIo *self, guint64 size_bytes, GError **error)
{
    guint64 end = self->size_bytes;

    return hold_back(self, size_bytes, NULL, MIN(page_up(size_bytes), end) - size_bytes, error) &&
           settle(self, error) && zero_pages(self, page_up(size_bytes), page_up(end), FALSE, error);
}

static gboolean
resize(SinterUndoIo *self, guint64 size_bytes, GError **error)
{
    if (self->is_block_device)
        return sinter_io_truncate(inner_of(self), size_bytes, error);
    if (size_bytes == self->size_bytes)
        return TRUE;
    if (!settle(self, error) || !sinter_undo_saver_begin(&self->saver, inner_of(self), error) ||
        (size_bytes < self->size_bytes && !cut_off(self, size_bytes, error)))
        return FALSE;
    self->is_touched = TRUE;
    if (!sinter_io_truncate(inner_of(self), size_bytes, error))
        return FALSE;
    self->size_bytes = size_bytes;
    return TRUE;
}

static gboolean
undo_truncate(SinterIo *io, guint64 size_bytes, GError **error)
{
    SinterUndoIo *self = (SinterUndoIo *)io;
    gboolean ok;

    g_rw_lock_writer_lock(&self->lock);
    ok = undo_begin(self, error) && resize(self, size_bytes, error);
    g_rw_lock_writer_unlock(&self->lock);
    return ok;
}

static gboolean
undo_flush(SinterIo *io, GError **error)
{
    SinterUndoIo *self = (SinterUndoIo *)io;
    gboolean ok;

    g_rw_lock_writer_lock(&self->lock);
    ok = settle(self, error) && sinter_io_flush(inner_of(self), error);
    g_rw_lock_writer_unlock(&self->lock);
    return ok;
}

static gboolean
undo_stat(SinterIo *io, SinterIoStat *ret, GError **error)
{
    SinterUndoIo *self = (SinterUndoIo *)io;
    gboolean ok;

    g_rw_lock_reader_lock(&self->lock);
    ok = sinter_io_forward_stat(io, ret, error);
    if (ok && self->is_begun)
        ret->size_bytes = self->size_bytes;
    g_rw_lock_reader_unlock(&self->lock);
    return ok;
}

static gboolean
undo_extents(SinterIo *io, guint64 offset, guint64 len, SinterIoExtent *ret, GError **error)
{
    SinterUndoIo *self = (SinterUndoIo *)io;
    gboolean ok;

    g_rw_lock_writer_lock(&self->lock);
    ok = settle(self, error) && sinter_io_forward_extents(io, offset, len, ret, error);
    g_rw_lock_writer_unlock(&self->lock);
    return ok;
}

static void
undo_finalize(SinterIo *io)
{
    SinterUndoIo *self = (SinterUndoIo *)io;

    sinter_undo_saver_clear(&self->saver);
    sinter_undo_pages_clear(&self->pages);
    g_rw_lock_clear(&self->lock);
    sinter_io_forward_finalize(io);
}

/* Without allocate() and copy(): what they would do is written, and so recorded. */
static const SinterIoClass undo_io_class = {
    .driver = "undo",
    .instance_bytes = sizeof(SinterUndoIo),
    .read = undo_read,
    .write = undo_write,
    .discard = undo_discard,
    .truncate = undo_truncate,
    .flush = undo_flush,
    .stat = undo_stat,
    .extents = undo_extents,
    .lock = sinter_io_forward_lock,
    .finalize = undo_finalize,
};

SinterIo *
sinter_undo_io_new(SinterIo *inner, SinterFs *undo_fs, const SinterUndoRecording *what)
{
    SinterUndoIo *self = sinter_io_alloc(&undo_io_class, inner->path, inner->flags);

    self->base.inner = inner;
    g_rw_lock_init(&self->lock);
    sinter_undo_pages_init(&self->pages);
    sinter_undo_saver_init(&self->saver, undo_fs, what->undo_path, what->operation);
    return &self->base.io;
}

static gboolean
complete(SinterUndoIo *self, GError **error)
{
    if (!settle(self, error) || !sinter_io_flush(inner_of(self), error))
        return FALSE;
    return !self->is_touched || sinter_undo_log_end(self->saver.log, self->size_bytes, error);
}

gboolean
sinter_undo_io_finish(SinterIo *io, SinterUndoRecorded *ret, GError **error)
{
    SinterUndoIo *self = (SinterUndoIo *)io;
    gboolean ok;

    g_rw_lock_writer_lock(&self->lock);
    ok = complete(self, error);
    /* without a change there is nothing to undo */
    if (self->saver.log && !self->is_touched)
        sinter_undo_log_remove(self->saver.log);
    sinter_undo_pages_drop_all(&self->pages);
    self->is_finished = TRUE;
    if (ret)
        *ret = (SinterUndoRecorded){ self->is_touched, self->saver.saved_bytes };
    g_rw_lock_writer_unlock(&self->lock);
    return ok;
}
