/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plan.h"

G_BEGIN_DECLS

/**
 * SinterPlanRequest: what is wanted. All strings are (transfer none) and nullable.
 *
 * @disk: a target; %NULL for every disk of the domain. A disk that was not asked for by name and
 *   that is no candidate (a CD-ROM, read-only, a single layer) gets no part in the plan, unless
 *   then nothing would be left.
 * @operation_set, @operation: which block job; unset: the planner chooses (consolidation)
 * @keep: consolidation: how many of the newest snapshots stay as layers of their own; not with
 *   @top or @pull
 * @top: the highest layer to merge: a path, a file name that is unique in the chain, "vda[3]",
 *   or a snapshot's name; %NULL for the active layer
 * @base: likewise, what is merged into (commit) or kept below (pull); %NULL for the bottom
 *   (commit), nothing (pull)
 * @pull: consolidate upward, into the active layer
 * @keep_files: leave merged files (and say so in the steps); after a pull they keep their
 *   snapshots as well
 * @destination …: of a copy, see SinterDiskPlan
 */
typedef struct {
    const char *disk;
    gboolean operation_set;
    SinterOperation operation;
    guint keep;
    const char *top;
    const char *base;
    gboolean pull;
    gboolean keep_files;
    const char *destination;
    const char *destination_format;
    gboolean shallow;
    gboolean reuse_external;
    gboolean pivot;
} SinterPlanRequest;

G_END_DECLS
