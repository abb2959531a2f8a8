/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Decides what is done about an incident. Invariant: a diagnosis is answered once for each number
 * of attempts, so that an incident that changes often starts nothing twice; a disk has at most one
 * job; a remedy that the administrator does not allow is never started unless a user chooses it.
 */

#include "sinter-responder.h"

#include <string.h>

#include "sinter-error.h"
#include "sinter-log.h"
#include "sinter-plugin-ask.h"

#define PREFIX "remedy-"

struct _SinterResponder {
    GObject parent_instance;
    SinterIncidentLog *incidents;
    SinterInventory *inventory;
    SinterExecutor *executor;
    GPtrArray *remedies;  /* of SinterPlugin (unowned): allowed ones first, in their order */
    guint n_allowed;      /* how many of them are allowed */
    GHashTable *values;   /* "GROUP/KEY" → text */
    GHashTable *answered; /* ID → "CAUSE ATTEMPTS" */
};

G_DEFINE_FINAL_TYPE(SinterResponder, sinter_responder, G_TYPE_OBJECT)

/* --- the remedies -------------------------------------------------------------------------------
 */

static gboolean
is_named(const SinterPlugin *plugin, const char *name)
{
    return strcmp(plugin->name, name) == 0 || strcmp(plugin->name + strlen(PREFIX), name) == 0;
}

static const SinterPlugin *
find_remedy(SinterResponder *self, const char *name)
{
    for (guint i = 0; i < self->remedies->len; i++) {
        if (is_named(self->remedies->pdata[i], name))
            return self->remedies->pdata[i];
    }
    return NULL;
}

static void
collect_remedies(SinterResponder *self, const SinterPluginRegistry *plugins)
{
    for (guint i = 0; i < sinter_plugin_registry_get_n(plugins); i++) {
        const SinterPlugin *plugin = sinter_plugin_registry_get(plugins, i);

        if (plugin->kind == SINTER_PLUGIN_REMEDY)
            g_ptr_array_add(self->remedies, (gpointer)plugin);
    }
}

static void
allow(SinterResponder *self, const char *name)
{
    const SinterPlugin *plugin = find_remedy(self, name);
    guint index;

    if (!plugin) {
        sinter_log(G_LOG_LEVEL_WARNING, NULL,
                   "[remedies] use names '%s', which is no remedy: it is ignored", name);
        return;
    }
    g_ptr_array_find(self->remedies, plugin, &index);
    if (index < self->n_allowed)
        return;
    g_ptr_array_remove_index(self->remedies, index);
    g_ptr_array_insert(self->remedies, (gint)self->n_allowed++, (gpointer)plugin);
}

static void
allow_all(SinterResponder *self, const char *list)
{
    g_auto(GStrv) names = g_strsplit(list, ";", -1);

    for (char **name = names; *name; name++) {
        if (*g_strstrip(*name))
            allow(self, *name);
    }
}

static gboolean
has_setting(SinterResponder *self, const char *key)
{
    g_auto(GStrv) parts = g_strsplit(key, "/", 2);
    const SinterPlugin *plugin = parts[0] ? find_remedy(self, parts[0]) : NULL;
    const SinterRemedy *remedy = plugin ? plugin->operations : NULL;

    for (guint i = 0; remedy && i < remedy->n_settings; i++) {
        if (g_strcmp0(remedy->settings[i].name, parts[1]) == 0)
            return TRUE;
    }
    return FALSE;
}

static void
take_values(SinterResponder *self, GHashTable *values)
{
    GHashTableIter iter;
    gpointer key;
    gpointer value;

    g_hash_table_iter_init(&iter, values);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        if (has_setting(self, key))
            g_hash_table_insert(self->values, g_strdup(key), g_strdup(value));
        else
            sinter_log(G_LOG_LEVEL_WARNING, NULL,
                       "the setting '%s' of a remedy does not exist: it is ignored",
                       (const char *)key);
    }
}

/* (transfer full): a value for each setting of @plugin; the strings are not copied */
static const char **
list_values(SinterResponder *self, const SinterPlugin *plugin)
{
    const SinterRemedy *remedy = plugin->operations;
    const char **values = g_new0(const char *, remedy->n_settings + 1);

    for (guint i = 0; i < remedy->n_settings; i++) {
        const SinterPluginSetting *setting = &remedy->settings[i];
        g_autofree char *key = g_strconcat(plugin->name, "/", setting->name, NULL);
        const char *value = g_hash_table_lookup(self->values, key);

        values[i] = value ? value : setting->initial;
    }
    return values;
}

