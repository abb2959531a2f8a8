/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Decides what is done about an incident. Invariant: a diagnosis is answered once for each number
 * of attempts, so that an incident that changes often starts nothing twice; a disk has at most one
 * job; a remedy that the administrator does not allow is never started unless a user chooses it.
 */

#include "sinter-responder.h"

#include <string.h>

#include "sinter-error.h"
#include "sinter-incident-rule.h"
#include "sinter-remedy-order.h"
#include "sinter-remedy-set.h"

struct _SinterResponder {
    GObject parent_instance;
    SinterIncidentLog *incidents;
    SinterInventory *inventory;
    SinterExecutor *executor;
    SinterRemedySet *remedies;
    GHashTable *answered; /* ID → "CAUSE ATTEMPTS", and whether it is paused */
    GHashTable *starting; /* IDs of the incidents for which a job is being planned */
};

G_DEFINE_FINAL_TYPE(SinterResponder, sinter_responder, G_TYPE_OBJECT)

/* Notes that this diagnosis is answered; FALSE if it already was. */
static gboolean
take_answer(SinterResponder *self, const SinterIncident *incident)
{
    char *key = g_strdup_printf("%s %" G_GINT64_FORMAT "%s", incident->cause, incident->n_attempts,
                                incident->paused ? " paused" : "");

    if (g_strcmp0(g_hash_table_lookup(self->answered, incident->id), key) == 0) {
        g_free(key);
        return FALSE;
    }
    g_hash_table_insert(self->answered, g_strdup(incident->id), key);
    return TRUE;
}

/* --- starting -----------------------------------------------------------------------------------
 */

/* An incident whose domain is read, or for which a job is started: what happens then. */
typedef struct {
    SinterResponder *self;
    char *incident;
    char *remedy;
    gboolean counts; /* as an attempt: not the second job of a remedy */
    guint next;      /* the place of the remedy that is tried if this one fails */
    GTask *chosen;   /* (nullable): the request of a user, who gets the error */
} Start;

static void try_from(SinterResponder *self, const char *id, guint index);

static void
start_free(Start *start)
{
    g_object_unref(start->self);
    g_free(start->incident);
    g_free(start->remedy);
    g_clear_object(&start->chosen);
    g_free(start);
}

static void
note_job(Start *start, const char *job)
{
    g_autofree char *text = g_strdup_printf("%s: job %s", start->remedy, job);

    if (start->counts)
        sinter_incident_log_start_remedy(start->self->incidents, start->incident, start->remedy,
                                         text);
    else
        sinter_incident_log_note(start->self->incidents, start->incident, "remedy", text);
    if (start->chosen)
        g_task_return_pointer(start->chosen, g_strdup(job), g_free);
}

static void
note_refusal(Start *start, GError *error)
{
    g_autofree char *text = g_strdup_printf("%s: %s", start->remedy, error->message);

    if (start->chosen) {
        g_task_return_error(start->chosen, error);
        return;
    }
    /* what passes by itself is tried again after the next scan */
    if (g_error_matches(error, SINTER_ERROR, SINTER_ERROR_DISCONNECTED) ||
        g_error_matches(error, SINTER_ERROR, SINTER_ERROR_BUSY) ||
        g_error_matches(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED))
        g_hash_table_remove(start->self->answered, start->incident);
    g_error_free(error);
    sinter_incident_log_note(start->self->incidents, start->incident, "remedy", text);
    try_from(start->self, start->incident, start->next);
}

static void
on_started(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Start *start = user_data;
    GError *error = NULL;
    g_autofree char *job = sinter_remedy_order_start_finish(result, &error);

    g_hash_table_remove(start->self->starting, start->incident);
    if (job)
        note_job(start, job);
    else
        note_refusal(start, error);
    start_free(start);
}

/* @start: (transfer full) */
static void
start_steps(Start *start, const SinterIncident *incident, GPtrArray *steps)
{
    SinterResponder *self = start->self;
    const SinterRemedyOrder order = { self->inventory, self->executor, incident, start->remedy,
                                      steps };

    g_hash_table_add(self->starting, g_strdup(start->incident));
    sinter_remedy_order_start_async(G_OBJECT(self), &order, on_started, start);
}

