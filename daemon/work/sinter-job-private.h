/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"

G_BEGIN_DECLS

typedef struct _SinterJob SinterJob; /* see sinter-job.h */

/* What only the executor may do with a job. */

/* @context: func and user_data are ignored, the job puts its own. @record: (transfer full) */
SinterJob *sinter_job_new(const SinterJobContext *context, SinterJobRecord *record);

/* There is room: the job may begin. Told again it looks whether what it still waits for is there
 * now. */
void sinter_job_admit(SinterJob *self);

/* Whether it was admitted, or taken over in the midst of its work: it counts in the budgets. */
gboolean sinter_job_is_admitted(SinterJob *self);

void sinter_job_post_event(SinterJob *self, const SinterEvent *event);

/* Lets the thread end without touching the block job. No signal comes after. */
void sinter_job_ask_to_stop(SinterJob *self);

/* … and waits for it, until @deadline_usec (monotonic) at most. FALSE when it has not ended: then
 * the job lives on for its sake. */
gboolean sinter_job_stop(SinterJob *self, gint64 deadline_usec);

G_END_DECLS
