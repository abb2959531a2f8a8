/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Automatic work. Invariant: at most as many jobs are started as the executor runs at once, so that
 * a user's job waits for automatic ones that run, but never behind a queue of them; a disk that was
 * refused, or on which a job failed, is left alone as SinterPolicyMemory says.
 */

#include "sinter-policy-runner.h"

#include "sinter-error.h"
#include "sinter-log.h"
#include "sinter-message-id.h"
#include "sinter-policy-judge.h"
#include "sinter-policy-limits.h"
#include "sinter-policy-order.h"

/* The longest timer; the disks are then judged again. */
#define MAX_WAIT_USEC (G_GINT64_CONSTANT(86400) * G_USEC_PER_SEC)

struct _SinterPolicyRunner {
    GObject parent_instance;
    SinterInventory *inventory;
    SinterExecutor *executor;
    SinterIncidentLog *incidents;
    const SinterPolicyRules *rules;
    SinterPolicySet *set;
    SinterPolicyMemory *memory;
    GTimeZone *zone;             /* of the start: reading it from files takes time */
    SinterReferenceGraph *graph; /* of the last evaluation, or NULL */
    guint64 generation;          /* counts the changes of @graph */
    GHashTable *starting;        /* "UUID/DISK" of the merges that are being planned */
    GHashTable *withdrawn;       /* IDs of the jobs that are being cancelled because of incidents */
    GHashTable *told;            /* "UUID/DISK" → the last obstacle that was logged */
    guint idle_id;
    guint due_id;
    gboolean started;
};

G_DEFINE_FINAL_TYPE(SinterPolicyRunner, sinter_policy_runner, G_TYPE_OBJECT)

static void evaluate_soon(SinterPolicyRunner *self);

/* --- messages -----------------------------------------------------------------------------------
 */

typedef struct {
    const char *uuid;
    const char *name;
    const char *disk;
    const char *policy;
} Subject;

static void
log_about(const Subject *subject, GLogLevelFlags level, const char *message_id, const char *text)
{
    const SinterLogField fields[] = {
        { "MESSAGE_ID", message_id },         { "DOMAIN_UUID", subject->uuid },
        { "DOMAIN_NAME", subject->name },     { "DISK", subject->disk },
        { "SINTER_POLICY", subject->policy }, { NULL, NULL },
    };

    sinter_log(level, fields, "%s, %s %s: %s", subject->policy, subject->name, subject->disk, text);
}

/* --- starting -----------------------------------------------------------------------------------
 */

/* A disk to work on, and how urgent that is. */
typedef struct {
    SinterDomain *domain;
    SinterPolicyVerdict *verdict;
} Candidate;

static void
candidate_free(gpointer data)
{
    Candidate *self = data;

    sinter_domain_unref(self->domain);
    sinter_policy_verdict_free(self->verdict);
    g_free(self);
}

/* A merge that is being planned. */
typedef struct {
    SinterPolicyRunner *self;
    Candidate *candidate;
} Start;

static char *
make_key(const char *uuid, const char *disk)
{
    return g_strconcat(uuid, "/", disk, NULL);
}

/* The host changed or an incident was opened while the merge was planned, or libvirt is gone: the
 * next change asks again. */
static gboolean
is_passing(const GError *error)
{
    static const SinterError passing[] = { SINTER_ERROR_DISCONNECTED, SINTER_ERROR_CHAIN_CHANGED,
                                           SINTER_ERROR_NOT_FOUND, SINTER_ERROR_CANCELLED };

    for (gsize i = 0; i < G_N_ELEMENTS(passing); i++) {
        if (g_error_matches(error, SINTER_ERROR, (int)passing[i]))
            return TRUE;
    }
    return FALSE;
}

static void
note_refusal(SinterPolicyRunner *self, const Subject *subject, SinterDomain *domain,
             const GError *error)
{
    const SinterDisk *disk = domain ? sinter_domain_find_disk(domain, subject->disk) : NULL;
    const SinterPolicyDisk place = { domain, disk, self->generation, g_get_real_time() };
    g_autofree char *text = g_strdup_printf("refused: %s", error->message);

    if (disk && !is_passing(error) && sinter_policy_memory_refuse(self->memory, &place, error))
        log_about(subject, G_LOG_LEVEL_WARNING, SINTER_MESSAGE_ID_POLICY_REFUSED, text);
}

