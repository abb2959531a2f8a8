/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * sinter_lock_wait_describe:
 * @path: an image that could not be locked
 *
 * Blocking; any thread.
 *
 * Returns: (transfer full): the image and the processes that use it, as the object of a sentence;
 * if no process of this host is known to use it, what can be done
 */
char *sinter_lock_wait_describe(const char *path);

G_END_DECLS
