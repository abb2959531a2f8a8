/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sinterd: creates the parts of the daemon and runs the main loop. It exits on SIGTERM and SIGINT;
 * block jobs continue in QEMU, and their records are taken over at the next start. On a fatal error
 * it logs one line and exits with status 1, so that the service manager restarts it.
 */

#include <glib-unix.h>
#include <locale.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sinter-dbus-error.h"
#include "sinter-hooks.h"
#include "sinter-log.h"
#include "sinter-message-id.h"
#include "sinter-notify.h"
#include "sinter-plugin-setup.h"
#include "sinter-service.h"
#include "sinter-space-watch.h"
#include "sinter-state-dir.h"

/* The parsed command line. */
typedef struct {
    gboolean system;
    gboolean user;
    char *uri;
    char *config_file;
    char *state_dir;
    gboolean verbose;
    gboolean version;
} Arguments;

static void
arguments_clear(Arguments *arguments)
{
    g_free(arguments->uri);
    g_free(arguments->config_file);
    g_free(arguments->state_dir);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_clear)

typedef struct {
    GMainLoop *loop;
    SinterService *service;
    int status;
} Daemon;

static gboolean
parse_arguments(Arguments *arguments, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "system", 0, 0, G_OPTION_ARG_NONE, &arguments->system,
          "Serve the host: system bus, polkit, qemu:///system (default for root)", NULL },
        { "user", 0, 0, G_OPTION_ARG_NONE, &arguments->user,
          "Serve this user: session bus, qemu:///session (default for other users)", NULL },
        { "connect", 'c', 0, G_OPTION_ARG_STRING, &arguments->uri, "libvirt's URI", "URI" },
        { "config", 0, 0, G_OPTION_ARG_FILENAME, &arguments->config_file,
          "Read only this configuration file", "FILE" },
        { "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &arguments->state_dir,
          "Store the state of jobs in this directory", "DIR" },
        { "verbose", 'v', 0, G_OPTION_ARG_NONE, &arguments->verbose, "Log more", NULL },
        { "version", 0, 0, G_OPTION_ARG_NONE, &arguments->version, "Show the version", NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- storage daemon for libvirt hosts");

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return FALSE;
    if (*argc > 1 || (arguments->system && arguments->user)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    *argc > 1 ? "unexpected argument '%s'; see --help"
                              : "%s--system and --user are mutually exclusive",
                    *argc > 1 ? (*argv)[1] : "");
        return FALSE;
    }
    if (!arguments->user && getuid() == 0)
        arguments->system = TRUE;
    return TRUE;
}

static SinterConfig *
load_config(const Arguments *arguments, GError **error)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) paths = NULL;
    SinterConfig *config;

    /* a configuration file named on the command line must exist */
    if (arguments->config_file && access(arguments->config_file, R_OK) < 0) {
        sinter_error_set_errno(error, errno, "opening configuration file '%s'",
                               arguments->config_file);
        return NULL;
    }
    paths = sinter_config_list_files(arguments->system, arguments->config_file);
    config = sinter_config_load(paths, problems);
    sinter_config_log(problems);
    return config;
}

static const char *
choose_uri(const Arguments *arguments, const SinterConfig *config)
{
    if (arguments->uri)
        return arguments->uri;
    if (*config->connection_uri != '\0')
        return config->connection_uri;
    return arguments->system ? "qemu:///system" : "qemu:///session";
}

static char *
choose_state_dir(const Arguments *arguments)
{
    if (arguments->state_dir)
        return g_canonicalize_filename(arguments->state_dir, NULL);
    if (arguments->system)
        return g_strdup(SINTER_STATE_DIR);
    return g_build_filename(g_get_user_state_dir(), "sinter", NULL);
}