static void
on_started(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autofree Start *start = user_data;
    g_autoptr(SinterPolicyRunner) self = start->self;
    const SinterPolicyVerdict *verdict = start->candidate->verdict;
    const Subject subject = { start->candidate->domain->uuid, start->candidate->domain->name,
                              verdict->disk, verdict->policy };
    g_autofree char *key = make_key(subject.uuid, subject.disk);
    g_autoptr(SinterDomain) domain = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *job = sinter_policy_order_start_finish(result, &domain, &error);
    g_autofree char *text = g_strdup_printf("%s: job %s", verdict->reason, job);

    g_hash_table_remove(self->starting, key);
    if (job)
        log_about(&subject, G_LOG_LEVEL_MESSAGE, SINTER_MESSAGE_ID_POLICY_STARTED, text);
    else
        note_refusal(self, &subject, domain, error);
    if (!job && !is_passing(error))
        evaluate_soon(self);
    candidate_free(start->candidate);
}

/* @candidate: (transfer full) */
static void
start_merge(SinterPolicyRunner *self, Candidate *candidate)
{
    const SinterPolicyVerdict *verdict = candidate->verdict;
    const SinterPolicyOrder order = {
        self->inventory,    self->executor,
        self->incidents,    candidate->domain->uuid,
        verdict->disk,      verdict->policy,
        verdict->reason,    verdict->keep,
        verdict->keep_base, { verdict->bandwidth_set, verdict->bandwidth_bytes_per_sec, 0 },
    };
    Start *start = g_new(Start, 1);

    *start = (Start){ g_object_ref(self), candidate };
    g_hash_table_add(self->starting, make_key(order.uuid, order.disk));
    sinter_policy_order_start_async(G_OBJECT(self), &order, on_started, start);
}

/* --- evaluation ---------------------------------------------------------------------------------
 */

/* (transfer full) (element-type utf8 utf8): domain → ID of an open incident */
static GHashTable *
list_incidents(SinterPolicyRunner *self)
{
    g_autoptr(GPtrArray) list = sinter_incident_log_list(self->incidents);
    GHashTable *open = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < list->len; i++) {
        const SinterIncident *incident = list->pdata[i];

        if (sinter_incident_is_open(incident))
            g_hash_table_insert(open, incident->domain_uuid, incident->id);
    }
    return open;
}

static void
count_generation(SinterPolicyRunner *self)
{
    SinterReferenceGraph *graph = sinter_inventory_get_graph(self->inventory);

    if (graph != self->graph)
        self->generation++;
    g_clear_pointer(&self->graph, sinter_reference_graph_unref);
    self->graph = graph;
}

static SinterPolicyMoment
make_moment(SinterPolicyRunner *self, GHashTable *incidents)
{
    return (SinterPolicyMoment){ self->rules, self->set,        self->memory,      self->executor,
                                 incidents,   self->generation, g_get_real_time(), self->zone };
}

/* An invalid value is told once; other obstacles pass, or were told when they arose. */
static void
tell_invalid(SinterPolicyRunner *self, const SinterDomain *domain,
             const SinterPolicyVerdict *verdict)
{
    g_autofree char *key = make_key(domain->uuid, verdict->disk);
    const Subject subject = { domain->uuid, domain->name, verdict->disk, "policy" };

    if (verdict->policy || !verdict->obstacle ||
        g_strcmp0(g_hash_table_lookup(self->told, key), verdict->obstacle) == 0)
        return;
    log_about(&subject, G_LOG_LEVEL_WARNING, SINTER_MESSAGE_ID_POLICY_REFUSED, verdict->obstacle);
    g_hash_table_insert(self->told, g_steal_pointer(&key), g_strdup(verdict->obstacle));
}

/* What an evaluation finds. */
typedef struct {
    GPtrArray *candidates; /* of Candidate */
    gint64 due_usec;       /* when the first obstacle passes by itself */
} Findings;

static void
take_verdict(SinterPolicyRunner *self, SinterDomain *domain, SinterPolicyVerdict *given,
             Findings *findings)
{
    g_autoptr(SinterPolicyVerdict) verdict = given;
    g_autofree char *key = make_key(domain->uuid, verdict->disk);
    Candidate *candidate;

    tell_invalid(self, domain, verdict);
    if (!verdict->policy || g_hash_table_contains(self->starting, key))
        return;
    if (verdict->obstacle) {
        findings->due_usec = MIN(findings->due_usec, verdict->until_usec);
        return;
    }
    candidate = g_new(Candidate, 1);
    *candidate = (Candidate){ sinter_domain_ref(domain), g_steal_pointer(&verdict) };
    g_ptr_array_add(findings->candidates, candidate);
}

