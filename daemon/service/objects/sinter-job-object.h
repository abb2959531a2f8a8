/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-dbus.h"
#include "sinter-job.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/* The state of a job at one moment; the values belong to the caller. */
typedef struct {
    const SinterJobRecord *record;
    const SinterJobProgress *progress;
    gboolean cancelable;
} SinterJobState;

/**
 * SinterJobObject:
 *
 * One job on the bus. It receives each change of the job and emits at most four per second, the end
 * at once. Owned by the table of jobs.
 *
 * Signals:
 *  - "finishing": the properties show the end, and Completed follows. Anything that must be sent
 *    before Completed is sent by the handlers.
 */
#define SINTER_TYPE_JOB_OBJECT (sinter_job_object_get_type())
G_DECLARE_FINAL_TYPE(SinterJobObject, sinter_job_object, SINTER, JOB_OBJECT, SinterDBusJobSkeleton)

SinterJobObject *sinter_job_object_new(SinterServiceContext *context, const SinterJobState *state);

/* Updates the object to @state. */
void sinter_job_object_update(SinterJobObject *self, const SinterJobState *state);

/* The job has ended: reads its domain again, then calls sinter_job_object_finish(). */
void sinter_job_object_end(SinterJobObject *self);

/* Shows the end and sends Completed, if the job has ended and this was not done before. */
void sinter_job_object_finish(SinterJobObject *self);

/* @path: (nullable): the object of the job's disk, %NULL if there is none */
void sinter_job_object_set_disk_path(SinterJobObject *self, const char *path);

/* (transfer none): as last updated */
const SinterJobRecord *sinter_job_object_get_record(SinterJobObject *self);

G_END_DECLS
