/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"

G_BEGIN_DECLS

/**
 * SinterJobStore:
 *
 * The folder of job records: one "ID.json" per job. Blocking. sinter_job_store_save() may be called
 * from any thread, concurrently for different records; all other functions belong to one thread.
 */
typedef struct _SinterJobStore SinterJobStore;

/* Creates the folder (0700) if it is absent. */
SinterJobStore *sinter_job_store_new(const char *dir, GError **error);
void sinter_job_store_free(SinterJobStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterJobStore, sinter_job_store_free)

/**
 * sinter_job_store_load:
 *
 * Reads every record. A record that cannot be read is logged with its name and renamed to
 * "ID.json.bad", so that it is reported once. New ids are greater than all ids found.
 *
 * Returns: (transfer full) (element-type SinterJobRecord): ordered by id
 */
GPtrArray *sinter_job_store_load(SinterJobStore *store, GError **error);

/* (transfer full): an id that no record in this folder ever had */
char *sinter_job_store_new_id(SinterJobStore *store);

/* Makes the record durable. */
gboolean sinter_job_store_save(SinterJobStore *store, const SinterJobRecord *record,
                               GError **error);

gboolean sinter_job_store_remove(SinterJobStore *store, const char *id, GError **error);

G_END_DECLS
