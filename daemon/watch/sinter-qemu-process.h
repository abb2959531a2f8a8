/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The QEMU process of a domain, in /proc. Blocking, any thread. */

/**
 * sinter_qemu_process_find:
 * @uri: libvirt's URI of the connection
 * @name: the domain's name
 *
 * Returns: (transfer full) (nullable): the process ID as libvirt stored it; %NULL if it is not
 * known
 */
char *sinter_qemu_process_find(const char *uri, const char *name);

/* Returns whether the process is stopped, by a signal or a debugger. */
gboolean sinter_qemu_process_is_stopped(const char *pid);

/* (transfer full) (nullable): the text of a small file without surrounding white space */
char *sinter_qemu_process_read_line(const char *path);

/**
 * sinter_qemu_process_get_open:
 * @pid: the process
 * @path: absolute path of an image
 * @ret_path: (out) (transfer full): the path in /proc of the descriptor by which the process has
 *   @path open
 * @ret_deleted: (out): whether the name was removed since
 *
 * Returns: whether there is such a descriptor that can be seen
 */
gboolean sinter_qemu_process_get_open(const char *pid, const char *path, char **ret_path,
                                      gboolean *ret_deleted);

/* Returns the size of files that the process may write, in bytes; 0 for no limit or if it cannot be
 * read. */
guint64 sinter_qemu_process_get_file_limit(const char *pid);

/* Returns whether the effective user and group of the process can be read. */
gboolean sinter_qemu_process_get_user(const char *pid, guint *ret_uid, guint *ret_gid);

G_END_DECLS