/* (transfer full) */
static Start *
start_new(SinterResponder *self, const char *incident, const char *remedy)
{
    Start *start = g_new0(Start, 1);

    start->self = g_object_ref(self);
    start->incident = g_strdup(incident);
    start->remedy = g_strdup(remedy);
    start->counts = TRUE;
    return start;
}

/* --- answers ------------------------------------------------------------------------------------
 */

/* (transfer full): "wait-space, resume: REASON" */
static char *
describe(const GPtrArray *steps)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < steps->len; i++) {
        const SinterProposal *step = steps->pdata[i];

        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "",
                               sinter_proposal_kind_name(step->kind));
    }
    g_string_append_printf(text, ": %s", ((const SinterProposal *)steps->pdata[0])->reason);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean
only_reports(const GPtrArray *steps)
{
    for (guint i = 0; i < steps->len; i++) {
        if (((const SinterProposal *)steps->pdata[i])->kind != SINTER_PROPOSE_REPORT)
            return FALSE;
    }
    return TRUE;
}

static void
note_proposal(SinterResponder *self, const SinterPlugin *plugin, const char *id, gboolean allowed,
              const GPtrArray *steps)
{
    g_autofree char *what = describe(steps);
    g_autofree char *text =
        g_strdup_printf("%s proposes %s%s", plugin->name, what,
                        allowed || only_reports(steps) ? "" : " (not allowed by [remedies] use)");

    sinter_incident_log_note(self->incidents, id, "proposal", text);
}

static gboolean
resumes(const GPtrArray *steps)
{
    for (guint i = 0; i < steps->len; i++) {
        if (((const SinterProposal *)steps->pdata[i])->kind == SINTER_PROPOSE_RESUME)
            return TRUE;
    }
    return FALSE;
}

/* (transfer full) (nullable): the steps that @plugin proposes */
static GPtrArray *
ask(SinterResponder *self, const SinterPlugin *plugin, const SinterIncident *incident,
    SinterDomain *domain, GError **error)
{
    g_autoptr(SinterEvent) event = sinter_incident_log_dup_event(self->incidents, incident->id);

    g_autoptr(GPtrArray) steps =
        sinter_remedy_set_ask(self->remedies, plugin, incident, domain, event, error);

    if (!steps || !sinter_incident_rule_is_damage(incident) || !resumes(steps))
        return g_steal_pointer(&steps);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "%s proposes to resume a guest whose image is damaged, which is never done",
                plugin->name);
    return NULL;
}

/* Asks one remedy. Returns whether the incident has its answer, or is getting it. */
static gboolean
try_remedy(SinterResponder *self, guint index, const SinterIncident *incident, SinterDomain *domain)
{
    const SinterPlugin *plugin = sinter_remedy_set_get(self->remedies, index);
    gboolean allowed = sinter_remedy_set_is_allowed(self->remedies, index);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) steps = ask(self, plugin, incident, domain, &error);
    Start *start;

    if (!steps) {
        sinter_incident_log_note(self->incidents, incident->id, "remedy", error->message);
        return FALSE;
    }
    if (steps->len == 0)
        return FALSE;
    note_proposal(self, plugin, incident->id, allowed, steps);
    if (!allowed || only_reports(steps))
        return allowed;
    start = start_new(self, incident->id, plugin->name);
    start->next = index + 1;
    start_steps(start, incident, steps);
    return TRUE;
}

/* Whether an image of the domain is damaged: then the guest must not be resumed, whatever else may
 * pass. */
static gboolean
has_damage(SinterResponder *self, const char *uuid)
{
    g_autoptr(GPtrArray) list = sinter_incident_log_list(self->incidents);

    for (guint i = 0; i < list->len; i++) {
        const SinterIncident *incident = list->pdata[i];

        if (strcmp(incident->domain_uuid, uuid) == 0 && sinter_incident_is_open(incident) &&
            sinter_incident_rule_is_damage(incident))
            return TRUE;
    }
    return FALSE;
}

