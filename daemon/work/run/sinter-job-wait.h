/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"

G_BEGIN_DECLS

/* Takes what the mailbox held. In the job's thread. */
SinterHeard sinter_job_run_hear(SinterJobRun *run, const SinterMessage *message);

/* Waits until a message comes that is no SINTER_HEARD_NOTHING, for no longer than @timeout_usec
 * without any message (G_MAXUINT64: without a limit), which is SINTER_HEARD_NEWS as well. */
SinterHeard sinter_job_run_wait(SinterJobRun *run, guint64 timeout_usec);

G_END_DECLS
