/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-file.h"

G_BEGIN_DECLS

/**
 * sinter_state_dir_claim:
 * @path: the state folder; made when absent, for its owner only
 * @ret_lock: (out): holds the claim; closing it, or the end of the process, gives it up
 *
 * Claims the folder for this process: what lies in it drives destructive steps, so there is one
 * daemon on it at most, and nobody else may write there.
 *
 * Returns: %FALSE with BUSY when another process has claimed it, NOT_AUTHORIZED when others could
 * change it, or what else stands in the way.
 */
gboolean sinter_state_dir_claim(const char *path, SinterFd *ret_lock, GError **error);

G_END_DECLS
