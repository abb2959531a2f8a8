/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manager on the bus, alone: look-ups before and after the first scan, Rescan, Reload, and the
 * Event signal. */

#include "sinter-manager-object.h"

#include "service-stage.h"

#define PATH "/org/sinter/Sinter1/Manager"
#define WEB_PATH "/org/sinter/Sinter1/domains/_uuid_2dof_2dweb"

typedef struct {
    ServiceStage stage;
    SinterPlanTable *plans;
    SinterDomainTable *domains;
    SinterJobTable *jobs;
    SinterIncidentTable *incidents;
    SinterManagerObject *object;
    guint n_reloads;
    GError *reload_error; /* the next reload fails with it */
    GPtrArray *events;    /* of char*: the Event signals, as GVariant text */
} Fixture;

static void
on_reload(gpointer reload_data, GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, user_data);
    Fixture *f = reload_data;

    f->n_reloads++;
    if (f->reload_error)
        g_task_return_error(task, g_steal_pointer(&f->reload_error));
    else
        g_task_return_boolean(task, TRUE);
}

static void
set_up(Fixture *f, gconstpointer data)
{
    SinterServiceContext *context;
    SinterManagerObjectParts parts = { .uri = "test:///default",
                                       .reload = on_reload,
                                       .reload_data = f };

    service_stage_set_up(&f->stage, "web | vda: top > base");
    context = service_stage_get_context(&f->stage);
    f->plans = sinter_plan_table_new(context, f->stage.publisher);
    f->domains = sinter_domain_table_new(context, f->stage.publisher, f->plans);
    f->jobs = sinter_job_table_new(context, f->stage.publisher, f->domains);
    f->incidents = sinter_incident_table_new(context, f->stage.publisher);
    parts.context = context;
    parts.plans = f->plans;
    parts.jobs = f->jobs;
    parts.incidents = f->incidents;
    f->object = sinter_manager_object_new(&parts);
    f->events = g_ptr_array_new_with_free_func(g_free);
    sinter_publisher_export(f->stage.publisher, PATH, G_DBUS_INTERFACE_SKELETON(f->object));
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_clear_object(&f->object);
    g_clear_object(&f->incidents);
    g_clear_object(&f->jobs);
    g_clear_object(&f->domains);
    g_clear_object(&f->plans);
    service_stage_tear_down(&f->stage);
    g_ptr_array_unref(f->events);
}

static void
test_properties(Fixture *f, gconstpointer data)
{
    SinterDBusManager *iface = SINTER_DBUS_MANAGER(f->object);

    g_assert_cmpstr(sinter_dbus_manager_get_version(iface), ==, SINTER_VERSION);
    g_assert_cmpstr(sinter_dbus_manager_get_connection_uri(iface), ==, "test:///default");
    sinter_manager_object_update(f->object, TRUE);
    g_assert_true(sinter_dbus_manager_get_connected(iface));
    g_assert_true(sinter_dbus_manager_get_ready(iface));
    f->stage.context->scanned = FALSE;
    sinter_manager_object_update(f->object, FALSE);
    g_assert_false(sinter_dbus_manager_get_connected(iface));
    g_assert_false(sinter_dbus_manager_get_ready(iface));
}

static void
expect_error(Fixture *f, const char *method, const char *arguments, SinterError code)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(service_stage_call(&f->stage, PATH, method, arguments, &error));
    g_assert_error(error, SINTER_ERROR, (int)code);
}

/* A whole inventory answers at once, by name and by UUID; the domain's object stands by then. */
static void
test_lookup_domain(Fixture *f, gconstpointer data)
{
    g_autofree char *by_name =
        service_stage_ask(&f->stage, PATH, "Manager.LookupDomain", "('web', @a{sv} {})");
    g_autofree char *by_uuid =
        service_stage_ask(&f->stage, PATH, "Manager.LookupDomain", "('uuid-of-web', @a{sv} {})");

    g_assert_cmpstr(by_name, ==, "('" WEB_PATH "',)");
    g_assert_cmpstr(by_uuid, ==, by_name);
    g_assert_cmpuint(f->stage.context->n_refreshes, ==, 0);
    g_assert_cmpuint(f->stage.context->n_updates, ==, 2);
    expect_error(f, "Manager.LookupDomain", "('none', @a{sv} {})", SINTER_ERROR_NOT_FOUND);
}

/* A file has no domain: its job is submitted without a look at the host. */
static void
test_check_file(Fixture *f, gconstpointer data)
{
    const SinterDiskPlan *part;
    g_autofree char *reply = NULL;

    f->stage.context->new_job = "9";
    reply = service_stage_ask(&f->stage, PATH, "Manager.CheckFile", "('/v/a b', @a{sv} {})");
    g_assert_cmpstr(reply, ==, "('/org/sinter/Sinter1/jobs/9',)");
    g_assert_cmpuint(f->stage.context->n_refreshes, ==, 0);
    g_assert_cmpstr(f->stage.context->plan->domain_uuid, ==, "");
    part = g_ptr_array_index(f->stage.context->plan->disks, 0);
    g_assert_cmpint(part->operation, ==, SINTER_OPERATION_CHECK);
    g_assert_cmpstr(part->disk, ==, "/v/a b");
    g_assert_cmpstr(part->check_paths[0], ==, "/v/a b");
    g_assert_null(part->check_paths[1]);
    expect_error(f, "Manager.CheckFile", "('v/a', @a{sv} {})", SINTER_ERROR_INVALID_ARGUMENT);
    expect_error(f, "Manager.CheckFile", "('/v/../a', @a{sv} {})", SINTER_ERROR_INVALID_ARGUMENT);
    expect_error(f, "Manager.CheckFile", "('', @a{sv} {})", SINTER_ERROR_INVALID_ARGUMENT);
}

