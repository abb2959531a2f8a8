/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Keeps the incidents. Invariant: a disk has at most one open incident; an open incident is never
 * removed; a change is recorded, and emitted after the state has changed; a diagnosis of damage is
 * not replaced by another one, because damage does not pass. Events of one disk pass a
 * gate, so a guest that fails thousands of times per second costs one change per second.
 */

#include "sinter-incident-log.h"

#include <libvirt/libvirt.h>
#include <string.h>

#include "sinter-diagnoser.h"
#include "sinter-error.h"
#include "sinter-event-gate.h"
#include "sinter-incident-rule.h"
#include "sinter-incident-writer.h"
#include "sinter-log.h"
#include "sinter-message-id.h"

#define GATE_MSEC 1000
/* A failure that comes back within this time belongs to the former incident. */
#define FLAP_USEC (10 * 60 * G_USEC_PER_SEC)
/* How long a scan takes at most. */
#define SCAN_USEC (5 * G_USEC_PER_SEC)

struct _SinterIncidentLog {
    GObject parent_instance;
    char *uri;
    guint keep;
    SinterIncidentWriter *writer; /* NULL before load() and after stop() */
    SinterDiagnoser *diagnoser;
    SinterEventGate *gate;
    GPtrArray *incidents; /* of SinterIncident, by ID */
    GHashTable *events;   /* id → SinterEvent: the last failure, for further diagnoses */
    SinterIncidentLookupFunc lookup;
    gpointer lookup_data;
};

G_DEFINE_FINAL_TYPE(SinterIncidentLog, sinter_incident_log, G_TYPE_OBJECT)

enum { ADDED, CHANGED, REMOVED, N_SIGNALS };

static guint signals[N_SIGNALS];

/* --- the list --------------------------------------------------------------------------------- */

static SinterIncident *
find(SinterIncidentLog *self, const char *id)
{
    for (guint i = 0; i < self->incidents->len; i++) {
        SinterIncident *incident = self->incidents->pdata[i];

        if (strcmp(incident->id, id) == 0)
            return incident;
    }
    return NULL;
}

/* The incident that a new failure of @disk belongs to. */
static SinterIncident *
find_current(SinterIncidentLog *self, const char *uuid, const char *disk, gint64 now_usec)
{
    for (guint i = self->incidents->len; i-- > 0;) {
        SinterIncident *incident = self->incidents->pdata[i];

        if (strcmp(incident->domain_uuid, uuid) == 0 && strcmp(incident->disk, disk) == 0 &&
            (sinter_incident_is_open(incident) || now_usec - incident->resolved_usec < FLAP_USEC))
            return incident;
    }
    return NULL;
}

static void
log_state(const SinterIncident *incident, const char *message_id, const char *text)
{
    const SinterLogField fields[] = {
        { "MESSAGE_ID", message_id },
        { "DOMAIN_UUID", incident->domain_uuid },
        { "DOMAIN_NAME", incident->domain_name },
        { "DISK", incident->disk },
        { "SINTER_INCIDENT", incident->id },
        { NULL },
    };
    GLogLevelFlags level =
        sinter_incident_is_open(incident) ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_MESSAGE;

    if (*incident->domain_uuid == '\0')
        sinter_log(level, fields, "Incident %s: %s", incident->id, text);
    else
        sinter_log(level, fields, "Incident %s, domain '%s', disk %s: %s", incident->id,
                   incident->domain_name, *incident->disk ? incident->disk : "unknown", text);
}

static void
changed(SinterIncidentLog *self, SinterIncident *incident)
{
    if (self->writer)
        sinter_incident_writer_save(self->writer, incident);
    g_signal_emit(self, signals[CHANGED], 0, incident);
}

static void
remove_at(SinterIncidentLog *self, guint index)
{
    SinterIncident *incident = g_ptr_array_steal_index(self->incidents, index);

    if (self->writer)
        sinter_incident_writer_remove(self->writer, incident->id);
    g_hash_table_remove(self->events, incident->id);
    g_signal_emit(self, signals[REMOVED], 0, incident);
    sinter_incident_free(incident);
}

/* Removes the oldest resolved incidents above the limit. */
static void
trim(SinterIncidentLog *self)
{
    guint n_resolved = 0;

    for (guint i = self->incidents->len; i-- > 0;) {
        if (!sinter_incident_is_open(self->incidents->pdata[i]) && ++n_resolved > self->keep)
            remove_at(self, i);
    }
}

