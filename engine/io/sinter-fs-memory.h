/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What tests set of files in memory, beyond sinter_fs_new_memory(). */

#include "sinter-io.h"

G_BEGIN_DECLS

/*
 * Whether files that are opened from now on say that their blocks can be shared. Bytes are copied
 * all the same: what changes is the way that an operation goes.
 */
void sinter_fs_memory_set_shares(SinterFs *fs, gboolean shares);

G_END_DECLS