/* A repair may concern all disks of the domain. */
static gboolean
has_job(SinterResponder *self, const SinterIncident *incident)
{
    g_autoptr(SinterDomain) domain =
        sinter_inventory_lookup(self->inventory, incident->domain_uuid);

    if (!sinter_incident_rule_is_damage(incident))
        return sinter_executor_find_on_disk(self->executor, incident->domain_uuid,
                                            incident->disk) != NULL;
    for (guint i = 0; domain && i < domain->disks->len; i++) {
        const SinterDisk *disk = domain->disks->pdata[i];

        if (sinter_executor_find_on_disk(self->executor, domain->uuid, disk->target))
            return TRUE;
    }
    return FALSE;
}

/* Whether there is something to be done: a guest is paused, or an image is damaged. */
static gboolean
needs_remedy(SinterResponder *self, const SinterIncident *incident)
{
    if (!sinter_incident_is_open(incident) || *incident->cause == '\0')
        return FALSE;
    return sinter_incident_rule_is_damage(incident) ||
           (incident->paused && *incident->disk != '\0' &&
            !has_damage(self, incident->domain_uuid));
}

/* The disk may be worked on. */
static gboolean
is_waiting(SinterResponder *self, const SinterIncident *incident)
{
    return needs_remedy(self, incident) && !g_hash_table_contains(self->starting, incident->id) &&
           !has_job(self, incident);
}

/* The domain of an incident, if it still has the disk that the incident is about. */
static SinterDomain *
lookup_domain(SinterResponder *self, const SinterIncident *incident)
{
    g_autoptr(SinterDomain) domain =
        sinter_inventory_lookup(self->inventory, incident->domain_uuid);

    return domain && (*incident->disk == '\0' || sinter_domain_find_disk(domain, incident->disk))
               ? g_steal_pointer(&domain)
               : NULL;
}

static void
try_from(SinterResponder *self, const char *id, guint index)
{
    const SinterIncident *incident = sinter_incident_log_lookup(self->incidents, id, NULL);
    g_autoptr(SinterDomain) domain = NULL;

    if (incident && is_waiting(self, incident))
        domain = lookup_domain(self, incident);
    if (!domain) {
        g_hash_table_remove(self->answered, id);
        return;
    }
    while (sinter_remedy_set_get(self->remedies, index) &&
           !try_remedy(self, index, incident, domain))
        index++;
}

/* The remedies are asked about the domain as it was known if it cannot be read. */
static void
on_refreshed(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Start *start = user_data;

    sinter_inventory_refresh_finish(SINTER_INVENTORY(source), result, NULL);
    try_from(start->self, start->incident, 0);
    start_free(start);
}

/* The domain is read again first: libvirt sends no event for a snapshot that lengthens the chain.
 */
static void
consider(SinterResponder *self, const SinterIncident *incident)
{
    if (!is_waiting(self, incident) || !take_answer(self, incident))
        return;
    sinter_inventory_refresh_async(self->inventory, incident->domain_uuid, NULL, on_refreshed,
                                   start_new(self, incident->id, ""));
}

void
sinter_responder_consider_all(SinterResponder *self)
{
    g_autoptr(GPtrArray) list = sinter_incident_log_list(self->incidents);

    for (guint i = 0; i < list->len; i++)
        consider(self, list->pdata[i]);
}

/* --- choices ------------------------------------------------------------------------------------
 */

static gboolean
check_choice(SinterResponder *self, const SinterIncident *incident, const SinterPlugin *plugin,
             const char *remedy, GError **error)
{
    if (!plugin)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "no remedy '%.64s'", remedy);
    else if (!sinter_incident_is_open(incident) ||
             (!incident->paused && !sinter_incident_rule_is_damage(incident)))
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "incident %s neither keeps a guest paused nor is about a damaged image",
                    incident->id);
    else if (!is_waiting(self, incident))
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "a job runs on the disk of incident %s, or another incident of the domain is "
                    "about a damaged image",
                    incident->id);
    else
        return TRUE;
    return FALSE;
}

