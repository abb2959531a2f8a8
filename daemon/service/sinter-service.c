/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The service: which objects stand on the bus, and when. It is put up once: when the first scan
 * has ended, or the connection has failed, or neither came within PUBLISH_AFTER_SEC, everything is
 * exported in one go, the name is asked for, and with the name jobs of an earlier run are taken
 * over. What holds from then on: there is an object for each domain, disk, plan and job, and every
 * method of each stands behind the authority.
 */

#include "sinter-service.h"

#include <malloc.h>
#include <unistd.h>

#include "sinter-authority.h"
#include "sinter-domain-table.h"
#include "sinter-job-table.h"
#include "sinter-log.h"
#include "sinter-manager-object.h"
#include "sinter-message-id.h"
#include "sinter-notify.h"
#include "sinter-object-path.h"
#include "sinter-plan-table.h"

/* D-Bus gives an activated service 25 seconds to take its name. */
#define PUBLISH_AFTER_SEC 15

/* The properties of so many objects are read when all are put up, or listed to a client; memory is
 * given back this long after. */
#define MANY_OBJECTS 256
#define TRIM_AFTER_SEC 1

struct _SinterService {
    GObject parent_instance;
    GDBusConnection *bus;
    gboolean system;
    char *config_file;
    SinterConfig *config;
    SinterConnection *connection;
    SinterInventory *inventory;
    SinterExecutor *executor;
    SinterAuthority *authority;
    GDBusObjectManagerServer *objects;
    SinterManagerObject *manager;
    SinterDomainTable *domains;
    SinterPlanTable *plans;
    SinterJobTable *jobs;
    SinterChainMeter *meter;
    char *trouble;    /* why there is no connection, NULL while there is one */
    guint name_id;    /* of the bus name, 0 before it is asked for */
    guint publish_id; /* the timeout that does not wait any longer */
    guint n_read;     /* objects whose properties were read since memory was last given back */
    guint trim_id;    /* the timeout that gives it back */
    gboolean scanned; /* everything was read since the connection stands */
    gboolean ready;   /* the name is ours and jobs are taken over */
};

G_DEFINE_FINAL_TYPE(SinterService, sinter_service, G_TYPE_OBJECT)

enum { FAILED, N_SIGNALS };

static guint signals[N_SIGNALS];

SinterConnection *
sinter_service_get_connection(SinterService *self)
{
    return self->connection;
}

SinterInventory *
sinter_service_get_inventory(SinterService *self)
{
    return self->inventory;
}

SinterExecutor *
sinter_service_get_executor(SinterService *self)
{
    return self->executor;
}

gboolean
sinter_service_is_scanned(SinterService *self)
{
    return self->scanned;
}

const SinterConfig *
sinter_service_get_config(SinterService *self)
{
    return self->config;
}

const char *
sinter_service_get_copy_folders(SinterService *self)
{
    return self->system ? self->config->copy_folders : NULL;
}

SinterChainMeter *
sinter_service_get_meter(SinterService *self)
{
    return self->meter;
}

SinterDomainTable *
sinter_service_get_domains(SinterService *self)
{
    return self->domains;
}

SinterPlanTable *
sinter_service_get_plans(SinterService *self)
{
    return self->plans;
}

SinterJobTable *
sinter_service_get_jobs(SinterService *self)
{
    return self->jobs;
}

void
sinter_service_export(SinterService *self, const char *path, GDBusInterfaceSkeleton *skeleton)
{
    g_autoptr(GDBusObjectSkeleton) object = g_dbus_object_skeleton_new(path);

    sinter_authority_guard(self->authority, skeleton);
    g_dbus_object_skeleton_add_interface(object, skeleton);
    g_dbus_object_manager_server_export(self->objects, object);
}

void
sinter_service_unexport(SinterService *self, const char *path)
{
    g_dbus_object_manager_server_unexport(self->objects, path);
}

/* Many objects were shown or listed: what was taken for that goes back to the system. */
static gboolean
on_trim_time(gpointer user_data)
{
    SinterService *self = user_data;

    self->trim_id = 0;
    self->n_read = 0;
    malloc_trim(0);
    return G_SOURCE_REMOVE;
}

