/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Defines whose code may run in this process: that of root and that of the user of the process. */

#include <glib.h>
#include <sys/stat.h>

G_BEGIN_DECLS

/*
 * Returns whether only root and @user can change the file or folder with status @st: one of the two
 * owns it, and it is not writable by group or others. A folder with the sticky bit may be writable
 * by others, because they cannot replace the files of other users in it.
 */
gboolean sinter_plugin_trust_judge(const struct stat *st, uid_t user);

/*
 * Returns whether only root and the effective user can change or replace the regular file at @path:
 * checks the file and all its parent folders. @path is absolute and has no symbolic links.
 * NOT_AUTHORIZED otherwise, with a message that names the problem.
 */
gboolean sinter_plugin_trust_check(const char *path, GError **error);

G_END_DECLS
