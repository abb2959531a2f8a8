/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writes the records of incidents. Invariant: one thread writes, in the order of the requests, so
 * the newest state of an incident wins; the main loop never waits for the disk.
 */

#include "sinter-incident-writer.h"

#include <string.h>

#include "sinter-error.h"
#include "sinter-log.h"
#include "sinter-record-dir.h"

struct _SinterIncidentWriter {
    SinterRecordDir *dir;
    GThreadPool *thread;
};

/* @json: NULL to remove the record */
typedef struct {
    char *id;
    char *json;
} Request;

static void
write_in_thread(gpointer data, gpointer user_data)
{
    Request *request = data;
    SinterIncidentWriter *self = user_data;
    g_autoptr(GError) error = NULL;
    gboolean good = request->json
                        ? sinter_record_dir_save(self->dir, request->id, request->json, &error)
                        : sinter_record_dir_remove(self->dir, request->id, &error);

    if (!good)
        sinter_log(G_LOG_LEVEL_WARNING, NULL, "incident %s was not recorded: %s", request->id,
                   error->message);
    g_free(request->id);
    g_free(request->json);
    g_free(request);
}

SinterIncidentWriter *
sinter_incident_writer_new(const char *dir, GError **error)
{
    SinterRecordDir *records = sinter_record_dir_new(dir, "incident", error);
    SinterIncidentWriter *self;

    if (!records)
        return NULL;
    self = g_new0(SinterIncidentWriter, 1);
    self->dir = records;
    self->thread = g_thread_pool_new(write_in_thread, self, 1, FALSE, NULL);
    return self;
}

void
sinter_incident_writer_free(SinterIncidentWriter *self)
{
    if (!self)
        return;
    g_thread_pool_free(self->thread, FALSE, TRUE);
    sinter_record_dir_free(self->dir);
    g_free(self);
}

static gboolean
take_record(const char *id, const char *json, gssize len, gpointer user_data, GError **error)
{
    g_autoptr(SinterIncident) incident = sinter_incident_from_json(json, len, error);

    if (!incident)
        return FALSE;
    if (strcmp(incident->id, id) != 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT, "its ID is %s", incident->id);
        return FALSE;
    }
    g_ptr_array_add(user_data, g_steal_pointer(&incident));
    return TRUE;
}

static int
compare_incidents(gconstpointer a, gconstpointer b)
{
    const SinterIncident *one = *(const SinterIncident *const *)a;
    const SinterIncident *two = *(const SinterIncident *const *)b;

    return sinter_record_dir_compare_ids(one->id, two->id);
}

GPtrArray *
sinter_incident_writer_load(SinterIncidentWriter *self, GError **error)
{
    g_autoptr(GPtrArray) incidents =
        g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))sinter_incident_free);

    if (!sinter_record_dir_load(self->dir, take_record, incidents, error))
        return NULL;
    g_ptr_array_sort(incidents, compare_incidents);
    return g_steal_pointer(&incidents);
}

char *
sinter_incident_writer_new_id(SinterIncidentWriter *self)
{
    return sinter_record_dir_new_id(self->dir);
}

static void
push(SinterIncidentWriter *self, const char *id, char *json)
{
    Request *request = g_new0(Request, 1);

    request->id = g_strdup(id);
    request->json = json;
    g_thread_pool_push(self->thread, request, NULL);
}

void
sinter_incident_writer_save(SinterIncidentWriter *self, const SinterIncident *incident)
{
    push(self, incident->id, sinter_incident_to_json(incident));
}

void
sinter_incident_writer_remove(SinterIncidentWriter *self, const char *id)
{
    push(self, id, NULL);
}