static SinterIncident *
open_incident(SinterIncidentLog *self, const SinterDomain *domain, const char *disk)
{
    g_autofree char *id = sinter_incident_writer_new_id(self->writer);
    SinterIncident *incident = sinter_incident_new(id, domain, disk);

    g_ptr_array_add(self->incidents, incident);
    g_signal_emit(self, signals[ADDED], 0, incident);
    return incident;
}

static void
resolve(SinterIncidentLog *self, SinterIncident *incident, gint64 time_usec, const char *outcome)
{
    sinter_incident_resolve(incident, time_usec, outcome);
    g_hash_table_remove(self->events, incident->id);
    log_state(incident, SINTER_MESSAGE_ID_INCIDENT_RESOLVED, outcome);
    changed(self, incident);
    trim(self);
}

/* --- the diagnosis ---------------------------------------------------------------------------- */

static void
on_examined(const char *id, const SinterSymptoms *symptoms, gpointer user_data)
{
    SinterIncidentLog *self = user_data;
    SinterIncident *incident = find(self, id);
    g_autoptr(SinterDiagnosis) diagnosis = NULL;

    if (!incident || !sinter_incident_is_open(incident))
        return;
    diagnosis = sinter_diagnose(symptoms);
    if (sinter_incident_rule_is_damage(incident) &&
        !sinter_incident_rule_names_damage(diagnosis->cause->name))
        return;
    if (sinter_incident_set_diagnosis(incident, g_get_real_time(), diagnosis))
        log_state(incident, SINTER_MESSAGE_ID_INCIDENT, diagnosis->summary);
    changed(self, incident);
}

static void
diagnose(SinterIncidentLog *self, SinterIncident *incident, SinterDomain *domain)
{
    SinterExamination examination = {
        .event = g_hash_table_lookup(self->events, incident->id),
        .domain = domain,
        .target = *incident->disk ? incident->disk : NULL,
        .uri = self->uri,
    };
    g_autoptr(SinterEvent) unknown = NULL;

    if (!examination.event) {
        unknown = sinter_event_new(SINTER_EVENT_IO_ERROR);
        examination.event = unknown;
    }
    sinter_diagnoser_ask(self->diagnoser, incident->id, &examination);
}

/* --- failures --------------------------------------------------------------------------------- */

static SinterIncident *
take_failure(SinterIncidentLog *self, const SinterEvent *event, guint64 n_events,
             SinterDomain *domain)
{
    const char *disk = event->disk ? event->disk : "";
    SinterIncident *incident = find_current(self, domain->uuid, disk, event->time_usec);
    gboolean is_new = incident == NULL;

    if (!incident)
        incident = open_incident(self, domain, disk);
    else if (event->time_usec > incident->resolved_usec)
        sinter_incident_reopen(incident);
    if (is_new)
        incident->first_usec = event->time_usec;
    incident->last_usec = event->time_usec;
    incident->n_events += n_events;
    g_hash_table_insert(self->events, g_strdup(incident->id), sinter_event_copy(event));
    return incident;
}

static void
take_io_failure(SinterIncidentLog *self, const SinterEvent *event, guint64 n_events,
                SinterDomain *domain)
{
    SinterIncident *incident = take_failure(self, event, n_events, domain);
    g_autofree char *text = sinter_incident_rule_describe(event);

    /* the gate held the event back, and the guest was resumed meanwhile */
    if (!sinter_incident_is_open(incident)) {
        changed(self, incident);
        return;
    }
    incident->paused |= sinter_incident_rule_pauses(event);
    if (incident->n_events == n_events)
        sinter_incident_note(incident, event->time_usec, "event", text);
    changed(self, incident);
    diagnose(self, incident, domain);
}

/* The I/O error that paused the guest has its own event, which names the disk; it comes first, or
 * was missed. */
static void
take_pause(SinterIncidentLog *self, const SinterEvent *event, SinterDomain *domain)
{
    gboolean known = FALSE;

    for (guint i = 0; i < self->incidents->len; i++) {
        SinterIncident *incident = self->incidents->pdata[i];

        if (strcmp(incident->domain_uuid, domain->uuid) != 0 || !sinter_incident_is_open(incident))
            continue;
        known = TRUE;
        if (incident->paused)
            continue;
        incident->paused = TRUE;
        changed(self, incident);
    }
    if (!known)
        take_io_failure(self, event, 1, domain);
}

