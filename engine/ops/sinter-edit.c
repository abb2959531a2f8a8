/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opens an image for a change of its metadata: file, lock, format, writer. What holds: nothing of
 * the image is looked at before it is locked.
 */

#include "sinter-edit.h"
#include "sinter-handle-internal.h"
#include "sinter-error.h"

gboolean
sinter_edit_reopen(SinterEdit *self, GError **error)
{
    const SinterQcow2WriterOptions options = {
        .io_flags = sinter_handle_io_flags(self->flags),
        .probe_backing = (self->flags & SINTER_HANDLE_PROBE) != 0,
        .no_backing = self->no_backing,
        .no_recording = TRUE,
        .data_io = self->data_io,
    };

    g_clear_pointer(&self->writer, sinter_qcow2_writer_free);
    self->writer = sinter_qcow2_writer_open(self->fs, self->io, &options, error);
    return self->writer != NULL;
}

static gboolean
edit_prepare(SinterEdit *self, const char *format, GError **error)
{
    if (!sinter_io_lock(self->io, SINTER_IO_LOCK_ALONE, error))
        return FALSE;
    self->format = sinter_format_choose(self->io, format, error);
    if (!self->format || self->format == &sinter_format_raw)
        return self->format != NULL;
    return sinter_edit_reopen(self, error);
}

gboolean
sinter_edit_open(SinterEdit *self, SinterFs *fs, const char *path, const char *format,
                 SinterHandleFlags flags, GError **error)
{
    self->flags = flags;
    self->fs = fs ? sinter_fs_ref(fs) : sinter_fs_new_host(NULL, error);
    self->io =
        self->fs ? sinter_fs_open(self->fs, path, sinter_handle_io_flags(flags), error) : NULL;
    if (self->io && edit_prepare(self, format, error))
        return TRUE;
    sinter_error_wrap_open(error, path);
    return FALSE;
}

void
sinter_edit_clear(SinterEdit *self)
{
    g_clear_pointer(&self->writer, sinter_qcow2_writer_free);
    g_clear_pointer(&self->io, sinter_io_unref);
    g_clear_pointer(&self->fs, sinter_fs_unref);
}
