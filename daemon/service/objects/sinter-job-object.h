/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-dbus.h"
#include "sinter-service.h"

G_BEGIN_DECLS

/**
 * SinterJobObject:
 *
 * One job on the bus. Follows its job and passes on at most four changes a second, the end at
 * once. Belongs to the table of jobs.
 */
#define SINTER_TYPE_JOB_OBJECT (sinter_job_object_get_type())
G_DECLARE_FINAL_TYPE(SinterJobObject, sinter_job_object, SINTER, JOB_OBJECT, SinterDBusJobSkeleton)

SinterJobObject *sinter_job_object_new(SinterService *service, SinterJob *job);

/* (transfer none) */
SinterJob *sinter_job_object_get_job(SinterJobObject *self);

/* Shows the end and sends Completed, where the job has ended and that is still to be told. */
void sinter_job_object_finish(SinterJobObject *self);

/* Whether the disk that it works on has an object may be another matter now. */
void sinter_job_object_show_disk(SinterJobObject *self);

G_END_DECLS
