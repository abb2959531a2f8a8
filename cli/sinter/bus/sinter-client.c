/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds the daemon, calls it, and translates its errors for the user. Invariant: the daemon of a
 * client has answered at least once; every error that leaves this file is a SINTER_ERROR whose text
 * names the remedy.
 */

#include "sinter-client.h"

#include <string.h>
#include <unistd.h>

#include "sinter-command.h"
#include "sinter-dbus-error.h"
#include "sinter-text.h"

#define DBUS_NAME "org.freedesktop.DBus"
#define DBUS_PATH "/org/freedesktop/DBus"

/* --- errors ----------------------------------------------------------------------------------- */

/* Errors that are refusals by a safety rule, not failures. */
static const SinterError refusals[] = {
    SINTER_ERROR_SHARED_BASE,   SINTER_ERROR_LOCKED,  SINTER_ERROR_NO_SPACE,
    SINTER_ERROR_CHAIN_CHANGED, SINTER_ERROR_CORRUPT, SINTER_ERROR_UNSUPPORTED,
    SINTER_ERROR_BUSY,
};

int
sinter_client_exit_status(const GError *error)
{
    if (g_error_matches(error, SINTER_ERROR, SINTER_ERROR_CANCELLED) ||
        g_error_matches(error, SINTER_ERROR, SINTER_ERROR_TIMED_OUT))
        return SINTER_EXIT_CANCELLED;
    if (g_error_matches(error, SINTER_ERROR, SINTER_ERROR_DENIED))
        return SINTER_EXIT_DENIED;
    for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
        if (g_error_matches(error, SINTER_ERROR, (int)refusals[i]))
            return SINTER_EXIT_REFUSED;
    }
    return SINTER_EXIT_FAILED;
}

static const char *
bus_name(gboolean on_system_bus)
{
    return on_system_bus ? "system bus" : "session bus";
}

static GError *
not_running(gboolean on_system_bus)
{
    return g_error_new(SINTER_ERROR, SINTER_ERROR_FAILED,
                       "sinterd is not running on the %s; start it: %s", bus_name(on_system_bus),
                       on_system_bus ? "systemctl start sinterd" : "sinterd --user");
}

/* Translates errors of the bus and of GDBus. */
static GError *
translate(const GError *cause, const char *path, gboolean on_system_bus)
{
    if (cause->domain == SINTER_ERROR)
        return g_error_copy(cause);
    if (g_error_matches(cause, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) ||
        g_error_matches(cause, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER))
        return not_running(on_system_bus);
    if (g_error_matches(cause, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) ||
        g_error_matches(cause, G_DBUS_ERROR, G_DBUS_ERROR_DISCONNECTED) ||
        g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_CLOSED))
        return g_error_new(
            SINTER_ERROR, SINTER_ERROR_FAILED,
            "sinterd left the %s before it replied; 'sinter jobs' shows the jobs that it started",
            bus_name(on_system_bus));
    if (g_error_matches(cause, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT) ||
        g_error_matches(cause, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_METHOD) ||
        g_error_matches(cause, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_INTERFACE))
        return g_error_new(SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "'%s' is gone (%s)", path,
                           cause->message);
    if (g_error_matches(cause, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED))
        return g_error_new(SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED,
                           "the %s does not allow this user to call sinterd: %s",
                           bus_name(on_system_bus), cause->message);
    return g_error_new(SINTER_ERROR, SINTER_ERROR_FAILED, "the daemon on the %s: %s",
                       bus_name(on_system_bus), cause->message);
}

/* Takes ownership of @cause. */
static void
propagate(GError **error, GError *cause, const char *path, gboolean on_system_bus)
{
    g_dbus_error_strip_remote_error(cause);
    g_propagate_error(error, translate(cause, path, on_system_bus));
    g_error_free(cause);
}

/* --- opening ---------------------------------------------------------------------------------- */

