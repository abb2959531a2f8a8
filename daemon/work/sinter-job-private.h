/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"

G_BEGIN_DECLS

typedef struct _SinterJob SinterJob; /* see sinter-job.h */

/* The functions of a job that only the executor may call. */

/* @context: func and user_data are ignored, the job sets its own. @record: (transfer full) */
SinterJob *sinter_job_new(const SinterJobContext *context, SinterJobRecord *record);

/* The budgets have a place: the job may begin. If called again, the job checks again whether what
 * it waits for is available. */
void sinter_job_admit(SinterJob *self);

/* Returns whether the job was admitted, or taken over while running: it then counts in the
 * budgets. */
gboolean sinter_job_is_admitted(SinterJob *self);

void sinter_job_post_event(SinterJob *self, const SinterEvent *event);

/* Ends the thread without touching the block job. No signal is emitted after this. */
void sinter_job_ask_to_stop(SinterJob *self);

/* … and waits for it until @deadline_usec (monotonic) at most. FALSE if it has not ended: then the
 * job is kept alive for the thread. */
gboolean sinter_job_stop(SinterJob *self, gint64 deadline_usec);

G_END_DECLS
