/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"

G_BEGIN_DECLS

/**
 * SinterJobStore:
 *
 * The folder of job records: "ID.json" each. Blocking. sinter_job_store_save() may be called from
 * any thread, for different records at once; the rest belongs to one thread.
 */
typedef struct _SinterJobStore SinterJobStore;

/* Makes the folder (0700) when it is absent. */
SinterJobStore *sinter_job_store_new(const char *dir, GError **error);
void sinter_job_store_free(SinterJobStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterJobStore, sinter_job_store_free)

/**
 * sinter_job_store_load:
 *
 * Reads every record. One that cannot be read is logged, named, and set aside as "ID.json.bad",
 * so that it is met once. Ids go on above all that were seen.
 *
 * Returns: (transfer full) (element-type SinterJobRecord): by id
 */
GPtrArray *sinter_job_store_load(SinterJobStore *store, GError **error);

/* (transfer full): an id that no record ever had in this folder */
char *sinter_job_store_new_id(SinterJobStore *store);

/* Makes the record durable. */
gboolean sinter_job_store_save(SinterJobStore *store, const SinterJobRecord *record,
                               GError **error);

gboolean sinter_job_store_remove(SinterJobStore *store, const char *id, GError **error);

G_END_DECLS