static gboolean
list_has_name(GDBusConnection *bus, const char *method)
{
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_sync(bus, DBUS_NAME, DBUS_PATH, DBUS_NAME, method, NULL,
                                    G_VARIANT_TYPE("(as)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
    g_autofree const char **names = NULL;

    if (!reply)
        return FALSE;
    g_variant_get(reply, "(^a&s)", &names);
    return g_strv_contains(names, SINTER_BUS_NAME);
}

/* Returns whether the daemon runs on the system bus or can be activated there. */
static gboolean
system_has_daemon(void)
{
    g_autoptr(GDBusConnection) bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, NULL);

    return bus && (list_has_name(bus, "ListNames") || list_has_name(bus, "ListActivatableNames"));
}

/* The buses to try, in this order; terminated by G_BUS_TYPE_NONE. */
static void
choose_buses(const SinterGlobals *globals, GBusType buses[3])
{
    guint n = 0;

    if (!globals->user && (globals->system || geteuid() == 0 || system_has_daemon()))
        buses[n++] = G_BUS_TYPE_SYSTEM;
    /* with a URI, use either daemon if it works on that URI */
    if (!globals->system && (n == 0 || globals->connect))
        buses[n++] = G_BUS_TYPE_SESSION;
    buses[n] = G_BUS_TYPE_NONE;
}

static gboolean
check_uri(SinterClient *client, GError **error)
{
    const char *wanted = client->globals->connect;
    const char *uri = sinter_dbus_manager_get_connection_uri(client->manager);

    if (!wanted || g_strcmp0(wanted, uri) == 0)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                "sinterd on the %s is connected to '%s', not to '%s'; start another one: sinterd "
                "--user --connect '%s'",
                bus_name(client->on_system_bus), uri ? uri : "", wanted, wanted);
    return FALSE;
}

static gboolean
open_on(SinterClient *client, GBusType type, GError **error)
{
    g_autofree char *owner = NULL;
    GError *cause = NULL;

    client->on_system_bus = type == G_BUS_TYPE_SYSTEM;
    client->bus = g_bus_get_sync(type, NULL, &cause);
    if (!client->bus) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED, "the %s cannot be reached: %s",
                    bus_name(client->on_system_bus), cause->message);
        g_error_free(cause);
        return FALSE;
    }
    g_dbus_connection_set_exit_on_close(client->bus, FALSE);
    client->manager = sinter_dbus_manager_proxy_new_sync(
        client->bus, G_DBUS_PROXY_FLAGS_NONE, SINTER_BUS_NAME, SINTER_BUS_MANAGER, NULL, &cause);
    if (!client->manager) {
        propagate(error, cause, SINTER_BUS_MANAGER, client->on_system_bus);
        return FALSE;
    }
    owner = g_dbus_proxy_get_name_owner(G_DBUS_PROXY(client->manager));
    if (!owner) {
        g_propagate_error(error, not_running(client->on_system_bus));
        return FALSE;
    }
    return check_uri(client, error);
}

static void
close_bus(SinterClient *client)
{
    g_clear_object(&client->manager);
    g_clear_object(&client->bus);
}

static void
warn_when_disconnected(const SinterClient *client)
{
    if (client->globals->quiet || sinter_dbus_manager_get_connected(client->manager))
        return;
    g_printerr("sinter: sinterd is not connected to '%s': its information may be out of date\n",
               sinter_dbus_manager_get_connection_uri(client->manager));
}

SinterClient *
sinter_client_open(const SinterGlobals *globals, GError **error)
{
    g_autoptr(SinterClient) client = g_new0(SinterClient, 1);
    g_autoptr(GError) cause = NULL;
    GBusType buses[3];

    sinter_dbus_error_register();
    client->globals = globals;
    if (globals->json && !sinter_json_mode_parse(globals->json, &client->json, error))
        return NULL;
    if (globals->user && globals->system) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "--user and --system are mutually exclusive");
        return NULL;
    }
    choose_buses(globals, buses);
    for (guint i = 0; buses[i] != G_BUS_TYPE_NONE; i++) {
        g_autoptr(GError) here = NULL;

        if (open_on(client, buses[i], &here)) {
            warn_when_disconnected(client);
            return g_steal_pointer(&client);
        }
        close_bus(client);
        if (!cause)
            cause = g_steal_pointer(&here);
    }
    g_propagate_error(error, g_steal_pointer(&cause));
    return NULL;
}

void
sinter_client_free(SinterClient *client)
{
    if (!client)
        return;
    sinter_agent_stop(client->agent);
    close_bus(client);
    g_free(client);
}

