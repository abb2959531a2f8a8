/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Asks for confirmation. Invariant: without an answer nothing is confirmed. */

#include "img-confirm.h"
#include "text/img-message.h"

#include <stdio.h>
#include <unistd.h>

gboolean
sinter_img_confirm(const char *question, gboolean yes)
{
    char answer[16];

    if (yes)
        return TRUE;
    if (!isatty(STDIN_FILENO)) {
        fflush(stdout);
        sinter_img_error("Nothing was changed: standard input is not a terminal; use --yes to "
                         "change the image without a question");
        return FALSE;
    }
    printf("%s [y/N] ", question);
    fflush(stdout);
    if (fgets(answer, sizeof answer, stdin) && g_ascii_strncasecmp(answer, "y", 1) == 0)
        return TRUE;
    sinter_img_error("Nothing was changed");
    return FALSE;
}
