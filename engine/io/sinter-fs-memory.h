/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Extensions of sinter_fs_new_memory() for tests. */

#include "sinter-io.h"

G_BEGIN_DECLS

/*
 * Sets whether files opened from now on report that they can share blocks. Bytes are copied in any
 * case; the setting only selects the code path of the operation.
 */
void sinter_fs_memory_set_shares(SinterFs *fs, gboolean shares);

G_END_DECLS
