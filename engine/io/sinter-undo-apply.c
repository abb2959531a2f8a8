/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Restores an image from an undo file. Invariant: nothing is written before every place that the
 * operation changed was seen to hold its former content or what the operation wrote. Since storage
 * writes whole units, that is also so after an interrupted restoration, which can be repeated.
 */

#include "sinter-undo-file.h"
#include "sinter-error.h"

#include <string.h>

typedef struct {
    SinterUndo *undo;
    SinterIo *io;     /* the image */
    GPtrArray *cover; /* of SinterUndoEntry *, of the current page */
    guint8 now[SINTER_UNDO_PAGE_BYTES];
    guint8 old[SINTER_UNDO_PAGE_BYTES];
} Restore;

/* Called for each page that the operation changed, in ascending order. */
typedef gboolean (*PageFunc)(Restore *self, guint64 offset, GError **error);

static gboolean
page_load(Restore *self, guint64 offset, GError **error)
{
    return sinter_io_read_padded(self->io, offset, self->now, sizeof self->now, error) &&
           sinter_undo_read_old(self->undo, self->cover, offset, self->old, error);
}

static gboolean
each_page(Restore *self, PageFunc func, GError **error)
{
    GArray *entries = self->undo->entries;
    guint64 next = 0;

    for (guint i = 0; i < entries->len; i++) {
        const SinterUndoEntry *entry = &g_array_index(entries, SinterUndoEntry, i);
        guint64 end = entry->offset + entry->length;

        for (next = MAX(next, entry->offset); next < end; next += SINTER_UNDO_PAGE_BYTES) {
            sinter_undo_find(self->undo, next, self->cover);
            if (!page_load(self, next, error) || !func(self, next, error))
                return FALSE;
        }
    }
    return TRUE;
}

static gboolean
refuse_changed(Restore *self, guint64 offset, GError **error)
{
    return sinter_error_refuse(error, SINTER_ERROR_CHAIN_CHANGED,
                               "'%s' was changed at offset %" G_GUINT64_FORMAT
                               " after the undo file '%s' was written; nothing was restored",
                               sinter_io_get_path(self->io), offset,
                               sinter_io_get_path(self->undo->io));
}

/* Sets a bit in @known for each unit of the page that has what @entry wrote there. */
static gboolean
match_entry(Restore *self, const SinterUndoEntry *entry, guint64 offset, guint *known,
            GError **error)
{
    guint8 digests[SINTER_UNDO_UNITS_PER_PAGE * SINTER_UNDO_DIGEST_BYTES];
    gboolean zero = (entry->flags & SINTER_UNDO_NEW_ZERO) != 0;

    if (!zero && !sinter_undo_read_digests(self->undo, entry, offset, digests, error))
        return FALSE;
    for (guint i = 0; i < SINTER_UNDO_UNITS_PER_PAGE; i++) {
        const guint8 *unit = self->now + i * SINTER_UNDO_UNIT_BYTES;
        guint8 digest[SINTER_UNDO_DIGEST_BYTES];

        if (*known & (1U << i))
            continue;
        if (zero) {
            if (sinter_undo_is_zero(unit, SINTER_UNDO_UNIT_BYTES))
                *known |= 1U << i;
            continue;
        }
        sinter_undo_digest(unit, digest);
        if (memcmp(digest, digests + i * SINTER_UNDO_DIGEST_BYTES, sizeof digest) == 0)
            *known |= 1U << i;
    }
    return TRUE;
}

/*
 * An operation that ended left what it wrote last; one that was interrupted left any of what it
 * wrote.
 */
static gboolean
verify_page(Restore *self, guint64 offset, GError **error)
{
    guint last = self->undo->info.is_complete ? self->cover->len - 1 : 0;
    guint known = 0;

    for (guint i = 0; i < SINTER_UNDO_UNITS_PER_PAGE; i++) {
        if (memcmp(self->now + i * SINTER_UNDO_UNIT_BYTES, self->old + i * SINTER_UNDO_UNIT_BYTES,
                   SINTER_UNDO_UNIT_BYTES) == 0)
            known |= 1U << i;
    }
    for (guint i = last; i < self->cover->len; i++) {
        if (!match_entry(self, g_ptr_array_index(self->cover, i), offset, &known, error))
            return FALSE;
    }
    for (guint i = 0; i < SINTER_UNDO_UNITS_PER_PAGE; i++) {
        if (!(known & (1U << i)))
            return refuse_changed(self, offset + i * SINTER_UNDO_UNIT_BYTES, error);
    }
    return TRUE;
}

