/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The only file that connects the parts of the service: it makes the context, the publisher, the
 * tables and the manager object, and passes the signals of the connection, the inventory and the
 * executor to the objects that show them. Only the program includes its header. The objects are
 * exported once: when the first scan has ended, the connection has failed, or neither happened
 * within PUBLISH_AFTER_SEC, all objects appear at once and the bus name is requested. When the name
 * is acquired, the jobs of an earlier run are taken over.
 */

#include "sinter-service.h"

#include <unistd.h>

#include "sinter-daemon-context.h"
#include "sinter-domain-table.h"
#include "sinter-incident-table.h"
#include "sinter-job-table.h"
#include "sinter-log.h"
#include "sinter-manager-object.h"
#include "sinter-message-id.h"
#include "sinter-notify.h"
#include "sinter-object-path.h"
#include "sinter-plan-table.h"
#include "sinter-publisher.h"

/* D-Bus gives an activated service 25 seconds to acquire its name. */
#define PUBLISH_AFTER_SEC 15

struct _SinterService {
    GObject parent_instance;
    GDBusConnection *bus;
    SinterConnection *connection;
    SinterInventory *inventory;
    SinterExecutor *executor;
    SinterIncidentLog *incidents;
    SinterResponder *responder;
    SinterPolicyRunner *runner;
    SinterDaemonContext *context;
    SinterPublisher *publisher;
    SinterPlanTable *plans;
    SinterDomainTable *domains;
    SinterJobTable *jobs;
    SinterIncidentTable *incident_table;
    SinterManagerObject *manager;
    char *trouble;    /* why there is no connection, NULL while connected */
    guint name_id;    /* of the bus name, 0 until it is requested */
    guint publish_id; /* the timeout that ends the wait */
    gboolean ready;   /* the name is acquired and jobs are taken over */
};

G_DEFINE_FINAL_TYPE(SinterService, sinter_service, G_TYPE_OBJECT)

enum { FAILED, N_SIGNALS };

static guint signals[N_SIGNALS];

static gboolean
is_scanned(SinterService *self)
{
    return sinter_service_context_is_scanned(SINTER_SERVICE_CONTEXT(self->context));
}

static void
update_manager(SinterService *self)
{
    sinter_manager_object_update(self->manager, sinter_connection_is_open(self->connection));
}

/* The status line for the service manager. */
static char *
dup_status(SinterService *self)
{
    const char *uri = sinter_connection_get_uri(self->connection);
    guint n_domains = sinter_domain_table_count(self->domains);
    guint n_jobs = sinter_executor_count_unended(self->executor);

    if (self->trouble)
        return g_strdup_printf("No connection to %s: %s", uri, self->trouble);
    if (!is_scanned(self))
        return g_strdup_printf("Waiting for %s", uri);
    return g_strdup_printf("Watching %u domain%s of %s, %u job%s running", n_domains,
                           n_domains == 1 ? "" : "s", uri, n_jobs, n_jobs == 1 ? "" : "s");
}

static void
tell_status(SinterService *self)
{
    g_autofree char *status = dup_status(self);

    if (self->ready)
        sinter_notify_status(status);
}

static void
on_name_acquired(GDBusConnection *bus, const char *name, gpointer user_data)
{
    const SinterLogField fields[] = { { "MESSAGE_ID", SINTER_MESSAGE_ID_SERVING }, { NULL } };
    SinterService *self = user_data;
    g_autofree char *status = NULL;

    if (self->ready)
        return;
    sinter_executor_start(self->executor);
    self->ready = TRUE;
    if (is_scanned(self))
        sinter_responder_consider_all(self->responder);
    sinter_policy_runner_start(self->runner);
    status = dup_status(self);
    sinter_notify_ready(status);
    sinter_log(G_LOG_LEVEL_MESSAGE, fields, "Serving %s. %s", name, status);
}

static void
on_name_lost(GDBusConnection *bus, const char *name, gpointer user_data)
{
    SinterService *self = user_data;
    g_autofree char *why = NULL;

    /* a bus that fails right after it granted the name may not have sent the reply yet */
    if (!bus || g_dbus_connection_is_closed(bus))
        why = g_strdup("the connection to the bus was lost");
    else if (self->ready)
        why = g_strdup_printf("the message bus revoked the name %s", name);
    else
        why = g_strdup_printf("the name %s is already owned on this bus, or user %u is not allowed "
                              "to own it: is another sinterd running?",
                              name, (guint)getuid());
    g_signal_emit(self, signals[FAILED], 0, why);
}

/* Exports everything on the bus; does nothing if that is already done. */
static void
publish(SinterService *self)
{
    g_clear_handle_id(&self->publish_id, g_source_remove);
    if (self->name_id != 0)
        return;
    sinter_domain_table_show(self->domains);
    update_manager(self);
    sinter_publisher_open(self->publisher, self->bus);
    self->name_id = g_bus_own_name_on_connection(self->bus, SINTER_BUS_NAME,
                                                 G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE,
                                                 on_name_acquired, on_name_lost, self, NULL);
}