static GDBusConnection *
open_bus(const Arguments *arguments, GError **error)
{
    GDBusConnection *bus =
        g_bus_get_sync(arguments->system ? G_BUS_TYPE_SYSTEM : G_BUS_TYPE_SESSION, NULL, error);

    if (!bus) {
        g_prefix_error(error,
                       "connecting to the %s bus: ", arguments->system ? "system" : "session");
        return NULL;
    }
    g_dbus_connection_set_exit_on_close(bus, FALSE);
    return bus;
}

/* Fails early, before libvirt is connected; the later request for the name is what decides. */
static gboolean
check_name_free(GDBusConnection *bus, GError **error)
{
    g_autoptr(GVariant) reply = g_dbus_connection_call_sync(
        bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        "NameHasOwner", g_variant_new("(s)", SINTER_BUS_NAME), G_VARIANT_TYPE("(b)"),
        G_DBUS_CALL_FLAGS_NONE, -1, NULL, error);
    gboolean taken;

    if (!reply)
        return FALSE;
    g_variant_get(reply, "(b)", &taken);
    if (taken)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "the name %s is already owned on this bus: is another sinterd running?",
                    SINTER_BUS_NAME);
    return !taken;
}

static void
log_end(const char *why)
{
    const SinterLogField fields[] = { { "MESSAGE_ID", SINTER_MESSAGE_ID_CANNOT_GO_ON }, { NULL } };

    sinter_log(G_LOG_LEVEL_CRITICAL, fields, "%s", why);
}

static void
on_failed(SinterService *service, const char *why, Daemon *daemon)
{
    log_end(why);
    daemon->status = 1;
    g_main_loop_quit(daemon->loop);
}

static gboolean
on_terminate(gpointer user_data)
{
    Daemon *daemon = user_data;

    g_main_loop_quit(daemon->loop);
    return G_SOURCE_CONTINUE;
}

static void
on_reloaded(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;

    if (!sinter_service_reload_finish(SINTER_SERVICE(source), result, &error))
        sinter_log(G_LOG_LEVEL_WARNING, NULL,
                   "Reload failed; the old settings remain in effect: %s", error->message);
}

static gboolean
on_hangup(gpointer user_data)
{
    Daemon *daemon = user_data;

    sinter_service_reload_async(daemon->service, on_reloaded, NULL);
    return G_SOURCE_CONTINUE;
}

static void
watch_signals(Daemon *daemon)
{
    g_unix_signal_add(SIGTERM, on_terminate, daemon);
    g_unix_signal_add(SIGINT, on_terminate, daemon);
    g_unix_signal_add(SIGHUP, on_hangup, daemon);
}

static SinterDomain *
lookup_domain(const char *uuid, gpointer inventory)
{
    return sinter_inventory_lookup(inventory, uuid);
}

static gboolean
load_incidents(SinterIncidentLog *incidents, const char *state_dir, GError **error)
{
    g_autofree char *dir = g_build_filename(state_dir, "incidents", NULL);

    return sinter_incident_log_load(incidents, dir, error);
}

/* (transfer full) */
static SinterHooks *
start_hooks(const Arguments *arguments, const SinterConfig *config, SinterIncidentLog *incidents)
{
    const char *parent = arguments->system ? SINTER_CONFIG_DIR : NULL;
    g_autofree char *folders = NULL;

    if (*config->hook_folders != '\0')
        folders = g_strdup(config->hook_folders);
    else if (parent)
        folders = g_build_filename(parent, "hooks.d", NULL);
    else
        folders = g_build_filename(g_get_user_config_dir(), "sinter", "hooks.d", NULL);
    return sinter_hooks_new(incidents, folders, config->hook_time_limit_sec);
}