static gboolean
verify_size(Restore *self, GError **error)
{
    const SinterUndo *undo = self->undo;
    guint64 low = MIN(undo->final_bytes, undo->header.image_bytes);
    guint64 high = MAX(undo->final_bytes, undo->header.image_bytes);
    guint64 size = 0;

    if (!sinter_io_get_size(self->io, &size, error))
        return FALSE;
    if (!undo->info.is_complete || (size >= low && size <= high))
        return TRUE;
    return sinter_error_refuse(error, SINTER_ERROR_CHAIN_CHANGED,
                               "'%s' has %" G_GUINT64_FORMAT " bytes instead of %" G_GUINT64_FORMAT
                               ": it was changed after the undo file '%s' was written; nothing was "
                               "restored",
                               sinter_io_get_path(self->io), size, undo->final_bytes,
                               sinter_io_get_path(undo->io));
}

/* Puts the former content of the pages in the first @len bytes of the image into @head. */
static gboolean
head_restore(Restore *self, guint8 *head, gsize len, GError **error)
{
    for (gsize at = 0; at < len; at += SINTER_UNDO_PAGE_BYTES) {
        sinter_undo_find(self->undo, at, self->cover);
        if (self->cover->len == 0)
            continue;
        if (!sinter_undo_read_old(self->undo, self->cover, at, self->old, error))
            return FALSE;
        memcpy(head + at, self->old, MIN(SINTER_UNDO_PAGE_BYTES, len - at));
    }
    return TRUE;
}

/* Whether the image would start as it did. */
static gboolean
verify_head(Restore *self, GError **error)
{
    const SinterUndoHeader *header = &self->undo->header;
    g_autofree guint8 *head = g_malloc(SINTER_UNDO_HEAD_MAX);
    guint8 sum[SINTER_UNDO_SUM_BYTES];

    if (!sinter_io_read_padded(self->io, 0, head, header->head_bytes, error) ||
        !head_restore(self, head, header->head_bytes, error))
        return FALSE;
    sinter_undo_sum(head, header->head_bytes, sum);
    return memcmp(sum, header->head_sum, sizeof sum) == 0 ||
           sinter_error_refuse(error, SINTER_ERROR_CHAIN_CHANGED,
                               "'%s' is not the image that the undo file '%s' was written for, or "
                               "was changed since; nothing was restored",
                               sinter_io_get_path(self->io), sinter_io_get_path(self->undo->io));
}

static gboolean
restore_page(Restore *self, guint64 offset, GError **error)
{
    guint64 image_bytes = self->undo->header.image_bytes;
    gsize n;

    if (offset >= image_bytes || memcmp(self->now, self->old, sizeof self->now) == 0)
        return TRUE;
    n = (gsize)MIN(SINTER_UNDO_PAGE_BYTES, image_bytes - offset);
    return sinter_undo_is_zero(self->old, n)
               ? sinter_io_discard(self->io, offset, n, error)
               : sinter_io_write(self->io, offset, self->old, n, error);
}

static gboolean
restore_size(Restore *self, GError **error)
{
    guint64 size = 0;

    if (!sinter_io_get_size(self->io, &size, error))
        return FALSE;
    return size == self->undo->header.image_bytes ||
           sinter_io_truncate(self->io, self->undo->header.image_bytes, error);
}

static gboolean
apply(Restore *self, gboolean dry_run, GError **error)
{
    if (!sinter_io_lock(self->io, SINTER_IO_LOCK_ALONE, error) || !verify_size(self, error) ||
        !each_page(self, verify_page, error) || !verify_head(self, error))
        return FALSE;
    return dry_run || (each_page(self, restore_page, error) && restore_size(self, error) &&
                       sinter_io_flush(self->io, error));
}

gboolean
sinter_undo_apply(SinterUndo *undo, SinterFs *fs, const char *image_path, gboolean dry_run,
                  GError **error)
{
    g_autoptr(SinterFs) host = fs ? sinter_fs_ref(fs) : sinter_fs_new_host(NULL, error);
    g_autoptr(SinterIo) io =
        host ? sinter_fs_open(host, image_path, SINTER_IO_WRITE | SINTER_IO_EXCLUSIVE, error)
             : NULL;
    g_autoptr(GPtrArray) cover = g_ptr_array_new();
    g_autofree Restore *restore = g_new0(Restore, 1);

    if (!io)
        return FALSE;
    restore->undo = undo;
    restore->io = io;
    restore->cover = cover;
    return apply(restore, dry_run, error);
}
