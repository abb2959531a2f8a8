/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-service.h"

G_BEGIN_DECLS

/*
 * The jobs' objects: one for each job that the executor keeps, ended ones too. Main context.
 */

SinterJobTable *sinter_job_table_new(SinterService *service);
void sinter_job_table_free(SinterJobTable *table);

/* Exports @job, where it is not yet. */
void sinter_job_table_add(SinterJobTable *table, SinterJob *job);

void sinter_job_table_remove(SinterJobTable *table, SinterJob *job);

/* The disks of a domain may have come or gone: shows the jobs' Objects anew. */
void sinter_job_table_show_domain(SinterJobTable *table, const char *uuid);

/* (transfer full) (nullable): the path of a job's object; NOT_FOUND when there is none */
char *sinter_job_table_lookup(SinterJobTable *table, const char *id, GError **error);

G_END_DECLS
