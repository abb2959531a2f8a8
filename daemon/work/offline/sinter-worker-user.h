/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * sinter_worker_user_find:
 * @ret_uid: 0 if the daemon is not root and cannot switch users
 *
 * Finds the user that a sinter-worker switches to: the host's user for it, or nobody if the host
 * has none, which is logged once; never root. May look the user up over the network: do not call in
 * the main thread.
 */
void sinter_worker_user_find(guint *ret_uid, guint *ret_gid);

/* Looks a user up by name, whichever user the daemon runs as. Returns whether the user exists and
 * is not root; otherwise the result is nobody. */
gboolean sinter_worker_user_look_up(const char *name, guint *ret_uid, guint *ret_gid);

G_END_DECLS
