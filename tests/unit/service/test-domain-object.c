/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A domain on the bus, alone: what it shows, which disks stand below it, and what becomes of the
 * calls of Plan and Consolidate. */

#include "sinter-domain-object.h"

#include <unistd.h>

#include "service-stage.h"

#define PATH "/org/sinter/Sinter1/domains/_uuid_2dof_2dweb"
#define WORLD "web | vda: top > mid > base | vdb: data | @s1 vda=mid>top"

typedef struct {
    ServiceStage stage;
    SinterPlanTable *plans;
    SinterDomainObject *object;
} Fixture;

static void
show_world(Fixture *f, const char *world)
{
    g_autoptr(SinterReferenceGraph) graph = NULL;
    g_autoptr(SinterDomain) domain = NULL;

    played_context_set_world(f->stage.context, world);
    graph = sinter_service_context_get_graph(service_stage_get_context(&f->stage));
    domain = sinter_service_context_lookup_domain(service_stage_get_context(&f->stage), "web");
    if (f->object) {
        sinter_domain_object_update(f->object, domain, graph);
    } else {
        SinterDomainObjectParts parts = { service_stage_get_context(&f->stage), f->stage.publisher,
                                          f->plans };

        f->object = sinter_domain_object_new(&parts, domain, graph);
    }
}

static void
set_up(Fixture *f, gconstpointer data)
{
    service_stage_set_up(&f->stage, NULL);
    f->plans = sinter_plan_table_new(service_stage_get_context(&f->stage), f->stage.publisher);
    show_world(f, WORLD);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_clear_object(&f->object);
    g_clear_object(&f->plans);
    service_stage_tear_down(&f->stage);
}

static void
test_properties(Fixture *f, gconstpointer data)
{
    SinterDBusDomain *iface = SINTER_DBUS_DOMAIN(f->object);

    g_assert_cmpstr(sinter_dbus_domain_get_uuid(iface), ==, "uuid-of-web");
    g_assert_cmpstr(sinter_dbus_domain_get_name(iface), ==, "web");
    g_assert_cmpstr(sinter_dbus_domain_get_state(iface), ==, "running");
    g_assert_true(sinter_dbus_domain_get_persistent(iface));
    g_assert_cmpstr(sinter_dbus_domain_get_problem(iface), ==, "");
    g_assert_true(
        g_strv_equal(sinter_dbus_domain_get_snapshots(iface), (const char *const[]){ "s1", NULL }));
}

static void
test_disks_come_and_go(Fixture *f, gconstpointer data)
{
    SinterDBusDomain *iface = SINTER_DBUS_DOMAIN(f->object);

    g_assert_true(
        g_strv_equal(sinter_dbus_domain_get_disks(iface),
                     (const char *const[]){ PATH "/disks/vda", PATH "/disks/vdb", NULL }));
    g_assert_true(service_stage_has_object(&f->stage, PATH));
    g_assert_true(service_stage_has_object(&f->stage, PATH "/disks/vdb"));

    show_world(f, "web | vda: top > base | vdc: new");
    g_assert_true(
        g_strv_equal(sinter_dbus_domain_get_disks(iface),
                     (const char *const[]){ PATH "/disks/vda", PATH "/disks/vdc", NULL }));
    g_assert_false(service_stage_has_object(&f->stage, PATH "/disks/vdb"));
    g_assert_true(service_stage_has_object(&f->stage, PATH "/disks/vdc"));

    sinter_domain_object_unexport(f->object);
    g_assert_false(service_stage_has_object(&f->stage, PATH));
    g_assert_false(service_stage_has_object(&f->stage, PATH "/disks/vda"));
}

/* The domain is read anew, the objects are updated, and the caller's options reach the planner. */
static void
test_plan(Fixture *f, gconstpointer data)
{
    g_autofree char *reply = service_stage_ask(&f->stage, PATH, "Domain.Plan",
                                               "({'disk': <'vda'>, 'keep': <uint32 1>},)");
    g_auto(GStrv) parts = g_strsplit(reply, "'", 3);
    g_autoptr(GVariant) steps = NULL;

    g_assert_cmpuint(f->stage.context->n_refreshes, ==, 1);
    g_assert_cmpstr(f->stage.context->refreshed, ==, "uuid-of-web");
    g_assert_cmpuint(f->stage.context->n_updates, ==, 1);
    g_assert_cmpuint(f->stage.context->n_submits, ==, 0);
    g_assert_true(g_str_has_prefix(parts[1], "/org/sinter/Sinter1/plans/"));
    g_assert_true(service_stage_has_object(&f->stage, parts[1]));
}

