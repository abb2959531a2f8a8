/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Changes dirty bitmaps, for any format: opens both images and calls the driver. */

#include "sinter/bitmap.h"
#include "sinter-bitmap-over.h"
#include "sinter-edit.h"
#include "sinter-error.h"

/* Returns the source of merges, open for reading and locked. */
static SinterIo *
open_source(SinterFs *fs, const SinterBitmapChange *change, const SinterFormat **ret_format,
            GError **error)
{
    const SinterBitmapSource *from = change->from;
    SinterIoFlags flags =
        SINTER_IO_READ | (change->flags & SINTER_HANDLE_NO_LOCK ? SINTER_IO_NO_LOCK : 0);
    g_autoptr(SinterIo) io = sinter_fs_open(fs, from->path, flags, error);

    *ret_format = NULL;
    if (io && sinter_io_lock(io, SINTER_IO_LOCK_SHARED, error))
        *ret_format = sinter_format_choose(io, from->format, error);
    if (*ret_format)
        return g_steal_pointer(&io);
    sinter_error_wrap_open(error, from->path);
    return NULL;
}

/* Fails with the error of the first action: the format has no bitmaps. */
static gboolean
refuse_all(const SinterEdit *edit, const SinterBitmapChange *change, GError **error)
{
    if (change->n_actions == 0)
        return TRUE;
    if (change->actions[0].kind == SINTER_BITMAP_ADD)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "Can't store persistent bitmaps to '%s': Operation not supported",
                    sinter_io_get_path(edit->file.io));
    else
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "Dirty bitmap '%s' not found",
                    change->name);
    return FALSE;
}

static gboolean
refuse_source(const SinterEdit *edit, const SinterFormat *format, GError **error)
{
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "bitmaps of an image of format '%s' cannot be merged into one of format '%s'",
                format->name, edit->format->name);
    return FALSE;
}

gboolean
sinter_bitmap_change_over(SinterFs *fs, const char *path, SinterIo *data_io,
                          const SinterBitmapChange *change, gsize *ret_n_done, GError **error)
{
    g_auto(SinterEdit) edit = { .file.data_io = data_io };
    g_autoptr(SinterIo) source = NULL;
    const SinterFormat *format = NULL;
    SinterFormatBitmaps what = { .name = change->name,
                                 .actions = change->actions,
                                 .n_actions = change->n_actions };
    gboolean ok;

    *ret_n_done = 0;
    if (!sinter_edit_open(&edit, fs, path, change->format, change->flags, error))
        return FALSE;
    if (change->from) {
        source = open_source(edit.file.fs, change, &format, error);
        if (!source)
            return FALSE;
        what.source = source;
        what.source_is_empty = !format->bitmaps;
    }
    if (!edit.format->bitmaps)
        return refuse_all(&edit, change, error);
    if (source && !what.source_is_empty && format != edit.format)
        return refuse_source(&edit, format, error);
    ok = edit.format->bitmaps(&edit.file, &what, error);
    *ret_n_done = what.n_done;
    return ok;
}

gboolean
sinter_bitmap_change(SinterFs *fs, const char *path, const SinterBitmapChange *change,
                     gsize *ret_n_done, GError **error)
{
    return sinter_bitmap_change_over(fs, path, NULL, change, ret_n_done, error);
}
