/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"

G_BEGIN_DECLS

/**
 * SinterJobRun:
 *
 * One job of any kind, running in its own thread: observe the host, decide the next step, record
 * it, do it, wait for an event, observe again. The thread blocks in libvirt and in the file system
 * so that the main loop does not have to; it receives messages from the main context through a
 * mailbox, and reports to it through one callback.
 */

/* @kind: (unowned): static. @record: (transfer full): of a new job (QUEUED) or one that is taken
 *   over */
SinterJobRun *sinter_job_run_start(const SinterJobContext *context, const SinterJobKind *kind,
                                   SinterJobRecord *record);

/* (transfer none): where any thread may post messages to the job */
SinterMailbox *sinter_job_run_get_mailbox(SinterJobRun *run);

/* Like sinter_job_run_join(), but waits at most until @deadline_usec (monotonic). FALSE if the
 * thread is still blocked in libvirt then: it is abandoned, with everything that it uses. */
gboolean sinter_job_run_join_until(SinterJobRun *run, gint64 deadline_usec);

/* Waits for the end of the thread (after its end was published, or after STOP was posted) and
 * frees. Accepts %NULL. */
void sinter_job_run_join(SinterJobRun *run);

G_END_DECLS
