/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"

G_BEGIN_DECLS

/* Processes a message from the mailbox. Called in the job's thread. */
SinterHeard sinter_job_run_hear(SinterJobRun *run, const SinterMessage *message);

/* Waits until a message means something other than SINTER_HEARD_NOTHING. After @timeout_usec
 * without any message (G_MAXUINT64: no limit) returns SINTER_HEARD_NEWS as well. */
SinterHeard sinter_job_run_wait(SinterJobRun *run, guint64 timeout_usec);

/* When the reading of the domain that the next observation uses must have begun at the earliest
 * (monotonic): when the event arrived that ended the wait; now, if none did. */
gint64 sinter_job_run_take_since(SinterJobRun *run);

G_END_DECLS
