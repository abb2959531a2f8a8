/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-incident.h"

G_BEGIN_DECLS

/**
 * SinterIncidentWriter:
 *
 * The records of incidents on disk. Loading blocks; saving and removing happen in a thread, in the
 * order of the calls. One thread calls all functions.
 */
typedef struct _SinterIncidentWriter SinterIncidentWriter;

/* Creates @dir (0700) if it is absent. */
SinterIncidentWriter *sinter_incident_writer_new(const char *dir, GError **error);

/* Waits until everything is written. Blocking. */
void sinter_incident_writer_free(SinterIncidentWriter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterIncidentWriter, sinter_incident_writer_free)

/* (transfer full) (element-type SinterIncident): all records, ordered by ID; a bad one is set
 * aside. Blocking: call before the main loop runs. */
GPtrArray *sinter_incident_writer_load(SinterIncidentWriter *self, GError **error);

/* (transfer full) */
char *sinter_incident_writer_new_id(SinterIncidentWriter *self);

/* Saves the incident as it is now. A failure is logged: the incident stays visible until the daemon
 * ends. */
void sinter_incident_writer_save(SinterIncidentWriter *self, const SinterIncident *incident);

void sinter_incident_writer_remove(SinterIncidentWriter *self, const char *id);

G_END_DECLS
