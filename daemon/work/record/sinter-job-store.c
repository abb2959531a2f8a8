/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The job records in their directory. Invariant: a record whose ID differs from the name of its
 * file is never used.
 */

#include "sinter-job-store.h"

#include "sinter-record-dir.h"

#include <string.h>

struct _SinterJobStore {
    SinterRecordDir *dir;
};

SinterJobStore *
sinter_job_store_new(const char *dir, GError **error)
{
    SinterRecordDir *records = sinter_record_dir_new(dir, "job", error);
    SinterJobStore *store;

    if (!records)
        return NULL;
    store = g_new0(SinterJobStore, 1);
    store->dir = records;
    return store;
}

void
sinter_job_store_free(SinterJobStore *store)
{
    if (!store)
        return;
    sinter_record_dir_free(store->dir);
    g_free(store);
}

static gboolean
take_record(const char *id, const char *json, gssize len, gpointer user_data, GError **error)
{
    g_autoptr(SinterJobRecord) record = sinter_job_record_from_json(json, len, error);

    if (!record)
        return FALSE;
    if (strcmp(record->id, id) != 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT, "its ID is %s", record->id);
        return FALSE;
    }
    g_ptr_array_add(user_data, g_steal_pointer(&record));
    return TRUE;
}

static int
compare_records(gconstpointer a, gconstpointer b)
{
    const SinterJobRecord *one = *(const SinterJobRecord *const *)a;
    const SinterJobRecord *two = *(const SinterJobRecord *const *)b;

    return sinter_record_dir_compare_ids(one->id, two->id);
}

GPtrArray *
sinter_job_store_load(SinterJobStore *store, GError **error)
{
    g_autoptr(GPtrArray) records =
        g_ptr_array_new_with_free_func((GDestroyNotify)sinter_job_record_free);

    if (!sinter_record_dir_load(store->dir, take_record, records, error))
        return NULL;
    g_ptr_array_sort(records, compare_records);
    return g_steal_pointer(&records);
}

char *
sinter_job_store_new_id(SinterJobStore *store)
{
    return sinter_record_dir_new_id(store->dir);
}

gboolean
sinter_job_store_save(SinterJobStore *store, const SinterJobRecord *record, GError **error)
{
    g_autofree char *json = sinter_job_record_to_json(record);

    return sinter_record_dir_save(store->dir, record->id, json, error);
}

gboolean
sinter_job_store_remove(SinterJobStore *store, const char *id, GError **error)
{
    return sinter_record_dir_remove(store->dir, id, error);
}
