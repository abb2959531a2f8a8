/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Decides whose files may be loaded, by the same rule that sshd uses for its files. Only root and
 * the user can change anything on the path, so the file that is loaded is the file that was
 * checked.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "sinter-error.h"
#include "sinter-plugin-trust.h"

gboolean
sinter_plugin_trust_judge(const struct stat *st, uid_t user)
{
    gboolean is_sticky = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX);

    return (st->st_uid == 0 || st->st_uid == user) &&
           (is_sticky || !(st->st_mode & (S_IWGRP | S_IWOTH)));
}

static gboolean
check_one(const char *path, GError **error)
{
    struct stat st;

    if (lstat(path, &st) < 0) {
        sinter_error_set_errno(error, errno, "looking at '%s'", path);
        return FALSE;
    }
    if (sinter_plugin_trust_judge(&st, geteuid()))
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED,
                "it is not used because other users can change '%s' (user %u, mode %04o): it "
                "must be owned by root%s and not be writable by group or others",
                path, (guint)st.st_uid, (guint)(st.st_mode & 07777),
                geteuid() == 0 ? "" : " or to you");
    return FALSE;
}

gboolean
sinter_plugin_trust_check(const char *path, GError **error)
{
    g_autofree char *at = g_strdup(path);
    struct stat st;

    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                            "it is not a regular file");
        return FALSE;
    }
    while (check_one(at, error)) {
        char *folder = g_path_get_dirname(at);

        if (strcmp(folder, at) == 0) {
            g_free(folder);
            return TRUE;
        }
        g_free(at);
        at = folder;
    }
    return FALSE;
}
