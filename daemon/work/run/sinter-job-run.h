/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-store.h"
#include "sinter-job.h"
#include "sinter-mailbox.h"
#include "sinter-space-ledger.h"
#include "sinter-virt.h"

G_BEGIN_DECLS

/**
 * SinterLiveJob:
 *
 * The story of one job, told in a thread of its own: look at the world, decide the next step
 * (sinter-reconcile), write it down, do it, wait for what libvirt says, or a worker where the
 * domain is shut off (sinter-offline-job), look again. The thread blocks in libvirt so that the
 * main loop need not; it hears from the main context through a mailbox and speaks to it through one
 * callback.
 */
typedef struct _SinterLiveJob SinterLiveJob;

/**
 * SinterLiveJobFunc:
 * @record: (transfer none): the job as it now is
 * @progress: (transfer none): how far the copying is
 * @ended: %TRUE once, as the last call: the record is final and durable; where it cannot be
 *  written, an older one does not stand either
 *
 * Called in the job's thread.
 */
typedef void (*SinterLiveJobFunc)(const SinterJobRecord *record, const SinterJobProgress *progress,
                                  gboolean ended, gpointer user_data);

typedef struct {
    SinterVirt *virt;          /* (unowned) outlives the thread */
    SinterJobStore *store;     /* (unowned) likewise */
    SinterSpaceLedger *ledger; /* (unowned) (nullable) likewise */
    guint64 patience_usec;     /* see sinter-convergence.h */
    guint64 max_pause_usec;
    guint64 poll_usec;          /* between two looks at the progress */
    guint64 retry_usec;         /* before what failed is tried again where no event may tell */
    const char *worker_program; /* (nullable): sinter-worker, where not beside the daemon */
    SinterLiveJobFunc func;
    gpointer user_data;
} SinterLiveJobContext;

/* @record: (transfer full): a new job's (QUEUED) or one that is taken over */
SinterLiveJob *sinter_live_job_start(const SinterLiveJobContext *context, SinterJobRecord *record);

/* (transfer none): where to post to; any thread */
SinterMailbox *sinter_live_job_get_mailbox(SinterLiveJob *self);

/* Like sinter_live_job_join(), but no longer than until @deadline_usec (monotonic). A thread that
 * libvirt does not let return by then is left to itself, with all that it uses: FALSE. */
gboolean sinter_live_job_join_until(SinterLiveJob *self, gint64 deadline_usec);

/* Waits for the thread's end (after its end was told, or after STOP was posted) and frees. */
void sinter_live_job_join(SinterLiveJob *self);

G_END_DECLS
