/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-diagnosis.h"

G_BEGIN_DECLS

/* Timeline entries beyond this number replace the second oldest: the first one stays. */
#define SINTER_INCIDENT_MAX_ENTRIES 100

/**
 * SinterIncidentEntry:
 * @time_usec: microseconds since the epoch
 * @kind: "event", "diagnosis", "proposal", "remedy" or "outcome"
 * @text: one line
 */
typedef struct {
    gint64 time_usec;
    char *kind;
    char *text;
} SinterIncidentEntry;

/**
 * SinterIncident:
 * @id: a decimal number
 * @domain_uuid: the domain
 * @domain_name: its name at the first event
 * @disk: target of the disk; "" if it is not known
 * @first_usec: time of the first event, microseconds since the epoch
 * @last_usec: time of the last event
 * @n_events: number of events that were reported
 * @paused: the guest is suspended because of it
 * @resolved_usec: when it was resolved; 0 while it is open
 * @outcome: how it was resolved, one line; "" while it is open
 * @cause: name of the cause (SinterCause); "" before the first diagnosis
 * @layer: path or description of the image that the cause is about; "" if it is not known
 * @summary: the diagnosis in one line
 * @advice: what to do, one line
 * @evidence: (element-type utf8): what the diagnosis follows from
 * @n_attempts: how many remedies were started for it
 * @tries: (element-type utf8 guint): name of a remedy → how often it was started; as
 * GUINT_TO_POINTER
 * @timeline: (element-type SinterIncidentEntry): what happened, oldest first
 *
 * One failure of one disk, from its first event to its outcome. A plain value; no string is NULL.
 */
typedef struct {
    char *id;
    char *domain_uuid;
    char *domain_name;
    char *disk;
    gint64 first_usec;
    gint64 last_usec;
    guint64 n_events;
    gboolean paused;
    gint64 resolved_usec;
    char *outcome;
    char *cause;
    char *layer;
    char *summary;
    char *advice;
    GPtrArray *evidence;
    gint64 n_attempts;
    GHashTable *tries;
    GPtrArray *timeline;
} SinterIncident;

/* A new, open incident. */
SinterIncident *sinter_incident_new(const char *id, const SinterDomain *domain, const char *disk);
void sinter_incident_free(SinterIncident *incident);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterIncident, sinter_incident_free)

/* Adds an entry to the timeline. */
void sinter_incident_note(SinterIncident *incident, gint64 time_usec, const char *kind,
                          const char *text);

/* Counts a start of @remedy. */
void sinter_incident_add_try(SinterIncident *incident, const char *remedy);

/* How often @remedy was started. */
guint sinter_incident_count_tries(const SinterIncident *incident, const char *remedy);

/* Replaces the diagnosis. Returns whether it changed; if so, the timeline has a new entry. */
gboolean sinter_incident_set_diagnosis(SinterIncident *incident, gint64 time_usec,
                                       const SinterDiagnosis *diagnosis);

void sinter_incident_resolve(SinterIncident *incident, gint64 time_usec, const char *outcome);

/* An incident has a new event. If it was resolved, it has no cause until the next diagnosis. */
void sinter_incident_reopen(SinterIncident *incident);

static inline gboolean
sinter_incident_is_open(const SinterIncident *incident)
{
    return incident->resolved_usec == 0;
}

/* (transfer full): as JSON, for the record */
char *sinter_incident_to_json(const SinterIncident *incident);

/* (transfer full) (nullable): CORRUPT if a member is absent or of the wrong type */
SinterIncident *sinter_incident_from_json(const char *json, gssize len, GError **error);

G_END_DECLS