/* The domain runs again, or has ended. */
static void
close_incidents(SinterIncidentLog *self, const SinterEvent *event, const SinterIncidentRule *rule)
{
    g_autoptr(GPtrArray) closing = g_ptr_array_new();

    for (guint i = 0; i < self->incidents->len; i++) {
        SinterIncident *incident = self->incidents->pdata[i];

        if (g_strcmp0(incident->domain_uuid, event->uuid) == 0 &&
            sinter_incident_is_open(incident) && sinter_incident_rule_closes(rule, incident))
            g_ptr_array_add(closing, incident);
    }
    for (guint i = 0; i < closing->len; i++)
        resolve(self, closing->pdata[i], event->time_usec, rule->outcome);
}

static void
on_passed(const SinterEvent *event, guint64 n_events, gpointer user_data)
{
    SinterIncidentLog *self = user_data;
    const SinterIncidentRule *rule = sinter_incident_rule_find(event);
    g_autoptr(SinterDomain) domain = self->lookup(event->uuid, self->lookup_data);

    if (rule->outcome)
        close_incidents(self, event, rule);
    if (rule->act == SINTER_INCIDENT_FAILED && domain)
        take_io_failure(self, event, n_events, domain);
    else if (rule->act == SINTER_INCIDENT_PAUSED && domain)
        take_pause(self, event, domain);
}

void
sinter_incident_log_take(SinterIncidentLog *self, const SinterEvent *event)
{
    if (self->writer && event->uuid && sinter_incident_rule_find(event))
        sinter_event_gate_take(self->gate, event);
}

/* A scan that read the domain before an event may end after it. */
static gboolean
may_be_outdated(SinterIncidentLog *self, const char *uuid)
{
    gint64 now_usec = g_get_real_time();

    for (guint i = 0; i < self->incidents->len; i++) {
        const SinterIncident *incident = self->incidents->pdata[i];

        if (strcmp(incident->domain_uuid, uuid) == 0 && !sinter_incident_is_open(incident) &&
            now_usec - incident->resolved_usec < SCAN_USEC)
            return TRUE;
    }
    return FALSE;
}

void
sinter_incident_log_see(SinterIncidentLog *self, SinterDomain *domain)
{
    g_autoptr(SinterEvent) event = NULL;

    if (!self->writer || domain->state != SINTER_DOMAIN_PAUSED ||
        domain->reason != VIR_DOMAIN_PAUSED_IOERROR || may_be_outdated(self, domain->uuid))
        return;
    event = sinter_event_new(SINTER_EVENT_LIFECYCLE);
    event->time_usec = g_get_real_time();
    event->uuid = g_strdup(domain->uuid);
    event->name = g_strdup(domain->name);
    event->status = VIR_DOMAIN_EVENT_SUSPENDED;
    event->detail = VIR_DOMAIN_EVENT_SUSPENDED_IOERROR;
    take_pause(self, event, domain);
}

void
sinter_incident_log_warn(SinterIncidentLog *self, const SinterDiagnosis *diagnosis)
{
    const gint64 now_usec = g_get_real_time();
    SinterIncident *incident = self->writer ? open_incident(self, NULL, "") : NULL;

    if (!incident)
        return;
    incident->first_usec = incident->last_usec = now_usec;
    incident->n_events = 1;
    sinter_incident_set_diagnosis(incident, now_usec, diagnosis);
    log_state(incident, SINTER_MESSAGE_ID_SPACE_LOW, diagnosis->summary);
    changed(self, incident);
}

/* --- callers ---------------------------------------------------------------------------------- */

GPtrArray *
sinter_incident_log_list(SinterIncidentLog *self)
{
    GPtrArray *list = g_ptr_array_new();

    g_ptr_array_extend(list, self->incidents, NULL, NULL);
    return list;
}

const SinterIncident *
sinter_incident_log_lookup(SinterIncidentLog *self, const char *id, GError **error)
{
    const SinterIncident *incident = find(self, id);

    if (!incident)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "no incident '%.64s'", id);
    return incident;
}

const char *
sinter_incident_log_find_open(SinterIncidentLog *self, const char *uuid)
{
    for (guint i = 0; i < self->incidents->len; i++) {
        const SinterIncident *incident = self->incidents->pdata[i];

        if (strcmp(incident->domain_uuid, uuid) == 0 && sinter_incident_is_open(incident))
            return incident->id;
    }
    return NULL;
}