static void
add_domain(PlayedContext *context)
{
    played_context_set_world(context, "web | vda: top > base");
}

/* One that is not whole is waited for, so that NotFound means that there is none. */
static void
test_lookup_waits(Fixture *f, gconstpointer data)
{
    g_autofree char *reply = NULL;

    played_context_set_world(f->stage.context, NULL);
    f->stage.context->scanned = FALSE;
    f->stage.context->meanwhile = add_domain;
    reply = service_stage_ask(&f->stage, PATH, "Manager.LookupDomain", "('web', @a{sv} {})");
    g_assert_cmpstr(reply, ==, "('" WEB_PATH "',)");
    g_assert_cmpuint(f->stage.context->n_refreshes, ==, 1);
    g_assert_null(f->stage.context->refreshed);

    f->stage.context->refresh_error = g_error_new(SINTER_ERROR, SINTER_ERROR_FAILED, "as played");
    expect_error(f, "Manager.LookupDomain", "('web', @a{sv} {})", SINTER_ERROR_FAILED);
}

static void
test_rescan(Fixture *f, gconstpointer data)
{
    g_autofree char *reply = service_stage_ask(&f->stage, PATH, "Manager.Rescan", "(@a{sv} {},)");

    g_assert_cmpstr(reply, ==, "()");
    g_assert_cmpuint(f->stage.context->n_refreshes, ==, 1);
    g_assert_cmpuint(f->stage.context->n_updates, ==, 1);
    f->stage.context->refresh_error = g_error_new(SINTER_ERROR, SINTER_ERROR_FAILED, "as played");
    expect_error(f, "Manager.Rescan", "(@a{sv} {},)", SINTER_ERROR_FAILED);
}

static void
test_lookup_others(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterJobRecord) record = sinter_job_record_new();
    SinterJobProgress progress = { 0 };
    SinterJobState state = { record, &progress, FALSE };
    g_autofree char *reply = NULL;

    expect_error(f, "Manager.LookupPlan", "('ab', @a{sv} {})", SINTER_ERROR_NOT_FOUND);
    expect_error(f, "Manager.LookupJob", "('5', @a{sv} {})", SINTER_ERROR_NOT_FOUND);
    record->id = g_strdup("5");
    record->domain_uuid = g_strdup("uuid-of-web");
    record->domain_name = g_strdup("web");
    record->plan = sinter_disk_plan_new("vda");
    sinter_job_table_add(f->jobs, &state);
    reply = service_stage_ask(&f->stage, PATH, "Manager.LookupJob", "('5', @a{sv} {})");
    g_assert_cmpstr(reply, ==, "('/org/sinter/Sinter1/jobs/5',)");
}

static void
test_reload(Fixture *f, gconstpointer data)
{
    g_autofree char *reply = service_stage_ask(&f->stage, PATH, "Manager.Reload", "(@a{sv} {},)");

    g_assert_cmpuint(f->n_reloads, ==, 1);
    f->reload_error = g_error_new(SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT, "as played");
    expect_error(f, "Manager.Reload", "(@a{sv} {},)", SINTER_ERROR_INVALID_ARGUMENT);
}

static void
on_event(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
         const char *signal, GVariant *parameters, gpointer user_data)
{
    g_ptr_array_add(((Fixture *)user_data)->events, g_variant_print(parameters, FALSE));
}

/* Only what an event of its kind carries is told. */
static void
test_event(Fixture *f, gconstpointer data)
{
    SinterEvent lifecycle = { .kind = SINTER_EVENT_LIFECYCLE,
                              .time_usec = 5,
                              .name = (char *)"web",
                              .status = 2,
                              .detail = 1,
                              .job_type = 3 };
    SinterEvent connected = { .kind = SINTER_EVENT_CONNECTED, .time_usec = 6, .status = 9 };
    guint id = g_dbus_connection_signal_subscribe(
        f->stage.bus.client, g_dbus_connection_get_unique_name(f->stage.bus.server),
        "org.sinter.Sinter1.Manager", "Event", PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_event, f,
        NULL);

    g_assert_true(service_stage_has_object(&f->stage, PATH)); /* the subscription stands */
    sinter_manager_object_tell(f->object, &lifecycle);
    sinter_manager_object_tell(f->object, &connected);
    while (f->events->len < 2)
        g_main_context_iteration(NULL, TRUE);
    g_dbus_connection_signal_unsubscribe(f->stage.bus.client, id);
    g_assert_cmpstr(g_ptr_array_index(f->events, 0), ==,
                    "(5, 'lifecycle', 'web', '', {'status': <2>, 'detail': <1>})");
    g_assert_cmpstr(g_ptr_array_index(f->events, 1), ==, "(6, 'connected', '', '', {})");
}

int
main(int argc, char **argv)
{
    service_stage_init(&argc, &argv);
#define ADD(name, func) g_test_add("/manager-object/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("properties", test_properties);
    ADD("lookup-domain", test_lookup_domain);
    ADD("check-file", test_check_file);
    ADD("lookup-waits", test_lookup_waits);
    ADD("lookup-others", test_lookup_others);
    ADD("rescan", test_rescan);
    ADD("reload", test_reload);
    ADD("event", test_event);
    return g_test_run();
}
