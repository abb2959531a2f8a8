/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-command.h"
#include "sinter-work-options.h"

G_BEGIN_DECLS

/* The options of commit and pull; pull has only some of them. Those that are accepted because virsh
 * has them are read by nobody. */
typedef struct {
    const char *top;
    const char *base;
    gboolean active;
    gboolean pivot;
    gboolean keep_relative;
    gboolean delete_files;
    SinterBandwidthOptions bandwidth;
    SinterWaitOptions wait;
} SinterMergeOptions;

/* @call: with SinterMergeOptions; @method: "Commit" or "Pull" */
int sinter_block_job_run_merge(const SinterCommandCall *call, const char *method, GError **error);

/**
 * sinter_block_job_run:
 * @call: whose first two operands are a domain and a disk
 * @method: of the Disk
 * @arguments: (nullable): of the method; floating, is consumed
 * @dict: its options; is consumed
 *
 * Starts one block job and follows it: what commit, pull and copy have in common.
 *
 * Returns: the exit status
 */
int sinter_block_job_run(const SinterCommandCall *call, const char *method, GVariant *arguments,
                         GVariantDict *dict, const SinterBandwidthOptions *bandwidth,
                         const SinterWaitOptions *wait, GError **error);

G_END_DECLS
