/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whose code may run in this process: that of root, and that of the user that it runs as. */

#include <glib.h>
#include <sys/stat.h>

G_BEGIN_DECLS

/*
 * Whether nobody but root and @user can change the file or folder with status @st: it belongs to
 * one of the two, and neither group nor others may write to it. In a folder with the sticky bit
 * others may write, as they cannot replace what is in it.
 */
gboolean sinter_plugin_trust_judge(const struct stat *st, uid_t user);

/*
 * Whether nobody but root and the effective user can change the regular file at @path or put
 * another one in its place: the file and all folders above it are judged. @path is absolute,
 * without symbolic links. NOT_AUTHORIZED otherwise, naming what is wrong.
 */
gboolean sinter_plugin_trust_check(const char *path, GError **error);

G_END_DECLS
