/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Resizes an image, for any format: opens the image and calls the driver. */

#include "sinter/resize.h"
#include "sinter-edit.h"
#include "sinter-error.h"

gboolean
sinter_image_resize(SinterFs *fs, const char *path, const char *format, SinterHandleFlags flags,
                    const SinterResizeOptions *options, GError **error)
{
    g_auto(SinterEdit) edit = { 0 };

    if (!sinter_edit_open(&edit, fs, path, format, flags, error))
        return FALSE;
    if (edit.format->resize)
        return edit.format->resize(&edit.file, options, error);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "Format driver '%s' does not support resizing", edit.format->name);
    return FALSE;
}