static SinterIncident *
find_open(SinterIncidentLog *self, const char *id, GError **error)
{
    SinterIncident *incident = find(self, id);

    if (incident && sinter_incident_is_open(incident))
        return incident;
    if (!sinter_incident_log_lookup(self, id, error))
        return NULL;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY, "incident %s is already resolved", id);
    return NULL;
}

gboolean
sinter_incident_log_resolve(SinterIncidentLog *self, const char *id, const char *outcome,
                            GError **error)
{
    SinterIncident *incident = find_open(self, id, error);

    if (!incident)
        return FALSE;
    resolve(self, incident, g_get_real_time(), outcome);
    return TRUE;
}

gboolean
sinter_incident_log_retry(SinterIncidentLog *self, const char *id, GError **error)
{
    SinterIncident *incident = find_open(self, id, error);
    g_autoptr(SinterDomain) domain = NULL;

    if (!incident)
        return FALSE;
    domain = self->lookup(incident->domain_uuid, self->lookup_data);
    if (!domain) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "domain '%s' does not exist",
                    incident->domain_name);
        return FALSE;
    }
    diagnose(self, incident, domain);
    return TRUE;
}

void
sinter_incident_log_note(SinterIncidentLog *self, const char *id, const char *kind,
                         const char *text)
{
    SinterIncident *incident = find(self, id);

    if (!incident)
        return;
    sinter_incident_note(incident, g_get_real_time(), kind, text);
    changed(self, incident);
}

void
sinter_incident_log_start_remedy(SinterIncidentLog *self, const char *id, const char *remedy,
                                 const char *text)
{
    SinterIncident *incident = find(self, id);

    if (!incident)
        return;
    sinter_incident_add_try(incident, remedy);
    sinter_incident_log_note(self, id, "remedy", text);
}

SinterEvent *
sinter_incident_log_dup_event(SinterIncidentLog *self, const char *id)
{
    SinterEvent *event = g_hash_table_lookup(self->events, id);

    return event ? sinter_event_copy(event) : NULL;
}

/* --- the object ------------------------------------------------------------------------------- */

SinterIncidentLog *
sinter_incident_log_new(const char *uri, guint keep, SinterIncidentLookupFunc lookup,
                        gpointer lookup_data)
{
    SinterIncidentLog *self = g_object_new(SINTER_TYPE_INCIDENT_LOG, NULL);

    self->uri = g_strdup(uri);
    self->keep = keep;
    self->lookup = lookup;
    self->lookup_data = lookup_data;
    return self;
}

gboolean
sinter_incident_log_load(SinterIncidentLog *self, const char *dir, GError **error)
{
    g_autoptr(SinterIncidentWriter) writer = sinter_incident_writer_new(dir, error);
    GPtrArray *incidents = writer ? sinter_incident_writer_load(writer, error) : NULL;

    if (!incidents)
        return FALSE;
    g_ptr_array_unref(self->incidents);
    self->incidents = incidents;
    self->writer = g_steal_pointer(&writer);
    trim(self);
    return TRUE;
}

void
sinter_incident_log_stop(SinterIncidentLog *self)
{
    g_clear_pointer(&self->diagnoser, sinter_diagnoser_free);
    g_clear_pointer(&self->gate, sinter_event_gate_free);
    g_clear_pointer(&self->writer, sinter_incident_writer_free);
}

static void
sinter_incident_log_finalize(GObject *object)
{
    SinterIncidentLog *self = SINTER_INCIDENT_LOG(object);

    sinter_incident_log_stop(self);
    g_ptr_array_unref(self->incidents);
    g_hash_table_unref(self->events);
    g_free(self->uri);
    G_OBJECT_CLASS(sinter_incident_log_parent_class)->finalize(object);
}

static guint
add_signal(const char *name)
{
    return g_signal_new(name, SINTER_TYPE_INCIDENT_LOG, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                        G_TYPE_NONE, 1, G_TYPE_POINTER);
}

static void
sinter_incident_log_class_init(SinterIncidentLogClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_incident_log_finalize;
    signals[ADDED] = add_signal("incident-added");
    signals[CHANGED] = add_signal("incident-changed");
    signals[REMOVED] = add_signal("incident-removed");
}

static void
sinter_incident_log_init(SinterIncidentLog *self)
{
    self->incidents =
        g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))sinter_incident_free);
    self->events = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                         (GDestroyNotify)(void (*)(void))sinter_event_free);
    self->diagnoser = sinter_diagnoser_new(on_examined, self);
    self->gate = sinter_event_gate_new(GATE_MSEC, on_passed, self);
}