static int
serve(const Arguments *arguments, const SinterPluginRegistry *plugins, GDBusConnection *bus,
      SinterConfig *config, const char *state_dir, GError **error)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(SinterConnection) connection =
        sinter_connection_new(choose_uri(arguments, config), config->qmp_events);
    g_autoptr(SinterScanSettings) settings = sinter_config_dup_scan_settings(config);
    g_autoptr(SinterInventory) inventory =
        sinter_inventory_new(connection, settings, config->rescan_interval_sec);
    g_autoptr(SinterExecutor) executor =
        sinter_executor_new(connection, inventory, state_dir, &config->limits);
    g_autoptr(SinterIncidentLog) incidents = sinter_incident_log_new(
        sinter_connection_get_uri(connection), config->keep_incidents, lookup_domain, inventory);
    SinterResponderParts responder_parts = {
        incidents, inventory, executor, plugins, config->remedies, config->remedy_values,
    };
    g_autoptr(SinterResponder) responder = sinter_responder_new(&responder_parts);
    SinterPolicyRunnerParts runner_parts = { inventory, executor, incidents, plugins,
                                             config->policy_rules };
    g_autoptr(SinterPolicyRunner) runner = sinter_policy_runner_new(&runner_parts);
    SinterServiceParts parts = { bus,      arguments->system, arguments->config_file,
                                 config,   connection,        inventory,
                                 executor, incidents,         responder,
                                 runner };
    g_autoptr(SinterService) service = sinter_service_new(&parts);
    Daemon daemon = { loop, service, 0 };
    g_autoptr(SinterHooks) hooks = NULL;
    g_autoptr(SinterSpaceWatch) space = NULL;

    /* the responder takes the ends of earlier jobs into account with their incidents */
    if (!load_incidents(incidents, state_dir, error) || !sinter_executor_load(executor, error))
        return 1;
    hooks = start_hooks(arguments, config, incidents);
    space = sinter_space_watch_new(inventory, incidents, config->warn_percent);
    g_signal_connect(service, "failed", G_CALLBACK(on_failed), &daemon);
    watch_signals(&daemon);
    sinter_service_start(service);
    sinter_connection_start(connection);
    sinter_notify_start_watchdog();
    g_main_loop_run(loop);
    sinter_notify_stopping();
    if (!sinter_executor_stop(executor))
        sinter_log(G_LOG_LEVEL_WARNING, NULL,
                   "libvirt does not respond; jobs are resumed at the next start");
    sinter_service_stop(service);
    sinter_connection_stop(connection);
    sinter_incident_log_stop(incidents);
    return daemon.status;
}

static int
run(const Arguments *arguments, GError **error)
{
    g_autoptr(SinterConfig) config = load_config(arguments, error);
    g_autofree char *state_dir = choose_state_dir(arguments);
    g_autoptr(SinterPluginRegistry) plugins = NULL;
    g_autoptr(GDBusConnection) bus = NULL;
    g_auto(SinterFd) lock = -1;

    plugins = config ? sinter_plugin_setup_new(config->plugin_folders, error) : NULL;
    if (!plugins)
        return 1;
    bus = open_bus(arguments, error);
    if (!bus || !check_name_free(bus, error) || !sinter_state_dir_claim(state_dir, &lock, error))
        return 1;
    return serve(arguments, plugins, bus, g_steal_pointer(&config), state_dir, error);
}

/* Scans run in short-lived threads: a malloc arena for each would keep the memory of every scan. A
 * reply that lists all objects takes megabytes: with a mapping of its own it is returned to the
 * system at once. */
static void
keep_memory_small(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

int
main(int argc, char **argv)
{
    g_auto(Arguments) arguments = { 0 };
    g_autoptr(GError) error = NULL;
    int status = 1;

    setlocale(LC_ALL, "");
    keep_memory_small();
    umask(0077);
    if (!parse_arguments(&arguments, &argc, &argv, &error)) {
        g_printerr("sinterd: %s\n", error->message);
        return 1;
    }
    if (arguments.version) {
        g_print("sinterd %s\n", SINTER_VERSION);
        return 0;
    }
    sinter_log_init("sinterd", arguments.verbose);
    sinter_dbus_error_register();
    sinter_connection_init_events();
    status = run(&arguments, &error);
    if (error)
        log_end(error->message);
    return status;
}
