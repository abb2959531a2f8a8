/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-run.h"

G_BEGIN_DECLS

/*
 * What a job does where no QEMU has its images open: the steps of sinter-live-job.c's loop that
 * differ. All in the job's thread; each returns when the world should be looked at again.
 */

/* Merges, in a sinter-worker, and lets the definition follow; or waits, where an image is in use;
 * or ends the job as failed. */
void sinter_offline_job_merge(SinterLiveJob *self);

/* The domain runs: waits until it is shut off. */
void sinter_offline_job_wait(SinterLiveJob *self);

/* Tells of snapshots whose state lay in an image that was merged into in part. */
void sinter_offline_job_warn_of_part(SinterLiveJob *self);

G_END_DECLS
