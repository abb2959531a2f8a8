/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-dbus.h"
#include "sinter-incident.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/**
 * SinterIncidentObject:
 *
 * An incident on the bus. Owned by the table of incidents. Main context.
 */
#define SINTER_TYPE_INCIDENT_OBJECT (sinter_incident_object_get_type())
G_DECLARE_FINAL_TYPE(SinterIncidentObject, sinter_incident_object, SINTER, INCIDENT_OBJECT,
                     SinterDBusIncidentSkeleton)

SinterIncidentObject *sinter_incident_object_new(SinterServiceContext *context,
                                                 const SinterIncident *incident);

/* Shows the incident as it is now. */
void sinter_incident_object_update(SinterIncidentObject *self, const SinterIncident *incident);

G_END_DECLS
