/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-incident-object.h"
#include "sinter-publisher.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/**
 * SinterIncidentTable:
 *
 * The objects of the incidents. The owner of the table calls it for each change of an incident.
 * Main context.
 */
#define SINTER_TYPE_INCIDENT_TABLE (sinter_incident_table_get_type())
G_DECLARE_FINAL_TYPE(SinterIncidentTable, sinter_incident_table, SINTER, INCIDENT_TABLE, GObject)

SinterIncidentTable *sinter_incident_table_new(SinterServiceContext *context,
                                               SinterPublisher *publisher);

/* Exports a new incident. The functions below do nothing for an incident without an object. */
void sinter_incident_table_add(SinterIncidentTable *table, const SinterIncident *incident);
void sinter_incident_table_update(SinterIncidentTable *table, const SinterIncident *incident);
void sinter_incident_table_remove(SinterIncidentTable *table, const SinterIncident *incident);

/* (transfer full) (nullable): the path of an incident's object; NOT_FOUND if there is none */
char *sinter_incident_table_lookup(SinterIncidentTable *table, const char *id, GError **error);

G_END_DECLS
