/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The writer of an image whose metadata is changed in several steps: after most of them it must be
 * reopened. The file stays open and locked in between.
 */

#include "qcow2-edit.h"
#include "sinter-error.h"

gboolean
sinter_qcow2_edit_reopen(SinterQcow2Edit *self, GError **error)
{
    const SinterQcow2WriterOptions options = {
        .io_flags = self->file->io_flags,
        .probe_backing = self->file->probe_backing,
        .no_backing = self->no_backing,
        .no_recording = TRUE,
        .data_io = self->file->data_io,
    };

    g_clear_pointer(&self->writer, sinter_qcow2_writer_free);
    self->writer = sinter_qcow2_writer_open(self->file->fs, self->file->io, &options, error);
    return self->writer != NULL;
}

gboolean
sinter_qcow2_edit_open(SinterQcow2Edit *self, GError **error)
{
    if (sinter_qcow2_edit_reopen(self, error))
        return TRUE;
    sinter_error_wrap_open(error, sinter_io_get_path(self->file->io));
    return FALSE;
}

void
sinter_qcow2_edit_clear(SinterQcow2Edit *self)
{
    g_clear_pointer(&self->writer, sinter_qcow2_writer_free);
}
