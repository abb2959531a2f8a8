/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* An open file descriptor, or -1, that closes itself at the end of its scope. Keeps errno. */
typedef int SinterFd;
void sinter_fd_clear(SinterFd *fd);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterFd, sinter_fd_clear)

/* Gives the descriptor away: returns it and leaves -1 behind. */
int sinter_fd_steal(SinterFd *fd);

/**
 * sinter_file_replace_durably:
 * @path: the file to write, in an existing folder
 * @data: its whole new content
 * @len: bytes of @data
 * @mode: permission bits of the new file (the umask does not apply)
 *
 * Replaces @path by a file that holds @data so that a crash at any moment leaves the old or the
 * new content whole: write to a temporary name in the same folder, fsync, rename, fsync of the
 * folder. When it returns %TRUE the new content is durable. On failure the old file stands and no
 * temporary file is left.
 */
gboolean sinter_file_replace_durably(const char *path, const void *data, gsize len, guint mode,
                                     GError **error);

/* Removes @path and syncs its folder. A file that is gone already is a success. */
gboolean sinter_file_remove_durably(const char *path, GError **error);

/* Syncs the folder that holds @path, so that names made, renamed or removed in it are durable. */
gboolean sinter_file_sync_parent(const char *path, GError **error);

/**
 * sinter_file_read_bounded:
 * @max_bytes: a larger file is an error, not a partial read
 *
 * Returns: (transfer full): the content, with a NUL after it; its length in @ret_len (optional).
 */
char *sinter_file_read_bounded(const char *path, gsize max_bytes, gsize *ret_len, GError **error);

/* The bits that the process's umask takes away. Any thread; all of them where it cannot be told. */
guint sinter_file_get_umask(void);

G_END_DECLS