static gboolean
on_publish_time(gpointer user_data)
{
    SinterService *self = user_data;

    self->publish_id = 0;
    publish(self);
    return G_SOURCE_REMOVE;
}

/* The connection was opened or lost. */
static void
note_connection(SinterService *self, const SinterEvent *event)
{
    g_clear_pointer(&self->trouble, g_free);
    if (event->kind == SINTER_EVENT_DISCONNECTED) {
        self->trouble = g_strdup(event->text ? event->text : "no reason was given");
        publish(self);
    }
    update_manager(self);
    tell_status(self);
}

static void
on_event(SinterInventory *inventory, const SinterEvent *event, SinterService *self)
{
    if (event->kind == SINTER_EVENT_CONNECTED || event->kind == SINTER_EVENT_DISCONNECTED)
        note_connection(self, event);
    sinter_incident_log_take(self->incidents, event);
    sinter_manager_object_tell(self->manager, event);
}

static void
on_domain_changed(SinterInventory *inventory, SinterDomain *old, SinterDomain *new,
                  SinterService *self)
{
    const char *uuid = new ? new->uuid : old->uuid;

    sinter_plan_table_domain_changed(self->plans, uuid, new);
    sinter_domain_table_touch(self->domains, uuid);
    if (new)
        sinter_incident_log_see(self->incidents, new);
}

static void
on_scanned(SinterInventory *inventory, SinterService *self)
{
    publish(self);
    sinter_domain_table_show(self->domains);
    update_manager(self);
    tell_status(self);
    if (self->ready)
        sinter_responder_consider_all(self->responder);
}

static void
on_domain_shown(SinterDomainTable *domains, const char *uuid, SinterService *self)
{
    sinter_job_table_show_domain(self->jobs, uuid);
}

static SinterJobState
get_state(SinterJob *job)
{
    return (SinterJobState){ sinter_job_get_record(job), sinter_job_get_progress(job),
                             sinter_job_is_cancelable(job) };
}

static void
on_job_changed(SinterJob *job, SinterService *self)
{
    SinterJobState state = get_state(job);

    sinter_job_table_update(self->jobs, &state);
}

static void
on_job_ended(SinterJob *job, SinterService *self)
{
    SinterJobState state = get_state(job);

    sinter_job_table_end(self->jobs, &state);
    tell_status(self);
}

static void
on_job_added(SinterExecutor *executor, SinterJob *job, SinterService *self)
{
    SinterJobState state = get_state(job);

    sinter_job_table_add(self->jobs, &state);
    g_signal_connect_object(job, "changed", G_CALLBACK(on_job_changed), self, 0);
    g_signal_connect_object(job, "ended", G_CALLBACK(on_job_ended), self, 0);
    tell_status(self);
}

static void
on_job_removed(SinterExecutor *executor, SinterJob *job, SinterService *self)
{
    SinterJobState state = get_state(job);

    sinter_job_table_remove(self->jobs, &state);
}

static void
on_incident_added(SinterIncidentLog *incidents, const SinterIncident *incident, SinterService *self)
{
    sinter_incident_table_add(self->incident_table, incident);
}

static void
on_incident_changed(SinterIncidentLog *incidents, const SinterIncident *incident,
                    SinterService *self)
{
    sinter_incident_table_update(self->incident_table, incident);
}

static void
on_incident_removed(SinterIncidentLog *incidents, const SinterIncident *incident,
                    SinterService *self)
{
    sinter_incident_table_remove(self->incident_table, incident);
}

/* Shows the incidents of earlier runs, and those to come. */
static void
show_incidents(SinterService *self)
{
    g_autoptr(GPtrArray) known = sinter_incident_log_list(self->incidents);

    for (guint i = 0; i < known->len; i++)
        sinter_incident_table_add(self->incident_table, known->pdata[i]);
    g_signal_connect_object(self->incidents, "incident-added", G_CALLBACK(on_incident_added), self,
                            0);
    g_signal_connect_object(self->incidents, "incident-changed", G_CALLBACK(on_incident_changed),
                            self, 0);
    g_signal_connect_object(self->incidents, "incident-removed", G_CALLBACK(on_incident_removed),
                            self, 0);
}

static void
on_bus_closed(GDBusConnection *bus, gboolean remote_peer_vanished, GError *error,
              SinterService *self)
{
    g_signal_emit(self, signals[FAILED], 0, "the connection to the bus was lost");
}

void
sinter_service_start(SinterService *self)
{
    g_signal_connect_object(self->bus, "closed", G_CALLBACK(on_bus_closed), self, 0);
    g_signal_connect_object(self->inventory, "event", G_CALLBACK(on_event), self, 0);
    g_signal_connect_object(self->inventory, "domain-changed", G_CALLBACK(on_domain_changed), self,
                            0);
    g_signal_connect_object(self->inventory, "scanned", G_CALLBACK(on_scanned), self, 0);
    g_signal_connect_object(self->executor, "job-added", G_CALLBACK(on_job_added), self, 0);
    g_signal_connect_object(self->executor, "job-removed", G_CALLBACK(on_job_removed), self, 0);
    show_incidents(self);
    self->publish_id = g_timeout_add_seconds(PUBLISH_AFTER_SEC, on_publish_time, self);
}

