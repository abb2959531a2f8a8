/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The option --output of several commands. */

#include "img-output.h"
#include "text/img-message.h"

#include <string.h>

gboolean
sinter_img_output_parse(const char *value, gboolean *ret_json)
{
    *ret_json = value && strcmp(value, "json") == 0;
    if (!value || *ret_json || strcmp(value, "human") == 0)
        return TRUE;
    sinter_img_error("--output must be used with human or json as argument.");
    return FALSE;
}
