/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/sinter-properties.h"
#include "sinter-table.h"

G_BEGIN_DECLS

/* An incident as text. All functions take the properties of an Incident and are pure. */

/* Returns whether the incident is open. */
gboolean sinter_incident_text_is_open(const SinterProperties *incident);

/* The table of incidents. */
SinterTable *sinter_incident_text_table_new(void);
void sinter_incident_text_add_row(SinterTable *table, const SinterProperties *incident);

/* (transfer full): all about one incident: properties, evidence, and the timeline */
char *sinter_incident_text_details(const SinterProperties *incident);

G_END_DECLS
