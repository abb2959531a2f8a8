/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-dbus.h"
#include "sinter-job.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/* A job as it is at one moment; the values belong to whoever passes them. */
typedef struct {
    const SinterJobRecord *record;
    const SinterJobProgress *progress;
    gboolean cancelable;
} SinterJobState;

/**
 * SinterJobObject:
 *
 * One job on the bus. It is told of each change of the job, and passes on at most four a second,
 * the end at once. Belongs to the table of jobs.
 *
 * Signals:
 *  - "finishing": the properties show the end, and Completed comes next. What else is to be on the
 *    bus before Completed is sent now.
 */
#define SINTER_TYPE_JOB_OBJECT (sinter_job_object_get_type())
G_DECLARE_FINAL_TYPE(SinterJobObject, sinter_job_object, SINTER, JOB_OBJECT, SinterDBusJobSkeleton)

SinterJobObject *sinter_job_object_new(SinterServiceContext *context, const SinterJobState *state);

/* The job is now as @state says. */
void sinter_job_object_update(SinterJobObject *self, const SinterJobState *state);

/* The job has ended: reads its domain anew, then sinter_job_object_finish(). */
void sinter_job_object_end(SinterJobObject *self);

/* Shows the end and sends Completed, where the job has ended and this was not done yet. */
void sinter_job_object_finish(SinterJobObject *self);

/* @path: (nullable): the object of the disk that it works on, %NULL when there is none */
void sinter_job_object_set_disk_path(SinterJobObject *self, const char *path);

/* (transfer none): as it was told last */
const SinterJobRecord *sinter_job_object_get_record(SinterJobObject *self);

G_END_DECLS
