/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * sinter_worker_sandbox_enter:
 * @n_files: the number of images of the worker
 * @uid, @gid: the user and group to switch to, without supplementary groups; 0: no switch. Root
 *   must switch.
 *
 * Drops permanently what merging images through descriptors does not need: root, opening files by
 * name, starting programs, sockets, other processes, executable memory, capabilities, core dumps,
 * and memory and descriptors beyond the need. Call before any second thread exists.
 *
 * Returns: %FALSE if the kernel refused any of it: the worker must then stop.
 */
gboolean sinter_worker_sandbox_enter(guint n_files, guint uid, guint gid, GError **error);

G_END_DECLS
