/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writes an undo file, batch by batch. Invariant: a batch is written only after the one before it
 * is durable, so at most the last one can be incomplete.
 */

#include "sinter-undo-log.h"
#include "sinter-error.h"

#include <string.h>

struct _SinterUndoLog {
    SinterFs *fs; /* a reference */
    SinterIo *io;
    guint64 end;
    guint64 n_batches;
    gboolean failed;
};

void
sinter_undo_log_free(SinterUndoLog *self)
{
    if (!self)
        return;
    g_clear_pointer(&self->io, sinter_io_unref);
    g_clear_pointer(&self->fs, sinter_fs_unref);
    g_free(self);
}

SinterUndoLog *
sinter_undo_log_create(SinterFs *fs, const char *path, const SinterUndoHeader *header,
                       GError **error)
{
    g_autoptr(SinterUndoLog) self = g_new0(SinterUndoLog, 1);
    g_autofree guint8 *buf = g_malloc(SINTER_UNDO_HEADER_BYTES);

    self->fs = sinter_fs_ref(fs);
    self->end = SINTER_UNDO_HEADER_BYTES;
    self->io = sinter_fs_open(fs, path, SINTER_IO_CREATE, error);
    if (!self->io)
        return NULL;
    sinter_undo_header_store(header, buf);
    if (sinter_io_write(self->io, 0, buf, SINTER_UNDO_HEADER_BYTES, error) &&
        sinter_io_flush(self->io, error) && sinter_fs_sync_folder(fs, path, error))
        return g_steal_pointer(&self);
    sinter_undo_log_remove(self);
    return NULL;
}

void
sinter_undo_log_remove(SinterUndoLog *self)
{
    sinter_fs_remove(self->fs, sinter_io_get_path(self->io), NULL);
}

GByteArray *
sinter_undo_log_payload_new(void)
{
    GByteArray *payload = g_byte_array_new();

    g_byte_array_set_size(payload, SINTER_UNDO_BATCH_BYTES);
    return payload;
}

static gboolean
log_append(SinterUndoLog *self, GByteArray *payload, guint32 kind, guint32 n, GError **error)
{
    const SinterUndoBatch head = { .number = self->n_batches,
                                   .payload_bytes = payload->len - SINTER_UNDO_BATCH_BYTES,
                                   .kind = kind,
                                   .n_entries = n };
    guint len = (payload->len + SINTER_UNDO_BATCH_ALIGN - 1) & ~(SINTER_UNDO_BATCH_ALIGN - 1U);
    guint used = payload->len;

    sinter_undo_batch_store(&head, payload->data);
    g_byte_array_set_size(payload, len);
    memset(payload->data + used, 0, len - used);
    if (!sinter_io_write(self->io, self->end, payload->data, len, error) ||
        !sinter_io_flush(self->io, error)) {
        self->failed = TRUE;
        return FALSE;
    }
    self->end += len;
    self->n_batches++;
    return TRUE;
}

gboolean
sinter_undo_log_add(SinterUndoLog *self, GByteArray *payload, guint32 n, GError **error)
{
    g_autoptr(GByteArray) owned = payload;

    if (!self->failed)
        return log_append(self, owned, SINTER_UNDO_KIND_CHANGES, n, error);
    return sinter_error_refuse(error, SINTER_ERROR_FAILED,
                               "writing '%s': an earlier write failed; the image is not changed "
                               "any further",
                               sinter_io_get_path(self->io));
}

gboolean
sinter_undo_log_end(SinterUndoLog *self, guint64 image_bytes, GError **error)
{
    g_autoptr(GByteArray) payload = sinter_undo_log_payload_new();
    guint8 bytes[SINTER_UNDO_END_BYTES];

    /* what was written last may be incomplete: the file ends before it */
    if (self->failed)
        return TRUE;
    sinter_undo_store64(bytes, image_bytes);
    g_byte_array_append(payload, bytes, sizeof bytes);
    return log_append(self, payload, SINTER_UNDO_KIND_END, 0, error);
}
