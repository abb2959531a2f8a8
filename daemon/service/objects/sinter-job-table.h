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
 * The jobs' objects: one for each job that the executor keeps, ended ones too. Whoever owns the
 * table passes on what happens to the jobs. Main context.
 */
#define SINTER_TYPE_JOB_TABLE (sinter_job_table_get_type())
G_DECLARE_FINAL_TYPE(SinterJobTable, sinter_job_table, SINTER, JOB_TABLE, GObject)

/* @domains: has the objects of the disks that jobs work on */
SinterJobTable *sinter_job_table_new(SinterServiceContext *context, SinterPublisher *publisher,
                                     SinterDomainTable *domains);

/* Exports a new job; nothing happens where it has an object. */
void sinter_job_table_add(SinterJobTable *table, const SinterJobState *state);

/* A job has changed; for a job without an object nothing happens, here and below. */
void sinter_job_table_update(SinterJobTable *table, const SinterJobState *state);

/* A job has ended, which shows when its domain has been read anew. */
void sinter_job_table_end(SinterJobTable *table, const SinterJobState *state);

/* A job is forgotten; where its end does not show yet, it is shown first. */
void sinter_job_table_remove(SinterJobTable *table, const SinterJobState *state);

/* The disks of a domain may have come or gone: shows the jobs' Objects anew. */
void sinter_job_table_show_domain(SinterJobTable *table, const char *uuid);

/* (transfer full) (nullable): the path of a job's object; NOT_FOUND when there is none */
char *sinter_job_table_lookup(SinterJobTable *table, const char *id, GError **error);

G_END_DECLS