/* A client that asks for all objects gets the properties of all at once: thousands of blocks, or
 * ten times the memory in millions of small values. */
GVariant *
sinter_service_flatten(SinterService *self, GVariant *value)
{
    g_variant_get_data(value);
    if (++self->n_read == MANY_OBJECTS)
        self->trim_id = g_timeout_add_seconds(TRIM_AFTER_SEC, on_trim_time, self);
    return value;
}

/* One line for the service manager. */
static char *
dup_status(SinterService *self)
{
    const char *uri = sinter_connection_get_uri(self->connection);
    guint n_domains = sinter_domain_table_count(self->domains);
    guint n_jobs = sinter_executor_count_unended(self->executor);

    if (self->trouble)
        return g_strdup_printf("No connection to %s: %s", uri, self->trouble);
    if (!self->scanned)
        return g_strdup_printf("Waiting for %s", uri);
    return g_strdup_printf("Watching %u domain%s of %s, %u job%s at work", n_domains,
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
    status = dup_status(self);
    sinter_notify_ready(status);
    sinter_log(G_LOG_LEVEL_MESSAGE, fields, "Serving %s. %s", name, status);
}

static void
on_name_lost(GDBusConnection *bus, const char *name, gpointer user_data)
{
    SinterService *self = user_data;
    g_autofree char *why = NULL;

    /* a bus that dies right after it gave the name may owe the reply to the request for it */
    if (!bus || g_dbus_connection_is_closed(bus))
        why = g_strdup("the connection to the bus was lost");
    else if (self->ready)
        why = g_strdup_printf("the bus took the name %s away", name);
    else
        why = g_strdup_printf("the name %s is taken on this bus, or may not be owned by user %u: "
                              "is another sinterd running?",
                              name, (guint)getuid());
    g_signal_emit(self, signals[FAILED], 0, why);
}

/* Puts everything on the bus; nothing when it stands there. */
static void
publish(SinterService *self)
{
    g_clear_handle_id(&self->publish_id, g_source_remove);
    if (self->name_id != 0)
        return;
    sinter_domain_table_show(self->domains);
    sinter_manager_object_update(self->manager);
    g_dbus_object_manager_server_set_connection(self->objects, self->bus);
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

/* The connection was made or broke: what was read before may be out of date. */
static void
note_connection(SinterService *self, const SinterEvent *event)
{
    self->scanned = FALSE;
    g_clear_pointer(&self->trouble, g_free);
    if (event->kind == SINTER_EVENT_DISCONNECTED) {
        self->trouble = g_strdup(event->text ? event->text : "no reason was given");
        publish(self);
    }
    sinter_manager_object_update(self->manager);
    tell_status(self);
}

static void
on_event(SinterConnection *connection, const SinterEvent *event, SinterService *self)
{
    if (event->kind == SINTER_EVENT_CONNECTED || event->kind == SINTER_EVENT_DISCONNECTED)
        note_connection(self, event);
    sinter_manager_object_tell(self->manager, event);
}

static void
on_domain_changed(SinterInventory *inventory, SinterDomain *old, SinterDomain *new,
                  SinterService *self)
{
    const char *uuid = new ? new->uuid : old->uuid;

    sinter_plan_table_domain_changed(self->plans, uuid, new);
    sinter_domain_table_touch(self->domains, uuid);
}

static void
on_scanned(SinterInventory *inventory, SinterService *self)
{
    self->scanned = sinter_connection_is_open(self->connection);
    publish(self);
    sinter_domain_table_show(self->domains);
    sinter_manager_object_update(self->manager);
    tell_status(self);
}

static void
on_job_ended(SinterJob *job, SinterService *self)
{
    tell_status(self);
}

static void
on_job_added(SinterExecutor *executor, SinterJob *job, SinterService *self)
{
    sinter_job_table_add(self->jobs, job);
    g_signal_connect_object(job, "ended", G_CALLBACK(on_job_ended), self, 0);
    tell_status(self);
}

static void
on_job_removed(SinterExecutor *executor, SinterJob *job, SinterService *self)
{
    sinter_job_table_remove(self->jobs, job);
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
    g_signal_connect_object(self->connection, "event", G_CALLBACK(on_event), self, 0);
    g_signal_connect_object(self->inventory, "domain-changed", G_CALLBACK(on_domain_changed), self,
                            0);
    g_signal_connect_object(self->inventory, "scanned", G_CALLBACK(on_scanned), self, 0);
    g_signal_connect_object(self->executor, "job-added", G_CALLBACK(on_job_added), self, 0);
    g_signal_connect_object(self->executor, "job-removed", G_CALLBACK(on_job_removed), self, 0);
    self->publish_id = g_timeout_add_seconds(PUBLISH_AFTER_SEC, on_publish_time, self);
}

void
sinter_service_stop(SinterService *self)
{
    g_clear_handle_id(&self->publish_id, g_source_remove);
    g_clear_handle_id(&self->trim_id, g_source_remove);
    g_clear_handle_id(&self->name_id, g_bus_unown_name);
    g_dbus_object_manager_server_set_connection(self->objects, NULL);
    g_dbus_connection_flush_sync(self->bus, NULL, NULL);
}

static gboolean
reload(SinterService *self, GError **error)
{
    g_autoptr(GPtrArray) paths = sinter_config_list_files(self->system, self->config_file);
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(SinterConfig) fresh = sinter_config_new();
    g_autoptr(GPtrArray) waiting = NULL;

    for (guint i = 0; i < paths->len; i++) {
        if (!sinter_config_read_file(fresh, g_ptr_array_index(paths, i), problems, error))
            return FALSE;
    }
    sinter_config_log(problems);
    waiting = sinter_config_adopt(self->config, fresh);
    for (guint i = 0; i < waiting->len; i++)
        sinter_log(G_LOG_LEVEL_WARNING, NULL, "Configuration: %s takes effect at the next start",
                   (char *)g_ptr_array_index(waiting, i));
    return TRUE;
}

gboolean
sinter_service_reload(SinterService *self, GError **error)
{
    g_autofree char *status = dup_status(self);
    gboolean done;

    if (self->ready)
        sinter_notify_reloading();
    done = reload(self, error);
    if (self->ready)
        sinter_notify_ready(status);
    return done;
}

SinterService *
sinter_service_new(const SinterServiceParts *parts)
{
    SinterService *self = g_object_new(SINTER_TYPE_SERVICE, NULL);
    g_autofree char *path = g_strconcat(SINTER_OBJECT_ROOT, "/Manager", NULL);

    self->bus = g_object_ref(parts->bus);
    self->system = parts->system;
    self->config_file = g_strdup(parts->config_file);
    self->config = parts->config;
    self->connection = g_object_ref(parts->connection);
    self->inventory = g_object_ref(parts->inventory);
    self->executor = g_object_ref(parts->executor);
    self->authority = sinter_authority_new(parts->system);
    self->manager = sinter_manager_object_new(self);
    sinter_service_export(self, path, G_DBUS_INTERFACE_SKELETON(self->manager));
    return self;
}

static void
sinter_service_dispose(GObject *object)
{
    SinterService *self = SINTER_SERVICE(object);

    g_clear_pointer(&self->meter, sinter_chain_meter_free);
    g_clear_pointer(&self->plans, sinter_plan_table_free);
    g_clear_pointer(&self->jobs, sinter_job_table_free);
    g_clear_pointer(&self->domains, sinter_domain_table_free);
    g_clear_object(&self->manager);
    g_clear_object(&self->objects);
    g_clear_object(&self->authority);
    g_clear_object(&self->executor);
    g_clear_object(&self->inventory);
    g_clear_object(&self->connection);
    g_clear_object(&self->bus);
    G_OBJECT_CLASS(sinter_service_parent_class)->dispose(object);
}

static void
sinter_service_finalize(GObject *object)
{
    SinterService *self = SINTER_SERVICE(object);

    sinter_config_free(self->config);
    g_free(self->config_file);
    g_free(self->trouble);
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
    self->objects = g_dbus_object_manager_server_new(SINTER_OBJECT_ROOT);
    self->domains = sinter_domain_table_new(self);
    self->plans = sinter_plan_table_new(self);
    self->jobs = sinter_job_table_new(self);
    self->meter = sinter_chain_meter_new();
}
