/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rules for resizing a disk of any format. */

#include "sinter-resize-check.h"
#include "sinter-error.h"

gboolean
sinter_resize_check_direction(guint64 old, const SinterResizeOptions *options, GError **error)
{
    if (options->size >= old || options->shrink)
        return TRUE;
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                        "the new size is smaller: data behind it would be lost");
    return FALSE;
}