/* (transfer full) (nullable): the steps that @plugin proposes */
static GPtrArray *
ask(SinterResponder *self, const SinterPlugin *plugin, const SinterIncident *incident,
    SinterDomain *domain, GError **error)
{
    g_autofree const char **values = list_values(self, plugin);
    g_autoptr(SinterEvent) event = sinter_incident_log_dup_event(self->incidents, incident->id);
    SinterRemedyQuestion question = {
        .domain = domain,
        .disk = sinter_domain_find_disk(domain, incident->disk),
        .cause = incident->cause,
        .n_attempts = (guint)CLAMP(incident->n_attempts, 0, G_MAXUINT),
        .now_usec = g_get_real_time(),
        .values = values,
    };

    if (!event)
        event = sinter_event_new(SINTER_EVENT_IO_ERROR);
    question.event = event;
    return sinter_plugin_ask_remedy(plugin, &question, error);
}

/* --- the job ------------------------------------------------------------------------------------
 */

/* Takes @proposal into @part. FALSE for a step that no job can carry out. */
static gboolean
take_step(SinterDiskPlan *part, const SinterProposal *proposal, gboolean *resumes)
{
    switch (proposal->kind) {
    case SINTER_PROPOSE_WAIT_SPACE:
        part->min_free_bytes = MAX(part->min_free_bytes, proposal->bytes);
        return TRUE;
    case SINTER_PROPOSE_WAIT_STORAGE:
        return TRUE;
    case SINTER_PROPOSE_RESUME:
        part->delay_usec = (guint64)proposal->delay_sec * G_USEC_PER_SEC;
        *resumes = TRUE;
        return TRUE;
    case SINTER_PROPOSE_CONSOLIDATE:
    case SINTER_PROPOSE_EXTEND:
    case SINTER_PROPOSE_REPORT:
        break;
    }
    return FALSE;
}

/* (transfer full) (nullable): the plan for @steps; UNSUPPORTED if no job can carry them out */
static SinterPlan *
make_plan(const SinterPlugin *plugin, const SinterIncident *incident, SinterDomain *domain,
          const GPtrArray *steps, GError **error)
{
    const SinterDisk *disk = sinter_domain_find_disk(domain, incident->disk);
    SinterDiskPlan *part = sinter_disk_plan_new(incident->disk);
    g_autoptr(SinterPlan) plan = sinter_plan_new();
    gboolean resumes = FALSE;
    gboolean good = TRUE;

    g_ptr_array_add(plan->disks, part);
    plan->domain_uuid = g_strdup(domain->uuid);
    plan->domain_name = g_strdup(domain->name);
    plan->domain_active = domain->active;
    plan->created_usec = g_get_real_time();
    part->operation = SINTER_OPERATION_RECOVER;
    part->incident = g_strdup(incident->id);
    part->remedy = g_strdup(plugin->name);
    part->chain_before = sinter_disk_dup_chain(disk);
    for (guint i = 0; good && i < steps->len; i++)
        good = !resumes && take_step(part, steps->pdata[i], &resumes);
    if (good && resumes)
        return g_steal_pointer(&plan);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "%s proposes steps that sinterd cannot carry out", plugin->name);
    return NULL;
}

/* (transfer full) (nullable): the ID of the job that was started */
static char *
start(SinterResponder *self, const SinterPlugin *plugin, const SinterIncident *incident,
      SinterDomain *domain, const GPtrArray *steps, GError **error)
{
    const SinterJobOptions options = { 0 };
    g_autoptr(SinterPlan) plan = make_plan(plugin, incident, domain, steps, error);
    g_autoptr(GPtrArray) jobs =
        plan ? sinter_executor_submit(self->executor, plan, &options, error) : NULL;
    g_autofree char *text = NULL;
    char *id;

    if (!jobs)
        return NULL;
    g_assert(jobs->len == 1);
    id = g_strdup(sinter_job_get_record(jobs->pdata[0])->id);
    text = g_strdup_printf("%s: job %s", plugin->name, id);
    sinter_incident_log_start_remedy(self->incidents, incident->id, text);
    return id;
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

/* Asks one remedy. Returns whether the incident has its answer. */
static gboolean
try_remedy(SinterResponder *self, guint index, const SinterIncident *incident, SinterDomain *domain)
{
    const SinterPlugin *plugin = self->remedies->pdata[index];
    gboolean allowed = index < self->n_allowed;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) steps = ask(self, plugin, incident, domain, &error);
    g_autofree char *job = NULL;

    if (steps && steps->len == 0)
        return FALSE;
    if (steps)
        note_proposal(self, plugin, incident->id, allowed, steps);
    if (steps && (!allowed || only_reports(steps)))
        return allowed;
    if (steps)
        job = start(self, plugin, incident, domain, steps, &error);
    if (!job) {
        g_autofree char *text = g_strdup_printf("%s: %s", plugin->name, error->message);

        sinter_incident_log_note(self->incidents, incident->id, "remedy", text);
    }
    return job != NULL;
}

