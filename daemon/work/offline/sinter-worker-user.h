/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * sinter_worker_user_find:
 * @ret_uid: 0 where we are not root, and cannot be anybody else
 *
 * Who a sinter-worker that we start is to become: the host's user for it; nobody where the host has
 * none, which is logged once; never root. May ask the network for the user: not in the main thread.
 */
void sinter_worker_user_find(guint *ret_uid, guint *ret_gid);

/* The same for a user by name, whoever we are. Returns whether the host has it and it is not root:
 * else it is nobody. */
gboolean sinter_worker_user_look_up(const char *name, guint *ret_uid, guint *ret_gid);

G_END_DECLS