static void
judge_all(SinterPolicyRunner *self, Findings *findings)
{
    g_autoptr(GPtrArray) domains = sinter_inventory_list(self->inventory);
    g_autoptr(GHashTable) incidents = list_incidents(self);
    const SinterPolicyMoment moment = make_moment(self, incidents);

    for (guint i = 0; i < domains->len; i++) {
        SinterDomain *domain = domains->pdata[i];

        sinter_policy_memory_see(self->memory, domain, moment.now_usec);
        for (guint k = 0; k < domain->disks->len; k++)
            take_verdict(self, domain,
                         sinter_policy_judge(&moment, domain, domain->disks->pdata[k]), findings);
    }
}

static gboolean
on_due(gpointer user_data)
{
    SinterPolicyRunner *self = user_data;

    self->due_id = 0;
    evaluate_soon(self);
    return G_SOURCE_REMOVE;
}

static void
set_timer(SinterPolicyRunner *self, gint64 due_usec)
{
    gint64 wait_usec = due_usec - g_get_real_time();

    g_clear_handle_id(&self->due_id, g_source_remove);
    if (due_usec == G_MAXINT64)
        return;
    wait_usec = CLAMP(wait_usec, 0, MAX_WAIT_USEC);
    self->due_id = g_timeout_add_seconds((guint)(wait_usec / G_USEC_PER_SEC) + 1, on_due, self);
}

static void
evaluate(SinterPolicyRunner *self)
{
    Findings findings = { g_ptr_array_new_with_free_func(candidate_free), G_MAXINT64 };
    guint room = sinter_executor_count_room(self->executor);

    count_generation(self);
    judge_all(self, &findings);
    while (findings.candidates->len > 0 && g_hash_table_size(self->starting) < room)
        start_merge(self, g_ptr_array_steal_index(findings.candidates, 0));
    set_timer(self, findings.due_usec);
    g_ptr_array_unref(findings.candidates);
}

static gboolean
on_idle(gpointer user_data)
{
    SinterPolicyRunner *self = user_data;

    self->idle_id = 0;
    evaluate(self);
    return G_SOURCE_REMOVE;
}

/* A burst of changes costs one evaluation. */
static void
evaluate_soon(SinterPolicyRunner *self)
{
    if (self->started && self->idle_id == 0 && sinter_inventory_is_complete(self->inventory) &&
        sinter_policy_rules_any(self->rules))
        self->idle_id = g_idle_add(on_idle, self);
}

/* --- preview ------------------------------------------------------------------------------------
 */

void
sinter_policy_runner_preview_async(SinterPolicyRunner *self, SinterDomain *only,
                                   GAsyncReadyCallback callback, gpointer user_data)
{
    GPtrArray *forecasts =
        g_ptr_array_new_with_free_func((GDestroyNotify)sinter_policy_forecast_free);
    g_autoptr(GPtrArray) domains = sinter_inventory_list(self->inventory);
    g_autoptr(GHashTable) incidents = list_incidents(self);
    SinterPolicyMoment moment;

    count_generation(self);
    moment = make_moment(self, incidents);
    for (guint i = 0; i < domains->len; i++) {
        SinterDomain *domain = domains->pdata[i];

        for (guint k = 0; k < domain->disks->len && (!only || only == domain); k++)
            g_ptr_array_add(forecasts,
                            sinter_policy_forecast_new(&moment, domain, domain->disks->pdata[k]));
    }
    sinter_policy_forecast_plan_async(G_OBJECT(self), forecasts, self->graph, callback, user_data);
}

/* --- signals ------------------------------------------------------------------------------------
 */

static void
on_domain_changed(SinterInventory *inventory, SinterDomain *old, SinterDomain *new,
                  SinterPolicyRunner *self)
{
    if (new)
        sinter_policy_memory_see(self->memory, new, g_get_real_time());
    else
        sinter_policy_memory_forget(self->memory, old->uuid);
    evaluate_soon(self);
}

/* A job that has not begun is withdrawn. That is no cancellation by a user. */
static void
withdraw(SinterPolicyRunner *self, SinterJob *job)
{
    const SinterJobRecord *record = sinter_job_get_record(job);
    g_autofree char *id = g_strdup(record->id);

    if (!record->plan->policy ||
        (record->phase != SINTER_PHASE_QUEUED && record->phase != SINTER_PHASE_WAITING))
        return;
    g_hash_table_add(self->withdrawn, g_strdup(id));
    if (!sinter_job_cancel(job, NULL))
        g_hash_table_remove(self->withdrawn, id);
}

