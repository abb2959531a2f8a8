/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Incidents as values. Invariant: no string is NULL; the timeline is in the order of its entries
 * and keeps the first entry however many follow.
 */

#include "sinter-incident.h"

static void
entry_free(gpointer data)
{
    SinterIncidentEntry *entry = data;

    g_free(entry->kind);
    g_free(entry->text);
    g_free(entry);
}

SinterIncident *
sinter_incident_new(const char *id, const SinterDomain *domain, const char *disk)
{
    SinterIncident *incident = g_new0(SinterIncident, 1);

    incident->id = g_strdup(id);
    incident->domain_uuid = g_strdup(domain ? domain->uuid : "");
    incident->domain_name = g_strdup(domain ? domain->name : "");
    incident->disk = g_strdup(disk ? disk : "");
    incident->outcome = g_strdup("");
    incident->cause = g_strdup("");
    incident->layer = g_strdup("");
    incident->summary = g_strdup("");
    incident->advice = g_strdup("");
    incident->evidence = g_ptr_array_new_with_free_func(g_free);
    incident->timeline = g_ptr_array_new_with_free_func(entry_free);
    incident->tries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return incident;
}

void
sinter_incident_free(SinterIncident *incident)
{
    if (!incident)
        return;
    g_free(incident->id);
    g_free(incident->domain_uuid);
    g_free(incident->domain_name);
    g_free(incident->disk);
    g_free(incident->outcome);
    g_free(incident->cause);
    g_free(incident->layer);
    g_free(incident->summary);
    g_free(incident->advice);
    g_ptr_array_unref(incident->evidence);
    g_ptr_array_unref(incident->timeline);
    g_hash_table_unref(incident->tries);
    g_free(incident);
}

void
sinter_incident_note(SinterIncident *incident, gint64 time_usec, const char *kind, const char *text)
{
    SinterIncidentEntry *entry = g_new0(SinterIncidentEntry, 1);

    entry->time_usec = time_usec;
    entry->kind = g_strdup(kind);
    entry->text = g_strdup(text);
    if (incident->timeline->len == SINTER_INCIDENT_MAX_ENTRIES)
        g_ptr_array_remove_index(incident->timeline, 1);
    g_ptr_array_add(incident->timeline, entry);
}

void
sinter_incident_add_try(SinterIncident *incident, const char *remedy)
{
    guint n = sinter_incident_count_tries(incident, remedy);

    incident->n_attempts++;
    g_hash_table_insert(incident->tries, g_strdup(remedy), GUINT_TO_POINTER(n + 1));
}

guint
sinter_incident_count_tries(const SinterIncident *incident, const char *remedy)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(incident->tries, remedy));
}

static void
replace(char **place, const char *text)
{
    g_free(*place);
    *place = g_strdup(text ? text : "");
}

gboolean
sinter_incident_set_diagnosis(SinterIncident *incident, gint64 time_usec,
                              const SinterDiagnosis *diagnosis)
{
    gboolean changed = g_strcmp0(incident->summary, diagnosis->summary) != 0;

    replace(&incident->cause, diagnosis->cause->name);
    replace(&incident->layer, diagnosis->layer);
    replace(&incident->summary, diagnosis->summary);
    replace(&incident->advice, diagnosis->cause->advice);
    g_ptr_array_set_size(incident->evidence, 0);
    for (guint i = 0; i < diagnosis->evidence->len; i++)
        g_ptr_array_add(incident->evidence, g_strdup(diagnosis->evidence->pdata[i]));
    if (changed)
        sinter_incident_note(incident, time_usec, "diagnosis", diagnosis->summary);
    return changed;
}

void
sinter_incident_resolve(SinterIncident *incident, gint64 time_usec, const char *outcome)
{
    incident->resolved_usec = MAX(time_usec, 1);
    incident->paused = FALSE;
    replace(&incident->outcome, outcome);
    sinter_incident_note(incident, time_usec, "outcome", outcome);
}

void
sinter_incident_reopen(SinterIncident *incident)
{
    if (incident->resolved_usec != 0)
        replace(&incident->cause, "");
    incident->resolved_usec = 0;
    replace(&incident->outcome, "");
}
