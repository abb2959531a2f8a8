/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * sinter_worker_sandbox_enter:
 * @n_files: how many images the worker has
 * @uid, @gid: whom to become, with no further group; 0: nobody else. Root must.
 *
 * Gives up, for good, what merging images through descriptors does not need: being root, opening
 * files by name, starting programs, sockets, other processes, executable memory, capabilities, core
 * dumps, and more memory and descriptors than there is use for. Before any second thread.
 *
 * Returns: %FALSE when the kernel did not take all of it: then the worker must not go on.
 */
gboolean sinter_worker_sandbox_enter(guint n_files, guint uid, guint gid, GError **error);

G_END_DECLS