static void
on_incident_added(SinterIncidentLog *log, const SinterIncident *incident, SinterPolicyRunner *self)
{
    g_autoptr(SinterDomain) domain =
        sinter_inventory_lookup(self->inventory, incident->domain_uuid);

    for (guint i = 0; domain && sinter_incident_is_open(incident) && i < domain->disks->len; i++) {
        const SinterDisk *disk = domain->disks->pdata[i];
        SinterJob *job = sinter_executor_find_on_disk(self->executor, domain->uuid, disk->target);

        if (job)
            withdraw(self, job);
    }
}

static void
on_job_ended(SinterJob *job, SinterPolicyRunner *self)
{
    const SinterJobRecord *record = sinter_job_get_record(job);
    gboolean withdrawn = g_hash_table_remove(self->withdrawn, record->id);

    if (!withdrawn || record->phase != SINTER_PHASE_CANCELLED)
        sinter_policy_memory_take_job(self->memory, record);
    evaluate_soon(self);
}

static void
on_job_added(SinterExecutor *executor, SinterJob *job, SinterPolicyRunner *self)
{
    const SinterJobRecord *record = sinter_job_get_record(job);

    if (sinter_phase_is_final(record->phase))
        sinter_policy_memory_take_job(self->memory, record);
    g_signal_connect_object(job, "ended", G_CALLBACK(on_job_ended), self, 0);
}

static void
connect_signals(SinterPolicyRunner *self)
{
    g_signal_connect_object(self->inventory, "domain-changed", G_CALLBACK(on_domain_changed), self,
                            0);
    g_signal_connect_object(self->inventory, "scanned", G_CALLBACK(evaluate_soon), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(self->executor, "job-added", G_CALLBACK(on_job_added), self, 0);
    g_signal_connect_object(self->incidents, "incident-added", G_CALLBACK(on_incident_added), self,
                            0);
    g_signal_connect_object(self->incidents, "incident-changed", G_CALLBACK(evaluate_soon), self,
                            G_CONNECT_SWAPPED);
}

void
sinter_policy_runner_start(SinterPolicyRunner *self)
{
    self->started = TRUE;
    evaluate_soon(self);
}

/* --- the object ---------------------------------------------------------------------------------
 */

static gboolean
is_limit(const char *key)
{
    const SinterPluginSetting *setting;

    for (guint i = 0; (setting = sinter_policy_limits_get_setting(i)); i++) {
        if (g_str_equal(setting->name, key))
            return TRUE;
    }
    return FALSE;
}

static void
tell_unknown(const char *group, const char *key, gpointer user_data)
{
    const SinterPolicyRunner *self = user_data;
    const SinterLogField fields[] = { { "MESSAGE_ID", SINTER_MESSAGE_ID_CONFIG_PROBLEM },
                                      { NULL } };

    if (!is_limit(key) && !sinter_policy_set_has_setting(self->set, key))
        sinter_log(G_LOG_LEVEL_WARNING, fields,
                   "unknown key '%s' in group [%s] ignored: no policy has this setting", key,
                   group);
}

SinterPolicyRunner *
sinter_policy_runner_new(const SinterPolicyRunnerParts *parts)
{
    SinterPolicyRunner *self = g_object_new(SINTER_TYPE_POLICY_RUNNER, NULL);

    self->inventory = g_object_ref(parts->inventory);
    self->executor = g_object_ref(parts->executor);
    self->incidents = g_object_ref(parts->incidents);
    self->rules = parts->rules;
    self->set = sinter_policy_set_new(parts->plugins);
    sinter_policy_rules_foreach(self->rules, tell_unknown, self);
    connect_signals(self);
    return self;
}

static void
sinter_policy_runner_finalize(GObject *object)
{
    SinterPolicyRunner *self = SINTER_POLICY_RUNNER(object);

    g_clear_handle_id(&self->idle_id, g_source_remove);
    g_clear_handle_id(&self->due_id, g_source_remove);
    g_clear_pointer(&self->graph, sinter_reference_graph_unref);
    g_clear_object(&self->incidents);
    g_clear_object(&self->executor);
    g_clear_object(&self->inventory);
    sinter_policy_memory_free(self->memory);
    sinter_policy_set_free(self->set);
    g_time_zone_unref(self->zone);
    g_hash_table_unref(self->starting);
    g_hash_table_unref(self->withdrawn);
    g_hash_table_unref(self->told);
    G_OBJECT_CLASS(sinter_policy_runner_parent_class)->finalize(object);
}

static void
sinter_policy_runner_class_init(SinterPolicyRunnerClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_policy_runner_finalize;
}

static void
sinter_policy_runner_init(SinterPolicyRunner *self)
{
    self->memory = sinter_policy_memory_new();
    self->zone = g_time_zone_new_local();
    self->starting = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->withdrawn = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}
