/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-observation.h"
#include "sinter-plan.h"

G_BEGIN_DECLS

/* Compares a chain with the plan's chains before and after the job. Blocking: paths that differ are
 * compared by file identity. */
SinterChainState sinter_chain_compare(const SinterDiskPlan *plan, char *const *chain);

/* Returns whether the mirror on @disk writes to the image that the plan's block job writes to; TRUE
 * if its image is unknown. Blocking. */
gboolean sinter_chain_is_our_mirror(const SinterDiskPlan *plan, const SinterDisk *disk);

/* Compares what is below overlays that are in neither chain of @plan: another program has put them
 * on the disk. OTHER if there are none, or if the rest is neither chain. Blocking. */
SinterChainState sinter_chain_compare_covered(const SinterDiskPlan *plan, char *const *chain);

G_END_DECLS
