/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The context of the running daemon, with libvirt's test driver: when it counts as scanned, which
 * of overlapping reloads takes effect, and what requests for unknown jobs get. */

#include "sinter-daemon-context.h"

#include "image-fixture.h"
#include "sinter-error.h"
#include "virt-fixture.h"

#include <glib/gstdio.h>

typedef struct {
    char *folder;
    char *config_file;
    SinterConnection *connection;
    SinterInventory *inventory;
    SinterExecutor *executor;
    SinterIncidentLog *incidents;
    SinterPluginRegistry *plugins;
    SinterResponder *responder;
    SinterPolicyRunner *runner;
    SinterConfig *config; /* of the context */
    SinterDaemonContext *daemon;
    SinterServiceContext *context;
    guint n_scans;
} Fixture;

static void
on_scanned(SinterInventory *inventory, Fixture *f)
{
    f->n_scans++;
}

static SinterDomain *
lookup_domain(const char *uuid, gpointer inventory)
{
    return sinter_inventory_lookup(inventory, uuid);
}

static void
set_up(Fixture *f, gconstpointer data)
{
    g_autofree char *xml = fixture_domain_xml("web", NULL);
    g_autofree char *uri = NULL;

    f->folder = fixture_make_folder();
    f->config_file = fixture_path(f->folder, "sinter.conf");
    uri = fixture_node(f->folder, xml);
    f->connection = sinter_connection_new(uri, FALSE);
    f->inventory = fixture_inventory(f->connection);
    f->config = sinter_config_new();
    f->executor = sinter_executor_new(f->connection, f->inventory, f->folder, &f->config->limits);
    f->incidents = sinter_incident_log_new(uri, 10, lookup_domain, f->inventory);
    f->plugins = sinter_plugin_registry_new();
    f->responder = sinter_responder_new(&(SinterResponderParts){
        f->incidents, f->inventory, f->executor, f->plugins, "", f->config->remedy_values });
    f->runner = sinter_policy_runner_new(&(SinterPolicyRunnerParts){
        f->inventory, f->executor, f->incidents, f->plugins, f->config->policy_rules });
    f->daemon = sinter_daemon_context_new(&(SinterDaemonContextParts){
        .config_file = f->config_file,
        .config = f->config,
        .connection = f->connection,
        .inventory = f->inventory,
        .executor = f->executor,
        .incidents = f->incidents,
        .responder = f->responder,
        .runner = f->runner,
    });
    f->context = SINTER_SERVICE_CONTEXT(f->daemon);
    g_signal_connect(f->inventory, "scanned", G_CALLBACK(on_scanned), f);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    sinter_executor_stop(f->executor);
    sinter_connection_stop(f->connection);
    sinter_daemon_context_stop(f->daemon);
    fixture_unref_and_wait(f->daemon);
    fixture_unref_and_wait(f->responder);
    fixture_unref_and_wait(f->runner);
    sinter_plugin_registry_free(f->plugins);
    fixture_unref_and_wait(f->incidents);
    fixture_unref_and_wait(f->executor);
    fixture_unref_and_wait(f->inventory);
    fixture_unref_and_wait(f->connection);
    g_free(f->config_file);
    fixture_remove_folder(f->folder);
}

static void
test_scanned(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterDomain) domain = NULL;

    g_assert_false(sinter_service_context_is_scanned(f->context));
    sinter_connection_start(f->connection);
    fixture_wait_until(f->n_scans == 1);
    g_assert_true(sinter_service_context_is_scanned(f->context));
    domain = sinter_service_context_lookup_domain(f->context, "web");
    g_assert_nonnull(domain);
}

static void
on_reloaded(GObject *object, GAsyncResult *result, gpointer data)
{
    *(GAsyncResult **)data = g_object_ref(result);
}

static void
write_config(Fixture *f, guint lifetime_sec)
{
    g_autofree char *text = g_strdup_printf("[plans]\nlifetime-sec=%u\n", lifetime_sec);

    fixture_file(f->folder, "sinter.conf", text);
}

static gboolean
finish(Fixture *f, GAsyncResult *result, GError **error)
{
    return sinter_daemon_context_reload_finish(f->daemon, result, error);
}

/* The earlier reload is finished after the later one: the later one stays in force. */
static void
test_reload_order(Fixture *f, gconstpointer data)
{
    g_autoptr(GAsyncResult) first = NULL;
    g_autoptr(GAsyncResult) second = NULL;

    write_config(f, 100);
    sinter_daemon_context_reload_async(f->daemon, on_reloaded, &first);
    fixture_wait_until(first);
    write_config(f, 200);
    sinter_daemon_context_reload_async(f->daemon, on_reloaded, &second);
    fixture_wait_until(second);
    g_assert_cmpuint(sinter_service_context_get_plan_limits(f->context)->lifetime_sec, ==, 600);
    g_assert_true(finish(f, second, NULL));
    g_assert_cmpuint(sinter_service_context_get_plan_limits(f->context)->lifetime_sec, ==, 200);
    g_assert_true(finish(f, first, NULL));
    g_assert_cmpuint(sinter_service_context_get_plan_limits(f->context)->lifetime_sec, ==, 200);
}

static void
test_reload_of_nothing(Fixture *f, gconstpointer data)
{
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GError) error = NULL;

    sinter_daemon_context_reload_async(f->daemon, on_reloaded, &result);
    fixture_wait_until(result);
    g_assert_false(finish(f, result, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_assert_cmpuint(sinter_service_context_get_plan_limits(f->context)->lifetime_sec, ==, 600);
}

static void
test_unknown_job(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(sinter_service_context_cancel_job(f->context, "7", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_false(sinter_service_context_set_job_bandwidth(f->context, "7", 1, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
    g_assert_null(sinter_service_context_find_job_on_disk(f->context, "uuid", "vda"));
}

static void
test_unknown_incident(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(sinter_service_context_resolve_incident(f->context, "7", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_false(sinter_service_context_retry_incident(f->context, "7", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
}

/* A user's own daemon does not restrict copies, whatever its configuration names. */
static void
test_copy_folders(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterDaemonContext) system = NULL;
    SinterConfig *config = sinter_config_new();

    g_free(f->config->copy_folders);
    f->config->copy_folders = g_strdup("/srv");
    g_assert_null(sinter_service_context_get_copy_folders(f->context));
    g_free(config->copy_folders);
    config->copy_folders = g_strdup("/srv");
    system = sinter_daemon_context_new(&(SinterDaemonContextParts){
        .system = TRUE,
        .config = config,
        .connection = f->connection,
        .inventory = f->inventory,
        .executor = f->executor,
        .incidents = f->incidents,
        .responder = f->responder,
        .runner = f->runner,
    });
    g_assert_cmpstr(sinter_service_context_get_copy_folders(SINTER_SERVICE_CONTEXT(system)), ==,
                    "/srv");
}

int
main(int argc, char **argv)
{
    fixture_init();
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/daemon-context/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("scanned", test_scanned);
    ADD("reload-order", test_reload_order);
    ADD("reload-of-nothing", test_reload_of_nothing);
    ADD("unknown-job", test_unknown_job);
    ADD("unknown-incident", test_unknown_incident);
    ADD("copy-folders", test_copy_folders);
    return g_test_run();
}
