/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-incident.h"

G_BEGIN_DECLS

/* What the programs of the hook folder are told about an incident. Pure. */

/* (transfer full) (nullable): two equal keys are one notice; %NULL if there is nothing to report
 * yet: the incident has no diagnosis */
char *sinter_incident_notice_get_key(const SinterIncident *incident);

/* (transfer full): the incident as one JSON object, with the members that sinterd(8) describes */
char *sinter_incident_notice_to_json(const SinterIncident *incident);

G_END_DECLS
