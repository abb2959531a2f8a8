/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which jobs have objects. What holds: a job of the executor has exactly one, and the disk that an
 * unended job works on names it.
 */

#include "sinter-job-table.h"

#include "sinter-domain-table.h"
#include "sinter-job-object.h"
#include "sinter-object-path.h"

struct _SinterJobTable {
    SinterService *service; /* owns us */
    GHashTable *objects;    /* id → SinterJobObject */
};

SinterJobTable *
sinter_job_table_new(SinterService *service)
{
    SinterJobTable *table = g_new0(SinterJobTable, 1);

    table->service = service;
    table->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref);
    return table;
}

void
sinter_job_table_free(SinterJobTable *table)
{
    if (!table)
        return;
    g_hash_table_unref(table->objects);
    g_free(table);
}

void
sinter_job_table_add(SinterJobTable *table, SinterJob *job)
{
    const SinterJobRecord *record = sinter_job_get_record(job);
    g_autofree char *path = NULL;
    SinterJobObject *object;

    if (g_hash_table_contains(table->objects, record->id))
        return;
    object = sinter_job_object_new(table->service, job);
    g_hash_table_insert(table->objects, g_strdup(record->id), object);
    path = sinter_object_path_job(record->id);
    sinter_service_export(table->service, path, G_DBUS_INTERFACE_SKELETON(object));
    sinter_domain_table_show_job(sinter_service_get_domains(table->service), record->domain_uuid,
                                 record->plan->disk);
}

void
sinter_job_table_remove(SinterJobTable *table, SinterJob *job)
{
    const char *id = sinter_job_get_record(job)->id;
    SinterJobObject *object = g_hash_table_lookup(table->objects, id);
    g_autofree char *path = sinter_object_path_job(id);

    if (!object)
        return;
    sinter_job_object_finish(object); /* a job may be trimmed at the moment of its end */
    sinter_service_unexport(table->service, path);
    g_hash_table_remove(table->objects, id);
}

void
sinter_job_table_show_domain(SinterJobTable *table, const char *uuid)
{
    GHashTableIter iter;
    gpointer object;

    g_hash_table_iter_init(&iter, table->objects);
    while (g_hash_table_iter_next(&iter, NULL, &object)) {
        SinterJob *job = sinter_job_object_get_job(object);

        if (g_strcmp0(sinter_job_get_record(job)->domain_uuid, uuid) == 0)
            sinter_job_object_show_disk(object);
    }
}

char *
sinter_job_table_lookup(SinterJobTable *table, const char *id, GError **error)
{
    if (g_hash_table_contains(table->objects, id))
        return sinter_object_path_job(id);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "no job '%.64s'", id);
    return NULL;
}