static void
test_plan_bound(Fixture *f, gconstpointer data)
{
    g_autofree char *first = NULL;
    g_autoptr(GVariant) second = NULL;
    g_autoptr(GError) error = NULL;

    f->stage.context->limits.max = 1;
    first = service_stage_ask(&f->stage, PATH, "Domain.Plan", "(@a{sv} {},)");
    second = service_stage_call(&f->stage, PATH, "Domain.Plan", "(@a{sv} {},)", &error);
    g_assert_null(second);
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_BUSY);
}

static void
test_consolidate(Fixture *f, gconstpointer data)
{
    PlayedContext *context = f->stage.context;
    g_autofree char *reply = NULL;
    const SinterDiskPlan *part;

    context->new_job = "7";
    reply = service_stage_ask(&f->stage, PATH, "Domain.Consolidate",
                              "({'disk': <'vda'>, 'base': <'mid'>, 'keep-files': <true>, "
                              "'bandwidth': <uint64 5>},)");
    g_assert_cmpstr(reply, ==, "(['/org/sinter/Sinter1/jobs/7'],)");
    g_assert_cmpuint(context->n_submits, ==, 1);
    g_assert_true(context->options.bandwidth_set);
    g_assert_cmpuint(context->options.bandwidth_bytes_per_sec, ==, 5);
    g_assert_cmpuint(context->options.uid, ==, getuid());
    g_assert_cmpuint(context->plan->disks->len, ==, 1);
    part = g_ptr_array_index(context->plan->disks, 0);
    g_assert_cmpint(part->operation, ==, SINTER_OPERATION_ACTIVE_COMMIT);
    g_assert_cmpstr(part->base_path, ==, "/img/mid");
    g_assert_cmpuint(g_strv_length(part->remove_files), ==, 0);
}

static void
test_check(Fixture *f, gconstpointer data)
{
    PlayedContext *context = f->stage.context;
    g_autoptr(GVariant) refused = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *reply = NULL;
    const SinterDiskPlan *part;

    context->new_job = "7";
    reply = service_stage_ask(&f->stage, PATH, "Domain.Check", "({'disk': <'vda'>},)");
    g_assert_cmpstr(reply, ==, "(['/org/sinter/Sinter1/jobs/7'],)");
    g_assert_cmpuint(context->n_refreshes, ==, 1);
    g_assert_cmpuint(context->plan->disks->len, ==, 1);
    part = g_ptr_array_index(context->plan->disks, 0);
    g_assert_cmpint(part->operation, ==, SINTER_OPERATION_CHECK);
    g_assert_cmpstr(part->check_paths[0], ==, "/img/mid");
    g_assert_cmpstr(part->skip_paths[0], ==, "/img/top");
    g_assert_false(part->seal);
    g_free(reply);
    reply = service_stage_ask(&f->stage, PATH, "Domain.CheckLive", "({'disk': <'vda'>},)");
    part = g_ptr_array_index(context->plan->disks, 0);
    g_assert_true(part->seal);
    g_assert_cmpstr(part->check_paths[0], ==, "/img/top");
    refused =
        service_stage_call(&f->stage, PATH, "Domain.Check", "({'keep': <uint32 1>},)", &error);
    g_assert_null(refused);
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
}

/* Without the option the executor's own limit counts. */
static void
test_no_bandwidth(Fixture *f, gconstpointer data)
{
    g_autofree char *reply =
        service_stage_ask(&f->stage, PATH, "Domain.Consolidate", "(@a{sv} {},)");

    g_assert_cmpstr(reply, ==, "([],)");
    g_assert_false(f->stage.context->options.bandwidth_set);
}

static void
forget_domains(PlayedContext *context)
{
    played_context_set_world(context, NULL);
}

