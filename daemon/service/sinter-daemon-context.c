/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Owns the configuration and the meter; refers to the connection, the inventory and the executor.
 * Invariant: it reports itself as scanned only while the connection is open and a complete scan
 * over it has ended.
 */

#include "sinter-daemon-context.h"

#include "sinter-chain-meter.h"
#include "sinter-doctor.h"
#include "sinter-log.h"

struct _SinterDaemonContext {
    GObject parent_instance;
    gboolean system;
    char *config_file;
    SinterConfig *config;
    SinterConnection *connection;
    SinterInventory *inventory;
    SinterExecutor *executor;
    SinterIncidentLog *incidents;
    SinterResponder *responder;
    SinterPolicyRunner *runner;
    SinterChainMeter *meter;
    SinterDoctor *doctor;
    GHashTable *jobs; /* id → SinterJob: those that the executor keeps */
    gboolean scanned;
    guint n_readings; /* reloads requested since the start */
    guint adopted;    /* the serial of the reload in force, 0 for the configuration of the start */
};

static void context_iface_init(SinterServiceContextInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(SinterDaemonContext, sinter_daemon_context, G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(SINTER_TYPE_SERVICE_CONTEXT,
                                                    context_iface_init))

/*
 * The connection was opened or lost: the state read before may be out of date. This handler runs
 * before those of the service, which was made later: they ask whether all domains are read.
 */
static void
on_event(SinterInventory *inventory, const SinterEvent *event, SinterDaemonContext *self)
{
    if (event->kind == SINTER_EVENT_CONNECTED || event->kind == SINTER_EVENT_DISCONNECTED)
        self->scanned = FALSE;
}

static void
on_scanned(SinterInventory *inventory, SinterDaemonContext *self)
{
    self->scanned = sinter_connection_is_open(self->connection);
}

static void
on_job_added(SinterExecutor *executor, SinterJob *job, SinterDaemonContext *self)
{
    g_hash_table_insert(self->jobs, g_strdup(sinter_job_get_record(job)->id), g_object_ref(job));
}

static void
on_job_removed(SinterExecutor *executor, SinterJob *job, SinterDaemonContext *self)
{
    g_hash_table_remove(self->jobs, sinter_job_get_record(job)->id);
}

SinterDaemonContext *
sinter_daemon_context_new(const SinterDaemonContextParts *parts)
{
    SinterDaemonContext *self = g_object_new(SINTER_TYPE_DAEMON_CONTEXT, NULL);

    self->system = parts->system;
    self->config_file = g_strdup(parts->config_file);
    self->config = parts->config;
    self->connection = g_object_ref(parts->connection);
    self->inventory = g_object_ref(parts->inventory);
    self->executor = g_object_ref(parts->executor);
    self->incidents = g_object_ref(parts->incidents);
    self->responder = g_object_ref(parts->responder);
    self->doctor = sinter_doctor_new(
        self->connection, sinter_inventory_get_settings(self->inventory)->memory->storage);
    self->runner = g_object_ref(parts->runner);
    g_signal_connect_object(self->inventory, "event", G_CALLBACK(on_event), self, 0);
    g_signal_connect_object(self->inventory, "scanned", G_CALLBACK(on_scanned), self, 0);
    g_signal_connect_object(self->executor, "job-added", G_CALLBACK(on_job_added), self, 0);
    g_signal_connect_object(self->executor, "job-removed", G_CALLBACK(on_job_removed), self, 0);
    return self;
}

/* A newly read configuration, passed from a thread to the main context. */
typedef struct {
    SinterConfig *config;
    GPtrArray *problems;
    guint serial;
} Reading;

static void
reading_free(gpointer data)
{
    Reading *reading = data;

    sinter_config_free(reading->config);
    g_ptr_array_unref(reading->problems);
    g_free(reading);
}

static void
read_in_thread(GTask *task, gpointer source_object, gpointer task_data, GCancellable *cancellable)
{
    SinterDaemonContext *self = source_object;
    Reading *reading = task_data;
    g_autoptr(GPtrArray) paths = sinter_config_list_files(self->system, self->config_file);
    GError *error = NULL;

    for (guint i = 0; i < paths->len; i++) {
        if (!sinter_config_read_file(reading->config, g_ptr_array_index(paths, i),
                                     reading->problems, &error)) {
            g_task_return_error(task, error);
            return;
        }
    }
    g_task_return_boolean(task, TRUE);
}

void
sinter_daemon_context_reload_async(SinterDaemonContext *self, GAsyncReadyCallback callback,
                                   gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(self, NULL, callback, user_data);
    Reading *reading = g_new(Reading, 1);

    *reading = (Reading){ sinter_config_new(), g_ptr_array_new_with_free_func(g_free),
                          ++self->n_readings };
    g_task_set_task_data(task, reading, reading_free);
    g_task_run_in_thread(task, read_in_thread);
}

static void
adopt(SinterDaemonContext *self, const Reading *reading)
{
    g_autoptr(GPtrArray) waiting = NULL;

    self->adopted = reading->serial;
    sinter_config_log(reading->problems);
    waiting = sinter_config_adopt(self->config, reading->config);
    for (guint i = 0; i < waiting->len; i++)
        sinter_log(G_LOG_LEVEL_WARNING, NULL, "Configuration: %s takes effect at the next start",
                   (char *)g_ptr_array_index(waiting, i));
}

gboolean
sinter_daemon_context_reload_finish(SinterDaemonContext *self, GAsyncResult *result, GError **error)
{
    const Reading *reading = g_task_get_task_data(G_TASK(result));

    if (!g_task_propagate_boolean(G_TASK(result), error))
        return FALSE;
    /* of two overlapping reloads, the one requested later counts */
    if (reading->serial > self->adopted)
        adopt(self, reading);
    return TRUE;
}

void
sinter_daemon_context_stop(SinterDaemonContext *self)
{
    g_clear_pointer(&self->meter, sinter_chain_meter_free);
    g_clear_pointer(&self->doctor, sinter_doctor_free);
}

/* --- the inventory ---------------------------------------------------------------------------- */

static gboolean
is_scanned(SinterServiceContext *context)
{
    return SINTER_DAEMON_CONTEXT(context)->scanned;
}

static gboolean
has_problems(SinterServiceContext *context)
{
    return sinter_inventory_has_problems(SINTER_DAEMON_CONTEXT(context)->inventory);
}

static SinterDomain *
lookup_domain(SinterServiceContext *context, const char *name_or_uuid)
{
    return sinter_inventory_lookup(SINTER_DAEMON_CONTEXT(context)->inventory, name_or_uuid);
}

static SinterReferenceGraph *
get_graph(SinterServiceContext *context)
{
    return sinter_inventory_get_graph(SINTER_DAEMON_CONTEXT(context)->inventory);
}

static void
refresh_async(SinterServiceContext *context, const char *uuid, GAsyncReadyCallback callback,
              gpointer user_data)
{
    sinter_inventory_refresh_async(SINTER_DAEMON_CONTEXT(context)->inventory, uuid, NULL, callback,
                                   user_data);
}

static void
settle_async(SinterServiceContext *context, const char *uuid, GAsyncReadyCallback callback,
             gpointer user_data)
{
    sinter_inventory_settle_async(SINTER_DAEMON_CONTEXT(context)->inventory, uuid, NULL, callback,
                                  user_data);
}

static gboolean
refresh_finish(SinterServiceContext *context, GAsyncResult *result, GError **error)
{
    return sinter_inventory_refresh_finish(SINTER_DAEMON_CONTEXT(context)->inventory, result,
                                           error);
}

static void
measure_chain_async(SinterServiceContext *context, SinterDomain *domain, const char *target,
                    GAsyncReadyCallback callback, gpointer user_data)
{
    sinter_chain_meter_measure_async(SINTER_DAEMON_CONTEXT(context)->meter, domain, target,
                                     callback, user_data);
}

static void
examine_host_async(SinterServiceContext *context, GAsyncReadyCallback callback, gpointer user_data)
{
    SinterDaemonContext *self = SINTER_DAEMON_CONTEXT(context);
    g_autoptr(GPtrArray) domains = sinter_inventory_list(self->inventory);

    sinter_doctor_examine_async(self->doctor, domains, self->config->limits.max_pause_msec,
                                callback, user_data);
}

/* --- the executor ----------------------------------------------------------------------------- */

static GStrv
submit(SinterServiceContext *context, const SinterPlan *plan, const SinterJobOptions *options,
       GError **error)
{
    SinterExecutor *executor = SINTER_DAEMON_CONTEXT(context)->executor;
    g_autoptr(GPtrArray) jobs = sinter_executor_submit(executor, plan, options, error);
    g_autoptr(GStrvBuilder) ids = g_strv_builder_new();

    if (!jobs)
        return NULL;
    for (guint i = 0; i < jobs->len; i++)
        g_strv_builder_add(ids, sinter_job_get_record(g_ptr_array_index(jobs, i))->id);
    return g_strv_builder_end(ids);
}

static const char *
find_job_on_disk(SinterServiceContext *context, const char *domain_uuid, const char *target)
{
    SinterExecutor *executor = SINTER_DAEMON_CONTEXT(context)->executor;
    SinterJob *job = sinter_executor_find_on_disk(executor, domain_uuid, target);

    return job ? sinter_job_get_record(job)->id : NULL;
}

static SinterJob *
find_job(SinterServiceContext *context, const char *id, GError **error)
{
    SinterJob *job = g_hash_table_lookup(SINTER_DAEMON_CONTEXT(context)->jobs, id);

    if (!job)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "no job '%.64s'", id);
    return job;
}

