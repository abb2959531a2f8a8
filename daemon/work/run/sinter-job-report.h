/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"

G_BEGIN_DECLS

/* The reports of a job. Called in the job's thread. */

/* Passes record and progress to the context's func. */
void sinter_job_run_publish(SinterJobRun *run, gboolean ended);

void sinter_job_run_log(SinterJobRun *run, GLogLevelFlags level, const char *text);

/* Makes the record durable. */
gboolean sinter_job_run_save(SinterJobRun *run, GError **error);

/* For changes that the next observation would find again: losing them is harmless. */
void sinter_job_run_save_or_log(SinterJobRun *run);

/* Saves durably that @phase begins, before it does. */
gboolean sinter_job_run_enter_phase(SinterJobRun *run, SinterPhase phase, GError **error);

/* Records a sample of the progress and publishes it. */
void sinter_job_run_note_progress(SinterJobRun *run, guint64 done_bytes, guint64 total_bytes);

/* Ends the job in the final @phase. @message: (nullable): why it did not end as done */
void sinter_job_run_finish(SinterJobRun *run, SinterPhase phase, SinterError code,
                           const char *message);

/* Ends the job as failed. */
void sinter_job_run_fail(SinterJobRun *run, const GError *error);

/* The job waits for @what, as the rest of the sentence "waits for"; %NULL: it does not wait.
 * Published if that is new. */
void sinter_job_run_set_waiting(SinterJobRun *run, const char *what);

G_END_DECLS
