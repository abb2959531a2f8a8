/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Checks all parameters of a new image before any file changes. */

#include "sinter-create-check.h"
#include "sinter-create-layout.h"
#include "sinter-error.h"

static gboolean
refuse_format(const SinterFormat *format, GError **error)
{
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "Format driver '%s' does not support image creation", format->name);
    return FALSE;
}

const SinterFormat *
sinter_create_find_format(const SinterCreateOptions *options, GError **error)
{
    const SinterFormat *format = sinter_format_find(options->format, error);

    if (!format || !sinter_create_layout_check(options, error) ||
        (!format->create && !refuse_format(format, error)) ||
        (format->create_check && !format->create_check(options, error)))
        return NULL;
    return format;
}
