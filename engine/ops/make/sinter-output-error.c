/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The errors of files that are made under another name than the one that was asked for. */

#include "sinter-output-error.h"

void
sinter_output_set_error(GError **error, SinterStage stage, const char *path, const char *other,
                        const GError *cause)
{
    gboolean is_open = sinter_error_is_about(cause, SINTER_STAGE_OPEN, other);

    g_propagate_error(error, g_error_copy(is_open ? sinter_error_get_cause(cause) : cause));
    sinter_error_wrap(error, stage, path,
                      "Could not %s '%s': ", stage == SINTER_STAGE_CREATE ? "create" : "open",
                      path);
}
