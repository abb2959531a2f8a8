/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

#include "sinter-incident.h"

G_BEGIN_DECLS

/**
 * SinterIncidentLog:
 *
 * The incidents of the host: opens one for the first failure of a disk, counts further ones in it,
 * has its cause diagnosed, and closes it when the guest runs again or the domain ends. Reports
 * only; it changes nothing on the host. Main context.
 *
 * Signals:
 *  - "incident-added", "incident-changed", "incident-removed" (const SinterIncident *)
 */
#define SINTER_TYPE_INCIDENT_LOG (sinter_incident_log_get_type())
G_DECLARE_FINAL_TYPE(SinterIncidentLog, sinter_incident_log, SINTER, INCIDENT_LOG, GObject)

/* (transfer full) (nullable): the present state of a domain by UUID */
typedef SinterDomain *(*SinterIncidentLookupFunc)(const char *uuid, gpointer user_data);

/* @uri: libvirt's URI of the connection; @keep: how many resolved incidents are kept */
SinterIncidentLog *sinter_incident_log_new(const char *uri, guint keep,
                                           SinterIncidentLookupFunc lookup, gpointer lookup_data);

/* Reads the records of @dir, which is created if absent. Call once, before the main loop runs:
 * blocking. */
gboolean sinter_incident_log_load(SinterIncidentLog *self, const char *dir, GError **error);

/* Waits until all records are written. Blocking: call after the main loop. */
void sinter_incident_log_stop(SinterIncidentLog *self);

/* Takes an event, with the disk's target. Events that do not concern incidents are ignored. */
void sinter_incident_log_take(SinterIncidentLog *self, const SinterEvent *event);

/* Looks at the state of a domain that was read, for a failure whose event was missed. */
void sinter_incident_log_see(SinterIncidentLog *self, SinterDomain *domain);

/* Opens an incident of no domain, for a state that may lead to failures; the caller resolves it. */
void sinter_incident_log_warn(SinterIncidentLog *self, const SinterDiagnosis *diagnosis);

/* (transfer container) (element-type SinterIncident): ordered by ID */
GPtrArray *sinter_incident_log_list(SinterIncidentLog *self);

/* (transfer none) (nullable): the ID of an open incident of a domain, by UUID */
const char *sinter_incident_log_find_open(SinterIncidentLog *self, const char *uuid);

/* Resolves an open incident. NOT_FOUND if there is none with that ID, BUSY if it is resolved. */
gboolean sinter_incident_log_resolve(SinterIncidentLog *self, const char *id, const char *outcome,
                                     GError **error);

/* Diagnoses an open incident again. NOT_FOUND if there is none with that ID or its domain does not
 * exist, BUSY if it is resolved. */
gboolean sinter_incident_log_retry(SinterIncidentLog *self, const char *id, GError **error);

/* Adds an entry to the timeline of an incident; does nothing if there is none with that ID. @kind:
 * see SinterIncidentEntry. */
void sinter_incident_log_note(SinterIncidentLog *self, const char *id, const char *kind,
                              const char *text);

/* Counts a remedy that is being started, and adds it to the timeline. */
void sinter_incident_log_start_remedy(SinterIncidentLog *self, const char *id, const char *remedy,
                                      const char *text);

/* (transfer full) (nullable): the last failure of an open incident, if it happened since the daemon
 * was started */
SinterEvent *sinter_incident_log_dup_event(SinterIncidentLog *self, const char *id);

/* (transfer none) (nullable) */
const SinterIncident *sinter_incident_log_lookup(SinterIncidentLog *self, const char *id,
                                                 GError **error);

G_END_DECLS
