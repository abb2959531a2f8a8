/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-observation.h"
#include "sinter-plan.h"

G_BEGIN_DECLS

/* Compares a chain with the plan's two. Blocking: paths that differ are compared by identity. */
SinterChainState sinter_chain_compare(const SinterDiskPlan *plan, char *const *chain);

/* Whether the mirror on @disk, if its image is known, writes to what the plan's would. Blocking. */
gboolean sinter_chain_is_our_mirror(const SinterDiskPlan *plan, const SinterDisk *disk);

G_END_DECLS
