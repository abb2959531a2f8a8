/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Looks at the file of a temporary overlay. Invariant: a file that cannot be examined counts as
 * used. */

#include "sinter-overlay-look.h"

#include "sinter-error.h"
#include "sinter-file.h"

#include <errno.h>
#include <sinter/lock.h>
#include <sys/stat.h>

SinterOverlayUse
sinter_overlay_look(const char *path)
{
    g_autoptr(GPtrArray) holders = NULL;
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? SINTER_OVERLAY_ABSENT : SINTER_OVERLAY_USED;
    holders = S_ISREG(st.st_mode) ? sinter_lock_list(path, NULL) : NULL;
    return holders && holders->len == 0 ? SINTER_OVERLAY_FREE : SINTER_OVERLAY_USED;
}

gboolean
sinter_overlay_remove(const char *path, GError **error)
{
    if (sinter_overlay_look(path) != SINTER_OVERLAY_USED)
        return sinter_file_remove_durably(path, error);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_LOCKED, "'%s' is in use", path);
    return FALSE;
}
