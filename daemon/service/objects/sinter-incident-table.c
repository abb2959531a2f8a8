/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The objects of the incidents. Invariant: an incident that was added and not removed has exactly
 * one object.
 */

#include "sinter-incident-table.h"

#include "sinter-error.h"
#include "sinter-object-path.h"

struct _SinterIncidentTable {
    GObject parent_instance;
    SinterServiceContext *context;
    SinterPublisher *publisher;
    GHashTable *objects; /* id → SinterIncidentObject */
};

G_DEFINE_FINAL_TYPE(SinterIncidentTable, sinter_incident_table, G_TYPE_OBJECT)

SinterIncidentTable *
sinter_incident_table_new(SinterServiceContext *context, SinterPublisher *publisher)
{
    SinterIncidentTable *table = g_object_new(SINTER_TYPE_INCIDENT_TABLE, NULL);

    table->context = g_object_ref(context);
    table->publisher = g_object_ref(publisher);
    return table;
}

void
sinter_incident_table_add(SinterIncidentTable *table, const SinterIncident *incident)
{
    g_autofree char *path = sinter_object_path_incident(incident->id);
    SinterIncidentObject *object;

    if (g_hash_table_contains(table->objects, incident->id))
        return;
    object = sinter_incident_object_new(table->context, incident);
    g_hash_table_insert(table->objects, g_strdup(incident->id), object);
    sinter_publisher_export(table->publisher, path, G_DBUS_INTERFACE_SKELETON(object));
}

void
sinter_incident_table_update(SinterIncidentTable *table, const SinterIncident *incident)
{
    SinterIncidentObject *object = g_hash_table_lookup(table->objects, incident->id);

    if (object)
        sinter_incident_object_update(object, incident);
}

void
sinter_incident_table_remove(SinterIncidentTable *table, const SinterIncident *incident)
{
    g_autofree char *path = sinter_object_path_incident(incident->id);

    sinter_publisher_unexport(table->publisher, path);
    g_hash_table_remove(table->objects, incident->id);
}

char *
sinter_incident_table_lookup(SinterIncidentTable *table, const char *id, GError **error)
{
    if (g_hash_table_contains(table->objects, id))
        return sinter_object_path_incident(id);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "no incident '%.64s'", id);
    return NULL;
}

static void
sinter_incident_table_finalize(GObject *object)
{
    SinterIncidentTable *table = SINTER_INCIDENT_TABLE(object);

    g_hash_table_unref(table->objects);
    g_clear_object(&table->publisher);
    g_clear_object(&table->context);
    G_OBJECT_CLASS(sinter_incident_table_parent_class)->finalize(object);
}

static void
sinter_incident_table_class_init(SinterIncidentTableClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_incident_table_finalize;
}

static void
sinter_incident_table_init(SinterIncidentTable *table)
{
    table->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref);
}
