/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"

G_BEGIN_DECLS

/**
 * SinterJobRun:
 *
 * The run of one job of any kind, in a thread of its own: observe the host, decide the next step,
 * write it down, do it, wait for an event, observe again. The thread blocks in libvirt and in the
 * file system so that the main loop need not; it hears from the main context through a mailbox, and
 * reports to it through one callback.
 */

/* @kind: (unowned): static. @record: (transfer full): a new job's (QUEUED) or one that is taken
 * over */
SinterJobRun *sinter_job_run_start(const SinterJobContext *context, const SinterJobKind *kind,
                                   SinterJobRecord *record);

/* (transfer none): where to post to; any thread */
SinterMailbox *sinter_job_run_get_mailbox(SinterJobRun *run);

/* Like sinter_job_run_join(), but no longer than until @deadline_usec (monotonic). A thread that
 * libvirt does not let return by then is left to itself, with all that it uses: FALSE. */
gboolean sinter_job_run_join_until(SinterJobRun *run, gint64 deadline_usec);

/* Waits for the thread's end (after its end was published, or after STOP was posted) and frees.
 * Accepts %NULL. */
void sinter_job_run_join(SinterJobRun *run);

G_END_DECLS
