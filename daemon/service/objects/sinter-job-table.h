/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-domain-table.h"
#include "sinter-job-object.h"
#include "sinter-publisher.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/**
 * SinterJobTable:
 *
 * The objects of the jobs: one for each job that the executor keeps, including ended ones. The
 * owner of the table calls it for each change of a job. Main context.
 */
#define SINTER_TYPE_JOB_TABLE (sinter_job_table_get_type())
G_DECLARE_FINAL_TYPE(SinterJobTable, sinter_job_table, SINTER, JOB_TABLE, GObject)

/* @domains: has the objects of the jobs' disks */
SinterJobTable *sinter_job_table_new(SinterServiceContext *context, SinterPublisher *publisher,
                                     SinterDomainTable *domains);

/* Exports a new job; does nothing if the job already has an object. */
void sinter_job_table_add(SinterJobTable *table, const SinterJobState *state);

/* A job has changed. This and the functions below do nothing for a job without an object. */
void sinter_job_table_update(SinterJobTable *table, const SinterJobState *state);

/* A job has ended; its object shows that after its domain has been read again. */
void sinter_job_table_end(SinterJobTable *table, const SinterJobState *state);

/* A job is removed; if its end is not shown yet, it is shown first. */
void sinter_job_table_remove(SinterJobTable *table, const SinterJobState *state);

/* Disks of the domain may have been added or removed: updates the Object properties of its jobs. */
void sinter_job_table_show_domain(SinterJobTable *table, const char *uuid);

/* (transfer full) (nullable): the path of a job's object; NOT_FOUND if there is none */
char *sinter_job_table_lookup(SinterJobTable *table, const char *id, GError **error);

G_END_DECLS
