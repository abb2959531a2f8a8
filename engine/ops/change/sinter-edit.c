/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opens an image for a change of its metadata: file, lock, format. Invariant: nothing is read from
 * the image before it is locked.
 */

#include "sinter-edit.h"
#include "ops/handle/sinter-handle-internal.h"
#include "sinter-error.h"

static gboolean
edit_prepare(SinterEdit *self, const char *format, GError **error)
{
    if (!sinter_io_lock(self->file.io, SINTER_IO_LOCK_ALONE, error))
        return FALSE;
    self->format = sinter_format_choose(self->file.io, format, error);
    return self->format != NULL;
}

gboolean
sinter_edit_open(SinterEdit *self, SinterFs *fs, const char *path, const char *format,
                 SinterHandleFlags flags, GError **error)
{
    self->file.io_flags = sinter_handle_io_flags(flags);
    self->file.probe_backing = (flags & SINTER_HANDLE_PROBE) != 0;
    self->file.fs = fs ? sinter_fs_ref(fs) : sinter_fs_new_host(NULL, error);
    self->file.io =
        self->file.fs ? sinter_fs_open(self->file.fs, path, self->file.io_flags, error) : NULL;
    if (self->file.io && edit_prepare(self, format, error))
        return TRUE;
    sinter_error_wrap_open(error, path);
    return FALSE;
}

gboolean
sinter_edit_open_for_reading(SinterEdit *self, SinterFs *fs, const char *path, const char *format,
                             GError **error)
{
    self->file.fs = fs ? sinter_fs_ref(fs) : sinter_fs_new_host(NULL, error);
    self->file.io =
        self->file.fs ? sinter_fs_open(self->file.fs, path, SINTER_IO_READ, error) : NULL;
    if (self->file.io && sinter_io_lock(self->file.io, SINTER_IO_LOCK_SHARED, error) &&
        (self->format = sinter_format_choose(self->file.io, format, error)) != NULL)
        return TRUE;
    sinter_error_wrap_open(error, path);
    return FALSE;
}

void
sinter_edit_clear(SinterEdit *self)
{
    g_clear_pointer(&self->file.io, sinter_io_unref);
    g_clear_pointer(&self->file.fs, sinter_fs_unref);
}
