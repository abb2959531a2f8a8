/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-bar.h"
#include "bus/sinter-properties.h"
#include "sinter-table.h"

G_BEGIN_DECLS

/* A job as text. All functions take the properties of a Job and are pure; @now_usec is the current
 * time, since the epoch. */

/* Returns whether the job has ended, with any result. */
gboolean sinter_job_text_is_final(const SinterProperties *job);

/* (transfer full): "vm1 vda" */
char *sinter_job_text_label(const SinterProperties *job);

/* (transfer full): "copying 45%" */
char *sinter_job_text_state(const SinterProperties *job);

/* The table of jobs. */
SinterTable *sinter_job_text_table_new(void);
void sinter_job_text_add_row(SinterTable *table, const SinterProperties *job, gint64 now_usec);

/* (transfer full): all properties of one job, one per line */
char *sinter_job_text_details(const SinterProperties *job, gint64 now_usec);

/* @ret_bar points into @job and @label. */
void sinter_job_text_bar(const SinterProperties *job, const char *label, gint64 now_usec,
                         SinterBar *ret_bar);

/* (transfer full): the result of a job that has ended: "committed 1.2 GiB in 3.1 s", "job 7 failed:
 * …" */
char *sinter_job_text_outcome(const SinterProperties *job);

/* Returns the exit status for a job that has ended. */
int sinter_job_text_exit_status(const SinterProperties *job);

G_END_DECLS