/* What may fail on the way, and what the caller is told. */
static void
test_failures(Fixture *f, gconstpointer data)
{
    PlayedContext *context = f->stage.context;
    static const struct {
        gsize place; /* of the error in the context; 0: the domain goes meanwhile */
        const char *options;
        SinterError code;
    } cases[] = {
        { G_STRUCT_OFFSET(PlayedContext, refresh_error), "@a{sv} {}", SINTER_ERROR_TIMED_OUT },
        { G_STRUCT_OFFSET(PlayedContext, submit_error), "@a{sv} {}", SINTER_ERROR_TIMED_OUT },
        { 0, "{'disk': <'vdz'>}", SINTER_ERROR_NOT_FOUND },
        { 0, "{'dsik': <'vda'>}", SINTER_ERROR_INVALID_ARGUMENT },
        { 0, "{'keep': <uint32 1>, 'top': <'mid'>}", SINTER_ERROR_INVALID_ARGUMENT },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *arguments = g_strdup_printf("(%s,)", cases[i].options);
        g_autoptr(GError) error = NULL;

        if (cases[i].place != 0)
            G_STRUCT_MEMBER(GError *, context, cases[i].place) =
                g_error_new(SINTER_ERROR, SINTER_ERROR_TIMED_OUT, "as played");
        g_assert_null(service_stage_call(&f->stage, PATH, "Domain.Consolidate", arguments, &error));
        g_assert_error(error, SINTER_ERROR, (int)cases[i].code);
    }
}

static void
test_gone_meanwhile(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    f->stage.context->meanwhile = forget_domains;
    g_assert_null(service_stage_call(&f->stage, PATH, "Domain.Plan", "(@a{sv} {},)", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
}

/* A domain that could not be read stands in the way of all: then all are read anew. */
static void
test_problems(Fixture *f, gconstpointer data)
{
    g_autofree char *reply = NULL;

    f->stage.context->has_problems = TRUE;
    reply = service_stage_ask(&f->stage, PATH, "Domain.Plan", "(@a{sv} {},)");
    g_assert_cmpuint(f->stage.context->n_refreshes, ==, 1);
    g_assert_null(f->stage.context->refreshed);
}

static void
ignore_result(GObject *source, GAsyncResult *result, gpointer user_data)
{
}

static GDBusConnection *leaving;

static void
note_owner(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
           const char *signal, GVariant *parameters, gpointer user_data)
{
    *(gboolean *)user_data = TRUE;
}

/* The caller leaves the bus, and the daemon's side hears of it. */
static void
leave(PlayedContext *context)
{
    const char *name = g_dbus_connection_get_unique_name(leaving);
    GDBusConnection *server = g_object_get_data(G_OBJECT(context), "server");
    gboolean left = FALSE;
    guint id = g_dbus_connection_signal_subscribe(
        server, "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged", NULL, name,
        G_DBUS_SIGNAL_FLAGS_NONE, note_owner, &left, NULL);

    g_dbus_connection_close_sync(leaving, NULL, NULL);
    while (!left)
        g_main_context_iteration(NULL, TRUE);
    g_dbus_connection_signal_unsubscribe(server, id);
}

/* What a caller asked for that has left meanwhile does not begin. */
static void
test_caller_left(Fixture *f, gconstpointer data)
{
    PlayedContext *context = f->stage.context;
    guint before = G_OBJECT(f->object)->ref_count;

    leaving =
        g_dbus_connection_new_for_address_sync(g_getenv("DBUS_SESSION_BUS_ADDRESS"),
                                               G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                   G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                               NULL, NULL, NULL);
    g_assert_nonnull(leaving);
    g_object_set_data(G_OBJECT(context), "server", f->stage.bus.server);
    context->new_job = "7";
    context->meanwhile = leave;
    g_dbus_connection_call(leaving, g_dbus_connection_get_unique_name(f->stage.bus.server), PATH,
                           "org.sinter.Sinter1.Domain", "Consolidate",
                           g_variant_new_parsed("(@a{sv} {},)"), NULL, G_DBUS_CALL_FLAGS_NONE, -1,
                           NULL, ignore_result, NULL);
    while (context->n_refreshes == 0 || G_OBJECT(f->object)->ref_count > before)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(context->n_submits, ==, 0);
    g_clear_object(&leaving);
}

int
main(int argc, char **argv)
{
    service_stage_init(&argc, &argv);
#define ADD(name, func) g_test_add("/domain-object/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("properties", test_properties);
    ADD("disks-come-and-go", test_disks_come_and_go);
    ADD("plan", test_plan);
    ADD("plan-bound", test_plan_bound);
    ADD("consolidate", test_consolidate);
    ADD("check", test_check);
    ADD("no-bandwidth", test_no_bandwidth);
    ADD("failures", test_failures);
    ADD("gone-meanwhile", test_gone_meanwhile);
    ADD("caller-left", test_caller_left);
    ADD("problems", test_problems);
    return g_test_run();
}