/* Notes that this diagnosis is answered; FALSE if it already was. */
static gboolean
take_answer(SinterResponder *self, const SinterIncident *incident)
{
    char *key = g_strdup_printf("%s %" G_GINT64_FORMAT, incident->cause, incident->n_attempts);

    if (g_strcmp0(g_hash_table_lookup(self->answered, incident->id), key) == 0) {
        g_free(key);
        return FALSE;
    }
    g_hash_table_insert(self->answered, g_strdup(incident->id), key);
    return TRUE;
}

static void
consider(SinterResponder *self, const SinterIncident *incident)
{
    g_autoptr(SinterDomain) domain = NULL;
    gboolean answered = FALSE;

    if (!sinter_incident_is_open(incident) || !incident->paused || *incident->cause == '\0' ||
        *incident->disk == '\0' ||
        sinter_executor_find_on_disk(self->executor, incident->domain_uuid, incident->disk))
        return;
    domain = sinter_inventory_lookup(self->inventory, incident->domain_uuid);
    if (!domain || !sinter_domain_find_disk(domain, incident->disk) || !take_answer(self, incident))
        return;
    for (guint i = 0; !answered && i < self->remedies->len; i++)
        answered = try_remedy(self, i, incident, domain);
}

void
sinter_responder_consider_all(SinterResponder *self)
{
    g_autoptr(GPtrArray) list = sinter_incident_log_list(self->incidents);

    for (guint i = 0; i < list->len; i++)
        consider(self, list->pdata[i]);
}

char *
sinter_responder_choose(SinterResponder *self, const char *id, const char *remedy, GError **error)
{
    const SinterIncident *incident = sinter_incident_log_lookup(self->incidents, id, error);
    const SinterPlugin *plugin = find_remedy(self, remedy);
    g_autoptr(SinterDomain) domain = NULL;
    g_autoptr(GPtrArray) steps = NULL;

    if (!incident)
        return NULL;
    if (!plugin) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "no remedy '%.64s'", remedy);
        return NULL;
    }
    if (!sinter_incident_is_open(incident) || !incident->paused) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "incident %s does not keep a guest paused", id);
        return NULL;
    }
    domain = sinter_inventory_lookup(self->inventory, incident->domain_uuid);
    if (!domain || !sinter_domain_find_disk(domain, incident->disk)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                    "domain '%s' has no disk that incident %s is about", incident->domain_name, id);
        return NULL;
    }
    steps = ask(self, plugin, incident, domain, error);
    if (steps && (steps->len == 0 || only_reports(steps))) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "%s does not apply to incident %s (%s)%s%s", plugin->name, id, incident->cause,
                    steps->len > 0 ? ": " : "",
                    steps->len > 0 ? ((const SinterProposal *)steps->pdata[0])->reason : "");
        return NULL;
    }
    return steps ? start(self, plugin, incident, domain, steps, error) : NULL;
}

/* --- signals ------------------------------------------------------------------------------------
 */

static void
on_changed(SinterIncidentLog *incidents, const SinterIncident *incident, SinterResponder *self)
{
    consider(self, incident);
}

static void
on_removed(SinterIncidentLog *incidents, const SinterIncident *incident, SinterResponder *self)
{
    g_hash_table_remove(self->answered, incident->id);
}

/* A disk has no job any more. After a remedy that failed the cause is looked for again. */
static void
on_job_ended(SinterJob *job, SinterResponder *self)
{
    const SinterJobRecord *record = sinter_job_get_record(job);
    g_autofree char *text = NULL;

    if (record->plan->incident) {
        text = g_strdup_printf("job %s: %s%s%s", record->id, sinter_phase_name(record->phase),
                               record->error_message ? ": " : "",
                               record->error_message ? record->error_message : "");
        sinter_incident_log_note(self->incidents, record->plan->incident, "remedy", text);
        if (record->phase == SINTER_PHASE_FAILED)
            sinter_incident_log_retry(self->incidents, record->plan->incident, NULL);
    } else {
        sinter_responder_consider_all(self);
    }
}

static void
on_job_added(SinterExecutor *executor, SinterJob *job, SinterResponder *self)
{
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
    collect_remedies(self, parts->plugins);
    allow_all(self, parts->allowed);
    take_values(self, parts->values);
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
    g_ptr_array_unref(self->remedies);
    g_hash_table_unref(self->values);
    g_hash_table_unref(self->answered);
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
    self->remedies = g_ptr_array_new();
    self->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->answered = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}
