/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* An open file descriptor, or -1. It is closed at the end of its scope, which preserves errno. */
typedef int SinterFd;
void sinter_fd_clear(SinterFd *fd);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterFd, sinter_fd_clear)

/* Transfers ownership of the descriptor: returns it and sets *fd to -1. */
int sinter_fd_steal(SinterFd *fd);

/**
 * sinter_file_replace_durably:
 * @path: the file to write, in an existing folder
 * @data: its complete new content
 * @len: size of @data in bytes
 * @mode: permission bits of the new file (the umask does not apply)
 *
 * Replaces @path by a file that holds @data. A crash at any moment leaves either the complete old
 * or the complete new content: the function writes to a temporary name in the same folder, syncs
 * the file, renames it and syncs the folder. When it returns %TRUE, the new content is durable. On
 * failure the old file is unchanged and no temporary file is left.
 */
gboolean sinter_file_replace_durably(const char *path, const void *data, gsize len, guint mode,
                                     GError **error);

/* Removes @path and syncs its folder. Succeeds if the file does not exist. */
gboolean sinter_file_remove_durably(const char *path, GError **error);

/* Syncs the folder that contains @path, which makes names created, renamed or removed in it
 * durable. */
gboolean sinter_file_sync_parent(const char *path, GError **error);

/**
 * sinter_file_read_bounded:
 * @max_bytes: a larger file is an error; it is not read partially
 *
 * Returns: (transfer full): the content, followed by a NUL; its length is stored in @ret_len
 * (optional).
 */
char *sinter_file_read_bounded(const char *path, gsize max_bytes, gsize *ret_len, GError **error);

/* Returns the umask of the process, or all bits if it cannot be determined. Any thread. */
guint sinter_file_get_umask(void);

G_END_DECLS
