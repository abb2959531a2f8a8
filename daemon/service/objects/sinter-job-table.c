/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The objects of the jobs. Invariant: a job that was added and not removed has exactly one object;
 * the object of a job that has not ended and the object of its disk name each other.
 */

#include "sinter-job-table.h"

#include "sinter-error.h"
#include "sinter-object-path.h"

struct _SinterJobTable {
    GObject parent_instance;
    SinterServiceContext *context;
    SinterPublisher *publisher;
    SinterDomainTable *domains;
    GHashTable *objects; /* id → SinterJobObject */
};

G_DEFINE_FINAL_TYPE(SinterJobTable, sinter_job_table, G_TYPE_OBJECT)

SinterJobTable *
sinter_job_table_new(SinterServiceContext *context, SinterPublisher *publisher,
                     SinterDomainTable *domains)
{
    SinterJobTable *table = g_object_new(SINTER_TYPE_JOB_TABLE, NULL);

    table->context = g_object_ref(context);
    table->publisher = g_object_ref(publisher);
    table->domains = g_object_ref(domains);
    return table;
}

static void
sinter_job_table_finalize(GObject *object)
{
    SinterJobTable *table = SINTER_JOB_TABLE(object);

    g_hash_table_unref(table->objects);
    g_clear_object(&table->domains);
    g_clear_object(&table->publisher);
    g_clear_object(&table->context);
    G_OBJECT_CLASS(sinter_job_table_parent_class)->finalize(object);
}

static void
sinter_job_table_class_init(SinterJobTableClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_job_table_finalize;
}

static void
sinter_job_table_init(SinterJobTable *table)
{
    table->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref);
}

static void
show_disk(SinterJobTable *table, SinterJobObject *object)
{
    const SinterJobRecord *record = sinter_job_object_get_record(object);
    g_autofree char *path = NULL;

    if (sinter_domain_table_has_disk(table->domains, record->domain_uuid, record->plan->disk))
        path = sinter_object_path_disk(record->domain_uuid, record->plan->disk);
    sinter_job_object_set_disk_path(object, path);
}

/* The disk's object shows the end of the job before the job's own object does. */
static void
on_finishing(SinterJobObject *object, SinterJobTable *table)
{
    const SinterJobRecord *record = sinter_job_object_get_record(object);

    show_disk(table, object);
    sinter_domain_table_settle_disk(table->domains, record->domain_uuid, record->plan->disk);
}

void
sinter_job_table_add(SinterJobTable *table, const SinterJobState *state)
{
    const SinterJobRecord *record = state->record;
    g_autofree char *path = NULL;
    SinterJobObject *object;

    if (g_hash_table_contains(table->objects, record->id))
        return;
    object = sinter_job_object_new(table->context, state);
    show_disk(table, object);
    g_signal_connect_object(object, "finishing", G_CALLBACK(on_finishing), table, 0);
    g_hash_table_insert(table->objects, g_strdup(record->id), object);
    path = sinter_object_path_job(record->id);
    sinter_publisher_export(table->publisher, path, G_DBUS_INTERFACE_SKELETON(object));
    sinter_domain_table_show_job(table->domains, record->domain_uuid, record->plan->disk);
}

void
sinter_job_table_update(SinterJobTable *table, const SinterJobState *state)
{
    const SinterJobRecord *record = state->record;
    SinterJobObject *object = g_hash_table_lookup(table->objects, record->id);
    gboolean had_ended;

    if (!object)
        return;
    had_ended = sinter_phase_is_final(sinter_job_object_get_record(object)->phase);
    sinter_job_object_update(object, state);
    if (had_ended && !sinter_phase_is_final(record->phase))
        sinter_domain_table_show_job(table->domains, record->domain_uuid, record->plan->disk);
}

void
sinter_job_table_end(SinterJobTable *table, const SinterJobState *state)
{
    SinterJobObject *object = g_hash_table_lookup(table->objects, state->record->id);

    if (!object)
        return;
    sinter_job_object_update(object, state);
    sinter_job_object_end(object);
}

void
sinter_job_table_remove(SinterJobTable *table, const SinterJobState *state)
{
    const char *id = state->record->id;
    SinterJobObject *object = g_hash_table_lookup(table->objects, id);
    g_autofree char *path = sinter_object_path_job(id);

    if (!object)
        return;
    sinter_job_object_update(object, state);
    sinter_job_object_finish(object); /* a job may be trimmed at the moment of its end */
    sinter_publisher_unexport(table->publisher, path);
    g_hash_table_remove(table->objects, id);
}

void
sinter_job_table_show_domain(SinterJobTable *table, const char *uuid)
{
    GHashTableIter iter;
    gpointer object;

    g_hash_table_iter_init(&iter, table->objects);
    while (g_hash_table_iter_next(&iter, NULL, &object)) {
        if (g_strcmp0(sinter_job_object_get_record(object)->domain_uuid, uuid) == 0)
            show_disk(table, object);
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