static gboolean
cancel_job(SinterServiceContext *context, const char *id, GError **error)
{
    SinterJob *job = find_job(context, id, error);

    return job && sinter_job_cancel(job, error);
}

static gboolean
set_job_bandwidth(SinterServiceContext *context, const char *id, guint64 bytes_per_sec,
                  GError **error)
{
    SinterJob *job = find_job(context, id, error);

    return job && sinter_job_set_bandwidth(job, bytes_per_sec, error);
}

static gboolean
resolve_job(SinterServiceContext *context, const char *id, const char *choice, GError **error)
{
    SinterJob *job = find_job(context, id, error);

    return job && sinter_job_resolve(job, choice, error);
}

/* --- the incidents -----------------------------------------------------------------------------
 */

static gboolean
resolve_incident(SinterServiceContext *context, const char *id, GError **error)
{
    return sinter_incident_log_resolve(SINTER_DAEMON_CONTEXT(context)->incidents, id,
                                       "a user resolved it", error);
}

static gboolean
retry_incident(SinterServiceContext *context, const char *id, GError **error)
{
    return sinter_incident_log_retry(SINTER_DAEMON_CONTEXT(context)->incidents, id, error);
}

static void
choose_remedy_async(SinterServiceContext *context, const char *id, const char *remedy,
                    GAsyncReadyCallback callback, gpointer user_data)
{
    sinter_responder_choose_async(SINTER_DAEMON_CONTEXT(context)->responder, id, remedy, callback,
                                  user_data);
}