void
sinter_client_print_json(const SinterClient *client, JsonNode *node)
{
    g_autofree char *text = sinter_json_format(node, client->json);

    g_print("%s", text);
    json_node_unref(node);
}

/* --- calling ---------------------------------------------------------------------------------- */

/* One method call, which may be made twice: first without interactive authorization; if
 * authorization is missing, again with an agent. */
typedef struct {
    SinterClient *client; /* outlives the call */
    SinterMethod method;
    gboolean interactive; /* this is the second call */
} Call;

static Call *
call_new(SinterClient *client, const SinterMethod *method)
{
    Call *call = g_new0(Call, 1);

    call->client = client;
    sinter_method_init_copy(&call->method, method);
    return call;
}

static void
call_free(gpointer data)
{
    Call *call = data;

    sinter_method_clear(&call->method);
    g_free(call);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Call, call_free)

static void
add_children(GVariantBuilder *builder, GVariant *container)
{
    GVariantIter iter;
    GVariant *child;

    if (!container)
        return;
    g_variant_iter_init(&iter, container);
    while ((child = g_variant_iter_next_value(&iter))) {
        g_variant_builder_add_value(builder, child);
        g_variant_unref(child);
    }
}

/* The arguments, followed by the options. */
static GVariant *
call_parameters(const Call *call)
{
    GVariantBuilder parameters;
    GVariantBuilder options;

    g_variant_builder_init(&parameters, G_VARIANT_TYPE_TUPLE);
    add_children(&parameters, call->method.arguments);
    g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
    add_children(&options, call->method.options);
    if (!call->interactive)
        g_variant_builder_add(&options, "{sv}", "no-interaction", g_variant_new_boolean(TRUE));
    g_variant_builder_add_value(&parameters, g_variant_builder_end(&options));
    return g_variant_builder_end(&parameters);
}

/* Returns whether a second call with an agent may succeed. */
static gboolean
call_may_ask(Call *call, const GError *error)
{
    SinterClient *client = call->client;

    if (call->interactive || !client->on_system_bus || client->globals->no_ask_password ||
        !g_error_matches(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED))
        return FALSE;
    if (!client->agent)
        client->agent = sinter_agent_start();
    call->interactive = TRUE;
    return TRUE;
}

GVariant *
sinter_client_call(SinterClient *client, const SinterMethod *method, GError **error)
{
    g_autoptr(Call) call = call_new(client, method);
    g_autoptr(GError) cause = NULL;
    GVariant *reply;

    do {
        g_clear_error(&cause);
        reply = g_dbus_connection_call_sync(
            client->bus, SINTER_BUS_NAME, method->path, method->interface, method->method,
            call_parameters(call), G_VARIANT_TYPE(method->reply_type), G_DBUS_CALL_FLAGS_NONE,
            G_MAXINT, NULL, &cause);
    } while (!reply && call_may_ask(call, cause));
    if (!reply)
        propagate(error, g_steal_pointer(&cause), method->path, client->on_system_bus);
    return reply;
}

static void call_send(GTask *task);

static void
on_replied(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Call *call = g_task_get_task_data(task);
    GError *cause = NULL;
    GError *error = NULL;
    GVariant *reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &cause);

    if (reply) {
        g_task_return_pointer(task, reply, (GDestroyNotify)g_variant_unref);
    } else if (call_may_ask(call, cause)) {
        g_error_free(cause);
        call_send(g_steal_pointer(&task));
    } else {
        propagate(&error, cause, call->method.path, call->client->on_system_bus);
        g_task_return_error(task, error);
    }
}

static void
call_send(GTask *task)
{
    Call *call = g_task_get_task_data(task);

    g_dbus_connection_call(call->client->bus, SINTER_BUS_NAME, call->method.path,
                           call->method.interface, call->method.method, call_parameters(call),
                           G_VARIANT_TYPE(call->method.reply_type), G_DBUS_CALL_FLAGS_NONE,
                           G_MAXINT, NULL, on_replied, task);
}

void
sinter_client_call_async(SinterClient *client, const SinterMethod *method,
                         GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(NULL, NULL, callback, user_data);

    g_task_set_task_data(task, call_new(client, method), call_free);
    call_send(task);
}

