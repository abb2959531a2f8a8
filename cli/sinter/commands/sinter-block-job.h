/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-command.h"
#include "sinter-work-options.h"

G_BEGIN_DECLS

/* A block job to be started. */
typedef struct {
    const char *method;    /* of the Disk */
    GVariant *arguments;   /* (nullable): of the method; floating, consumed */
    GVariantDict *options; /* of the method; consumed */
    const SinterBandwidthOptions *bandwidth;
    const SinterWaitOptions *wait;
} SinterBlockJob;

/**
 * sinter_block_job_run:
 * @call: its first two operands are a domain and a disk
 *
 * Starts one block job and follows it. Common to commit, pull and copy.
 *
 * Returns: the exit status
 */
int sinter_block_job_run(const SinterCommandCall *call, const SinterBlockJob *job, GError **error);

G_END_DECLS