/* (transfer full) (nullable): the steps of a remedy that a user chose */
static GPtrArray *
ask_for_choice(SinterResponder *self, const SinterIncident *incident, const SinterPlugin *plugin,
               GError **error)
{
    g_autoptr(SinterDomain) domain = lookup_domain(self, incident);
    g_autoptr(GPtrArray) steps = NULL;

    if (!domain) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                    "domain '%s' has no disk that incident %s is about", incident->domain_name,
                    incident->id);
        return NULL;
    }
    steps = ask(self, plugin, incident, domain, error);
    if (!steps || !only_reports(steps))
        return g_steal_pointer(&steps);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "%s does not apply to incident %s (%s)%s%s", plugin->name, incident->id,
                incident->cause, steps->len > 0 ? ": " : "",
                steps->len > 0 ? ((const SinterProposal *)steps->pdata[0])->reason : "");
    return NULL;
}

void
sinter_responder_choose_async(SinterResponder *self, const char *id, const char *remedy,
                              GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(self, NULL, callback, user_data);
    GError *error = NULL;
    const SinterIncident *incident = sinter_incident_log_lookup(self->incidents, id, &error);
    const SinterPlugin *plugin = sinter_remedy_set_find(self->remedies, remedy);
    g_autoptr(GPtrArray) steps = NULL;
    Start *start;

    if (incident && check_choice(self, incident, plugin, remedy, &error))
        steps = ask_for_choice(self, incident, plugin, &error);
    if (!steps) {
        g_task_return_error(task, error);
        return;
    }
    start = start_new(self, id, plugin->name);
    start->chosen = g_steal_pointer(&task);
    start_steps(start, incident, steps);
}

