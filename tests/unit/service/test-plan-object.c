/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A plan on the bus, and the table that keeps plans: what is shown, what Execute and Discard do,
 * and when a plan leaves the bus. */

#include "sinter-plan-object.h"

#include <unistd.h>

#include "service-stage.h"
#include "sinter-plan-table.h"
#include "sinter-planner.h"

#define WORLD "web | vda: top > mid > base | @s1 vda=mid>top"

typedef struct {
    ServiceStage stage;
    SinterPlanTable *table;
    SinterPlan *plan;
    char *path;
} Fixture;

static SinterPlan *
make_plan(Fixture *f)
{
    SinterServiceContext *context = service_stage_get_context(&f->stage);
    g_autoptr(SinterDomain) domain = sinter_service_context_lookup_domain(context, "web");
    g_autoptr(SinterReferenceGraph) graph = sinter_service_context_get_graph(context);
    SinterPlanRequest request = { .disk = "vda" };
    g_autoptr(GError) error = NULL;
    SinterPlan *plan = sinter_planner_plan(&request, domain, graph, 1234, &error);

    g_assert_no_error(error);
    return plan;
}

static void
set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    service_stage_set_up(&f->stage, WORLD);
    f->stage.context->new_job = "7";
    f->table = sinter_plan_table_new(service_stage_get_context(&f->stage), f->stage.publisher);
    f->plan = make_plan(f);
    f->path = sinter_plan_table_add(f->table, f->plan, getuid(), &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_free(f->path);
    sinter_plan_unref(f->plan);
    g_clear_object(&f->table);
    service_stage_tear_down(&f->stage);
}

static gboolean
stands(Fixture *f)
{
    return service_stage_has_object(&f->stage, f->path);
}

/* An object needs neither bus nor table to show its plan. */
static void
test_properties(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterPlanObject) object =
        sinter_plan_object_new(service_stage_get_context(&f->stage), "ab", f->plan, 4711);
    SinterDBusPlan *iface = SINTER_DBUS_PLAN(object);
    const SinterDiskPlan *part = g_ptr_array_index(f->plan->disks, 0);

    g_assert_cmpstr(sinter_dbus_plan_get_id(iface), ==, "ab");
    g_assert_cmpstr(sinter_dbus_plan_get_domain(iface), ==,
                    "/org/sinter/Sinter1/domains/_uuid_2dof_2dweb");
    g_assert_cmpint(sinter_dbus_plan_get_created(iface), ==, 1234);
    g_assert_cmpuint(g_variant_n_children(sinter_dbus_plan_get_steps(iface)), ==, part->steps->len);
    g_assert_cmpuint(g_variant_n_children(sinter_dbus_plan_get_refusals(iface)), ==, 0);
    g_assert_cmpuint(sinter_dbus_plan_get_bytes_to_copy(iface), ==, part->bytes_to_copy);
    g_assert_cmpuint(sinter_plan_object_get_uid(object), ==, 4711);
    g_assert_true(sinter_plan_object_get_plan(object) == f->plan);
}

/* The plan that was shown is the one that is carried out, and it can be so once. */
static void
test_execute(Fixture *f, gconstpointer data)
{
    g_autofree char *reply =
        service_stage_ask(&f->stage, f->path, "Plan.Execute", "({'bandwidth': <uint64 5>},)");

    g_assert_cmpstr(reply, ==, "(['/org/sinter/Sinter1/jobs/7'],)");
    g_assert_true(f->stage.context->plan == f->plan);
    g_assert_cmpuint(f->stage.context->options.bandwidth_bytes_per_sec, ==, 5);
    g_assert_cmpuint(f->stage.context->options.uid, ==, getuid());
    g_assert_false(stands(f));
}

