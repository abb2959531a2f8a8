/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Errors of files that are created under a name other than the one that the caller gave. */

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
