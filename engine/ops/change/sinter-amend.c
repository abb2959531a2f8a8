/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Changes the format options of an image, for any format: opens the image and calls the driver. */

#include "sinter/amend.h"
#include "sinter-edit.h"
#include "sinter-error.h"

gboolean
sinter_image_amend(SinterFs *fs, const char *path, const char *format, SinterHandleFlags flags,
                   const SinterAmendOptions *options, SinterProgress *progress, GError **error)
{
    g_auto(SinterEdit) edit = { 0 };

    if (!sinter_edit_open(&edit, fs, path, format, flags, error))
        return FALSE;
    if (edit.format->amend)
        return edit.format->amend(&edit.file, options, progress, error);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "Format driver '%s' does not support option amendment", edit.format->name);
    return FALSE;
}