static void
test_execute_fails(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    f->stage.context->submit_error =
        g_error_new(SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED, "as played");
    g_assert_null(service_stage_call(&f->stage, f->path, "Plan.Execute", "(@a{sv} {},)", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED);
    g_assert_true(stands(f));
}

static void
test_discard(Fixture *f, gconstpointer data)
{
    g_autofree char *reply = service_stage_ask(&f->stage, f->path, "Plan.Discard", "(@a{sv} {},)");

    g_assert_cmpuint(f->stage.context->n_submits, ==, 0);
    g_assert_false(stands(f));
}

static void
test_lookup(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = g_path_get_basename(f->path);
    g_autofree char *found = sinter_plan_table_lookup(f->table, id, NULL);

    g_assert_cmpstr(found, ==, f->path);
    g_assert_null(sinter_plan_table_lookup(f->table, "none", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
}

/* Root has no bound of its own; the bound on all counts for everybody. */
static void
test_quotas(Fixture *f, gconstpointer data)
{
    SinterPlanLimits *limits = &f->stage.context->limits;
    const struct {
        guint uid;
        guint max_per_user;
        guint max;
        gboolean good;
    } cases[] = {
        { 4711, 1, 9, TRUE }, { 4711, 1, 9, FALSE }, { 4712, 1, 9, TRUE },
        { 0, 1, 9, TRUE },    { 0, 1, 9, TRUE },     { 0, 1, 5, FALSE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *path = NULL;

        limits->max_per_user = cases[i].max_per_user;
        limits->max = cases[i].max;
        path = sinter_plan_table_add(f->table, f->plan, cases[i].uid, &error);
        g_assert_cmpint(path != NULL, ==, cases[i].good);
        if (!path)
            g_assert_error(error, SINTER_ERROR, SINTER_ERROR_BUSY);
    }
}

static void
test_expires(Fixture *f, gconstpointer data)
{
    g_autofree char *path = NULL;
    g_autofree char *id = NULL;
    char *found;

    f->stage.context->limits.lifetime_sec = 1;
    path = sinter_plan_table_add(f->table, f->plan, getuid(), NULL);
    id = g_path_get_basename(path);
    while ((found = sinter_plan_table_lookup(f->table, id, NULL))) {
        g_free(found);
        g_main_context_iteration(NULL, TRUE);
    }
    g_assert_false(service_stage_has_object(&f->stage, path));
    g_assert_true(stands(f));
}

static void
change_world(Fixture *f, const char *world)
{
    g_autoptr(SinterDomain) domain = NULL;

    played_context_set_world(f->stage.context, world);
    domain = sinter_service_context_lookup_domain(service_stage_get_context(&f->stage), "web");
    sinter_plan_table_domain_changed(f->table, "uuid-of-web", domain);
}

/* A plan goes when its chain does, or its domain, or when the domain starts or stops. */
static void
test_domain_changed(Fixture *f, gconstpointer data)
{
    change_world(f, WORLD);
    g_assert_true(stands(f));
    sinter_plan_table_domain_changed(f->table, "uuid-of-other", NULL);
    g_assert_true(stands(f));
    change_world(f, data);
    g_assert_false(stands(f));
}

int
main(int argc, char **argv)
{
    service_stage_init(&argc, &argv);
#define ADD_DATA(name, data, func)                                                                 \
    g_test_add("/plan-object/" name, Fixture, data, set_up, func, tear_down)
#define ADD(name, func) ADD_DATA(name, NULL, func)
    ADD("properties", test_properties);
    ADD("execute", test_execute);
    ADD("execute-fails", test_execute_fails);
    ADD("discard", test_discard);
    ADD("lookup", test_lookup);
    ADD("quotas", test_quotas);
    ADD("expires", test_expires);
    ADD_DATA("gone/chain", "web | vda: top > base", test_domain_changed);
    ADD_DATA("gone/stopped", "web off | vda: top > mid > base", test_domain_changed);
    ADD_DATA("gone/disk", "web | vdb: top > mid > base", test_domain_changed);
    ADD_DATA("gone/domain", NULL, test_domain_changed);
    return g_test_run();
}