GVariant *
sinter_client_call_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

GVariant *
sinter_client_call_plain(SinterClient *client, const SinterMethod *method, GError **error)
{
    GError *cause = NULL;
    GVariant *reply = g_dbus_connection_call_sync(
        client->bus, SINTER_BUS_NAME, method->path, method->interface, method->method,
        method->arguments, G_VARIANT_TYPE(method->reply_type), G_DBUS_CALL_FLAGS_NONE, -1, NULL,
        &cause);

    if (!reply)
        propagate(error, cause, method->path, client->on_system_bus);
    return reply;
}

/* --- properties and signals ------------------------------------------------------------------- */

#define PROPERTIES "org.freedesktop.DBus.Properties"

GVariant *
sinter_client_get_all(SinterClient *client, const char *path, const char *interface, GError **error)
{
    g_autoptr(GVariant) reply =
        sinter_client_call_plain(client,
                                 &(SinterMethod){
                                     .path = path,
                                     .interface = PROPERTIES,
                                     .method = "GetAll",
                                     .reply_type = "(a{sv})",
                                     .arguments = g_variant_new("(s)", interface),
                                 },
                                 error);

    return reply ? g_variant_get_child_value(reply, 0) : NULL;
}

static void
on_got_all(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Call *call = g_task_get_task_data(task);
    GError *cause = NULL;
    GError *error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &cause);

    if (reply) {
        g_task_return_pointer(task, g_variant_get_child_value(reply, 0),
                              (GDestroyNotify)g_variant_unref);
        return;
    }
    propagate(&error, cause, call->method.path, call->client->on_system_bus);
    g_task_return_error(task, error);
}

void
sinter_client_get_all_async(SinterClient *client, const char *path, const char *interface,
                            GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(NULL, NULL, callback, user_data);

    g_task_set_task_data(task, call_new(client, &(SinterMethod){ .path = path }), call_free);
    g_dbus_connection_call(client->bus, SINTER_BUS_NAME, path, PROPERTIES, "GetAll",
                           g_variant_new("(s)", interface), G_VARIANT_TYPE("(a{sv})"),
                           G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_got_all, task);
}

GVariant *
sinter_client_get_all_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

typedef struct {
    char *folder;
    GDBusSignalCallback func;
    gpointer user_data;
} Subscription;

static void
subscription_free(gpointer data)
{
    Subscription *subscription = data;

    g_free(subscription->folder);
    g_free(subscription);
}

static void
on_signal(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
          const char *signal, GVariant *parameters, gpointer user_data)
{
    Subscription *subscription = user_data;

    if (g_str_has_prefix(path, subscription->folder))
        subscription->func(bus, sender, path, interface, signal, parameters,
                           subscription->user_data);
}

void
sinter_client_subscribe(SinterClient *client, const char *folder, GDBusSignalCallback func,
                        gpointer user_data)
{
    g_autofree char *rule =
        g_strdup_printf("type='signal',sender='" SINTER_BUS_NAME "',path_namespace='%s'", folder);
    Subscription *subscription = g_new0(Subscription, 1);

    subscription->folder = g_strdup(folder);
    subscription->func = func;
    subscription->user_data = user_data;
    g_dbus_connection_signal_subscribe(client->bus, NULL, NULL, NULL, NULL, NULL,
                                       G_DBUS_SIGNAL_FLAGS_NO_MATCH_RULE, on_signal, subscription,
                                       subscription_free);
    /* the bus keeps the order of requests: every later call is made with the match rule in place */
    g_dbus_connection_call(client->bus, DBUS_NAME, DBUS_PATH, DBUS_NAME, "AddMatch",
                           g_variant_new("(s)", rule), NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL,
                           NULL);
}

void
sinter_client_rescan(SinterClient *client)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = NULL;

    if (!sinter_dbus_manager_get_connected(client->manager))
        return; /* reported when the client was opened */
    reply = sinter_client_call(client,
                               &(SinterMethod){
                                   .path = SINTER_BUS_MANAGER,
                                   .interface = SINTER_IFACE("Manager"),
                                   .method = "Rescan",
                                   .reply_type = "()",
                               },
                               &error);
    if (!reply)
        g_printerr("sinter: the following may be out of date: %s\n", error->message);
}