static char *
choose_remedy_finish(SinterServiceContext *context, GAsyncResult *result, GError **error)
{
    return sinter_responder_choose_finish(SINTER_DAEMON_CONTEXT(context)->responder, result, error);
}

/* --- policies -----------------------------------------------------------------------------------
 */

static void
preview_policies_async(SinterServiceContext *context, SinterDomain *only,
                       GAsyncReadyCallback callback, gpointer user_data)
{
    sinter_policy_runner_preview_async(SINTER_DAEMON_CONTEXT(context)->runner, only, callback,
                                       user_data);
}

static GPtrArray *
preview_policies_finish(SinterServiceContext *context, GAsyncResult *result, GError **error)
{
    return sinter_policy_forecast_plan_finish(result, error);
}

/* --- the configuration ------------------------------------------------------------------------ */

static const SinterPlanLimits *
get_plan_limits(SinterServiceContext *context)
{
    return &SINTER_DAEMON_CONTEXT(context)->config->plans;
}

static const SinterJobLimits *
get_job_limits(SinterServiceContext *context)
{
    return &SINTER_DAEMON_CONTEXT(context)->config->limits;
}

static const char *
get_copy_folders(SinterServiceContext *context)
{
    SinterDaemonContext *self = SINTER_DAEMON_CONTEXT(context);

    return self->system ? self->config->copy_folders : NULL;
}

static void
context_iface_init(SinterServiceContextInterface *iface)
{
    iface->is_scanned = is_scanned;
    iface->has_problems = has_problems;
    iface->lookup_domain = lookup_domain;
    iface->get_graph = get_graph;
    iface->refresh_async = refresh_async;
    iface->settle_async = settle_async;
    iface->refresh_finish = refresh_finish;
    iface->measure_chain_async = measure_chain_async;
    iface->examine_host_async = examine_host_async;
    iface->submit = submit;
    iface->find_job_on_disk = find_job_on_disk;
    iface->cancel_job = cancel_job;
    iface->set_job_bandwidth = set_job_bandwidth;
    iface->resolve_job = resolve_job;
    iface->resolve_incident = resolve_incident;
    iface->retry_incident = retry_incident;
    iface->choose_remedy_async = choose_remedy_async;
    iface->choose_remedy_finish = choose_remedy_finish;
    iface->preview_policies_async = preview_policies_async;
    iface->preview_policies_finish = preview_policies_finish;
    iface->get_plan_limits = get_plan_limits;
    iface->get_job_limits = get_job_limits;
    iface->get_copy_folders = get_copy_folders;
}

static void
sinter_daemon_context_finalize(GObject *object)
{
    SinterDaemonContext *self = SINTER_DAEMON_CONTEXT(object);

    sinter_daemon_context_stop(self);
    g_hash_table_unref(self->jobs);
    g_clear_object(&self->runner);
    g_clear_object(&self->responder);
    g_clear_object(&self->incidents);
    g_clear_object(&self->executor);
    g_clear_object(&self->inventory);
    g_clear_object(&self->connection);
    sinter_config_free(self->config);
    g_free(self->config_file);
    G_OBJECT_CLASS(sinter_daemon_context_parent_class)->finalize(object);
}

static void
sinter_daemon_context_class_init(SinterDaemonContextClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_daemon_context_finalize;
}

static void
sinter_daemon_context_init(SinterDaemonContext *self)
{
    self->meter = sinter_chain_meter_new();
    self->jobs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref);
}
