/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plan.h"

G_BEGIN_DECLS

/* The greatest number of readers that a request can name. */
#define SINTER_PLAN_MAX_IGNORED 32

/**
 * SinterPlanRequest: the input of the planner. All strings are (transfer none) and nullable.
 *
 * @disk: a target; %NULL for every disk of the domain. A disk that was not requested by name and
 *   that is no candidate (a CD-ROM, read-only, a single layer) is left out of the plan, unless the
 *   plan would then be empty.
 * @operation_set, @operation: which block job; if unset, the planner chooses (consolidation)
 * @keep: consolidation: how many of the newest snapshots keep their own layer; not with @top or
 *   @pull
 * @top: the highest layer to merge: a path, a file name that is unique in the chain, "vda[3]", or a
 *   snapshot's name; %NULL for the active layer
 * @base: as @top: the layer to merge into (commit) or to keep below (pull); %NULL for the bottom
 *   (commit) or for none (pull)
 * @pull: consolidate upward, into the active layer
 * @keep_files: keep merged files (the steps state it); after a pull they keep their snapshots as
 *   well
 * @ignored_readers: up to the first %NULL: domains (name or UUID) that do not count as possible
 *   readers of an image, although it is unknown what they read
 * @ignore_manager: work on a domain that another program manages
 * @ignore_migrated: work on a domain that was migrated to another host
 * @drop_checkpoints: allow that checkpoints are lost: their metadata is deleted
 * @adopt: take over the READY block job of another program on @disk: the range is that of the job
 * @abort: with @adopt: end the block job and keep the chain, instead of pivoting
 * @level: (nullable): of a repair: "leaks", or "all" (the default)
 * @stopped: of a repair: the domain will be shut off by then
 * @live: of a check: the active layer of a running domain too
 * @delete_snapshot: merge the layers above the states of this snapshot, so that it can be deleted
 * @snapshot_name: of a snapshot: its name; %NULL: the time, in seconds
 * @snapshot_description: likewise
 * @disks: of a snapshot: up to the first %NULL: its disks; none: all that can be written
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
    const char *ignored_readers[SINTER_PLAN_MAX_IGNORED + 1];
    gboolean ignore_manager;
    gboolean ignore_migrated;
    gboolean drop_checkpoints;
    gboolean adopt;
    gboolean abort;
    const char *delete_snapshot;
    const char *snapshot_name;
    const char *snapshot_description;
    const char *disks[SINTER_PLAN_MAX_IGNORED + 1];
    const char *destination;
    const char *destination_format;
    gboolean shallow;
    gboolean reuse_external;
    gboolean pivot;
    gboolean live;
    const char *level;
    gboolean stopped;
} SinterPlanRequest;

G_END_DECLS
