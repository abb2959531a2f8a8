/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-file.h"

G_BEGIN_DECLS

/**
 * sinter_state_dir_claim:
 * @path: the state folder; created if absent, accessible to its owner only
 * @ret_lock: (out): holds the claim; closing it, or the end of the process, releases it
 *
 * Claims the folder for this process: its content drives destructive steps, so at most one daemon
 * uses it, and no other user may write there.
 *
 * Returns: %FALSE with BUSY if another process has claimed it, NOT_AUTHORIZED if other users could
 * change it, or another error.
 */
gboolean sinter_state_dir_claim(const char *path, SinterFd *ret_lock, GError **error);

G_END_DECLS