void
sinter_service_stop(SinterService *self)
{
    g_clear_handle_id(&self->publish_id, g_source_remove);
    g_clear_handle_id(&self->name_id, g_bus_unown_name);
    sinter_publisher_close(self->publisher);
    g_dbus_connection_flush_sync(self->bus, NULL, NULL);
}

static void
on_context_reloaded(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    SinterService *self = g_task_get_source_object(task);
    g_autofree char *status = dup_status(self);
    GError *error = NULL;

    if (self->ready)
        sinter_notify_ready(status);
    if (sinter_daemon_context_reload_finish(SINTER_DAEMON_CONTEXT(source), result, &error))
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

void
sinter_service_reload_async(SinterService *self, GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(self, NULL, callback, user_data);

    if (self->ready)
        sinter_notify_reloading();
    sinter_daemon_context_reload_async(self->context, on_context_reloaded, task);
}

gboolean
sinter_service_reload_finish(SinterService *self, GAsyncResult *result, GError **error)
{
    return g_task_propagate_boolean(G_TASK(result), error);
}

static void
on_reload(gpointer reload_data, GAsyncReadyCallback callback, gpointer user_data)
{
    sinter_service_reload_async(reload_data, callback, user_data);
}

static void
make_context(SinterService *self, const SinterServiceParts *parts)
{
    SinterDaemonContextParts own = { parts->system,     parts->config_file, parts->config,
                                     parts->connection, parts->inventory,   parts->executor,
                                     parts->incidents,  parts->responder,   parts->runner };

    self->context = sinter_daemon_context_new(&own);
}

static void
make_manager(SinterService *self)
{
    SinterManagerObjectParts parts = {
        .context = SINTER_SERVICE_CONTEXT(self->context),
        .plans = self->plans,
        .jobs = self->jobs,
        .incidents = self->incident_table,
        .uri = sinter_connection_get_uri(self->connection),
        .reload = on_reload,
        .reload_data = self,
    };

    self->manager = sinter_manager_object_new(&parts);
    update_manager(self);
    sinter_publisher_export(self->publisher, SINTER_OBJECT_ROOT "/Manager",
                            G_DBUS_INTERFACE_SKELETON(self->manager));
}

static void
make_objects(SinterService *self)
{
    SinterServiceContext *context = SINTER_SERVICE_CONTEXT(self->context);

    self->plans = sinter_plan_table_new(context, self->publisher);
    self->domains = sinter_domain_table_new(context, self->publisher, self->plans);
    self->jobs = sinter_job_table_new(context, self->publisher, self->domains);
    self->incident_table = sinter_incident_table_new(context, self->publisher);
    make_manager(self);
    g_signal_connect_object(context, "update-requested", G_CALLBACK(sinter_domain_table_show),
                            self->domains, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->domains, "domain-shown", G_CALLBACK(on_domain_shown), self, 0);
}

SinterService *
sinter_service_new(const SinterServiceParts *parts)
{
    SinterService *self = g_object_new(SINTER_TYPE_SERVICE, NULL);

    self->bus = g_object_ref(parts->bus);
    self->connection = g_object_ref(parts->connection);
    self->inventory = g_object_ref(parts->inventory);
    self->executor = g_object_ref(parts->executor);
    self->incidents = g_object_ref(parts->incidents);
    self->responder = g_object_ref(parts->responder);
    self->runner = g_object_ref(parts->runner);
    self->publisher = sinter_publisher_new(parts->system);
    make_context(self, parts);
    make_objects(self);
    return self;
}

static void
sinter_service_dispose(GObject *object)
{
    SinterService *self = SINTER_SERVICE(object);

    if (self->context)
        sinter_daemon_context_stop(self->context);
    g_clear_object(&self->manager);
    g_clear_object(&self->incident_table);
    g_clear_object(&self->jobs);
    g_clear_object(&self->domains);
    g_clear_object(&self->plans);
    g_clear_object(&self->publisher);
    g_clear_object(&self->context);
    g_clear_object(&self->runner);
    g_clear_object(&self->responder);
    g_clear_object(&self->incidents);
    g_clear_object(&self->executor);
    g_clear_object(&self->inventory);
    g_clear_object(&self->connection);
    g_clear_object(&self->bus);
    G_OBJECT_CLASS(sinter_service_parent_class)->dispose(object);
}

static void
sinter_service_finalize(GObject *object)
{
    g_free(SINTER_SERVICE(object)->trouble);
    G_OBJECT_CLASS(sinter_service_parent_class)->finalize(object);
}

static void
sinter_service_class_init(SinterServiceClass *klass)
{
    G_OBJECT_CLASS(klass)->dispose = sinter_service_dispose;
    G_OBJECT_CLASS(klass)->finalize = sinter_service_finalize;
    signals[FAILED] = g_signal_new("failed", SINTER_TYPE_SERVICE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
sinter_service_init(SinterService *self)
{
}