char *
sinter_responder_choose_finish(SinterResponder *self, GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

/* --- signals ------------------------------------------------------------------------------------
 */

/* Ends the jobs that must not go on: those that would resume a guest whose image turned out to be
 * damaged, and those that repair images for an incident that is closed. Whoever resolved it, or
 * started the domain, does not expect it to be stopped, repaired and started any more. */
static gboolean
must_end(const SinterDiskPlan *plan, const SinterIncident *incident)
{
    if (!sinter_incident_is_open(incident))
        return plan->repairs && g_strcmp0(plan->incident, incident->id) == 0;
    return plan->operation == SINTER_OPERATION_RECOVER && !plan->repairs &&
           sinter_incident_rule_is_damage(incident);
}

static void
on_changed(SinterIncidentLog *incidents, const SinterIncident *incident, SinterResponder *self)
{
    const char *uuid = incident->domain_uuid;
    g_autoptr(SinterDomain) domain = sinter_inventory_lookup(self->inventory, uuid);

    for (guint i = 0; domain && i < domain->disks->len; i++) {
        const SinterDisk *disk = domain->disks->pdata[i];
        SinterJob *job = sinter_executor_find_on_disk(self->executor, uuid, disk->target);

        if (job && must_end(sinter_job_get_record(job)->plan, incident))
            sinter_job_cancel(job, NULL);
    }
    consider(self, incident);
}

static void
on_removed(SinterIncidentLog *incidents, const SinterIncident *incident, SinterResponder *self)
{
    g_hash_table_remove(self->answered, incident->id);
}

/* The merge of a remedy is done: the guest is resumed by a second job. */
static void
continue_remedy(SinterResponder *self, const SinterJobRecord *record)
{
    const SinterIncident *incident =
        sinter_incident_log_lookup(self->incidents, record->plan->incident, NULL);
    g_autoptr(GPtrArray) rest = NULL;
    Start *start;

    if (!incident || !is_waiting(self, incident))
        return;
    rest = sinter_remedy_order_list_rest();
    start = start_new(self, incident->id, record->plan->remedy);
    start->counts = FALSE;
    start->next = G_MAXUINT;
    start_steps(start, incident, rest);
}

/* After a cancelled job only a user, or another diagnosis, starts one again. */
static void
leave(SinterResponder *self, const char *id)
{
    const SinterIncident *incident = sinter_incident_log_lookup(self->incidents, id, NULL);

    if (incident)
        take_answer(self, incident);
}

/* After a remedy that failed the cause is looked for again. */
static void
end_remedy(SinterResponder *self, const SinterJobRecord *record)
{
    const SinterDiskPlan *plan = record->plan;
    g_autofree char *text = g_strdup_printf(
        "job %s: %s%s%s", record->id, sinter_phase_name(record->phase),
        record->error_message ? ": " : "", record->error_message ? record->error_message : "");

    /* these first: the note would have the remedies asked again */
    if (record->phase == SINTER_PHASE_DONE && plan->repairs)
        sinter_incident_log_resolve(self->incidents, plan->incident,
                                    plan->starts ? "the images are sound; the domain was started"
                                                 : "the images are sound",
                                    NULL);
    else if (record->phase == SINTER_PHASE_DONE && plan->operation != SINTER_OPERATION_RECOVER)
        continue_remedy(self, record);
    else if (record->phase != SINTER_PHASE_DONE && record->phase != SINTER_PHASE_FAILED)
        leave(self, plan->incident);
    sinter_incident_log_note(self->incidents, plan->incident, "remedy", text);
    if (record->phase == SINTER_PHASE_FAILED)
        sinter_incident_log_retry(self->incidents, plan->incident, NULL);
}

/* A disk has no job any more. */
static void
on_job_ended(SinterJob *job, SinterResponder *self)
{
    const SinterJobRecord *record = sinter_job_get_record(job);

    if (record->plan->incident)
        end_remedy(self, record);
    else
        sinter_responder_consider_all(self);
}

/* A job of an earlier run of the daemon: one that was cancelled then is not started again now. The
 * incidents have been read. */
static void
remember(SinterResponder *self, const SinterJobRecord *record)
{
    if (record->phase == SINTER_PHASE_CANCELLED || record->phase == SINTER_PHASE_QUARANTINED)
        leave(self, record->plan->incident);
    else
        g_hash_table_remove(self->answered, record->plan->incident);
}

static void
on_job_added(SinterExecutor *executor, SinterJob *job, SinterResponder *self)
{
    const SinterJobRecord *record = sinter_job_get_record(job);

    if (record->plan->incident && sinter_phase_is_final(record->phase))
        remember(self, record);
    g_signal_connect_object(job, "ended", G_CALLBACK(on_job_ended), self, 0);
}

/* --- the object ---------------------------------------------------------------------------------
 */

SinterResponder *
sinter_responder_new(const SinterResponderParts *parts)
{
    SinterResponder *self = g_object_new(SINTER_TYPE_RESPONDER, NULL);

    self->incidents = g_object_ref(parts->incidents);
    self->inventory = g_object_ref(parts->inventory);
    self->executor = g_object_ref(parts->executor);
    self->remedies = sinter_remedy_set_new(parts->plugins, parts->allowed, parts->values);
    g_signal_connect_object(self->incidents, "incident-changed", G_CALLBACK(on_changed), self, 0);
    g_signal_connect_object(self->incidents, "incident-removed", G_CALLBACK(on_removed), self, 0);
    g_signal_connect_object(self->executor, "job-added", G_CALLBACK(on_job_added), self, 0);
    return self;
}

static void
sinter_responder_finalize(GObject *object)
{
    SinterResponder *self = SINTER_RESPONDER(object);

    g_clear_object(&self->incidents);
    g_clear_object(&self->inventory);
    g_clear_object(&self->executor);
    sinter_remedy_set_free(self->remedies);
    g_hash_table_unref(self->answered);
    g_hash_table_unref(self->starting);
    G_OBJECT_CLASS(sinter_responder_parent_class)->finalize(object);
}

static void
sinter_responder_class_init(SinterResponderClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_responder_finalize;
}

static void
sinter_responder_init(SinterResponder *self)
{
    self->answered = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->starting = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}
