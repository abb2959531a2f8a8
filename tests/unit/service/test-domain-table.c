/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of domains: objects come and go with the inventory, changes are shown together, and a
 * domain is shown anew when another one that shares an image with it changes. */

#include "sinter-domain-table.h"

#include "service-stage.h"

#define A_PATH "/org/sinter/Sinter1/domains/_uuid_2dof_2da"
#define B_PATH "/org/sinter/Sinter1/domains/_uuid_2dof_2db"
#define SHARING "a | vda: x > base \n b | vda: y > base \n c | vda: z"

typedef struct {
    ServiceStage stage;
    SinterPlanTable *plans;
    SinterDomainTable *table;
    GPtrArray *shown; /* of char*: UUIDs that were shown, sorted by test */
} Fixture;

static void
on_shown(SinterDomainTable *table, const char *uuid, Fixture *f)
{
    g_ptr_array_add(f->shown, g_strdup(uuid));
}

static void
set_up(Fixture *f, gconstpointer data)
{
    SinterServiceContext *context;

    service_stage_set_up(&f->stage, SHARING);
    context = service_stage_get_context(&f->stage);
    f->plans = sinter_plan_table_new(context, f->stage.publisher);
    f->table = sinter_domain_table_new(context, f->stage.publisher, f->plans);
    f->shown = g_ptr_array_new_with_free_func(g_free);
    g_signal_connect(f->table, "domain-shown", G_CALLBACK(on_shown), f);
    for (guint i = 0; i < f->stage.context->domains->len; i++) {
        const SinterDomain *domain = g_ptr_array_index(f->stage.context->domains, i);

        sinter_domain_table_touch(f->table, domain->uuid);
    }
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_clear_object(&f->table);
    g_clear_object(&f->plans);
    service_stage_tear_down(&f->stage);
    g_ptr_array_unref(f->shown);
}

/* Touched often, shown once, when the main loop is idle. */
static void
test_idle(Fixture *f, gconstpointer data)
{
    sinter_domain_table_touch(f->table, "uuid-of-a");
    g_assert_cmpuint(sinter_domain_table_count(f->table), ==, 0);
    while (sinter_domain_table_count(f->table) == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(sinter_domain_table_count(f->table), ==, 3);
    g_assert_cmpuint(f->shown->len, ==, 3);
    g_assert_true(service_stage_has_object(&f->stage, A_PATH));
    sinter_domain_table_show(f->table);
    g_assert_cmpuint(f->shown->len, ==, 3);
}

static void
test_gone(Fixture *f, gconstpointer data)
{
    sinter_domain_table_show(f->table);
    g_assert_true(sinter_domain_table_has_disk(f->table, "uuid-of-b", "vda"));
    g_assert_false(sinter_domain_table_has_disk(f->table, "uuid-of-b", "vdb"));
    played_context_set_world(f->stage.context, "a | vda: x > base");
    sinter_domain_table_touch(f->table, "uuid-of-b");
    sinter_domain_table_show(f->table);
    g_assert_false(sinter_domain_table_has_disk(f->table, "uuid-of-b", "vda"));
    g_assert_cmpuint(sinter_domain_table_count(f->table), ==, 2);
    g_assert_false(service_stage_has_object(&f->stage, B_PATH));
}

/* a no longer uses b's base: b's list of users is another one. c is not concerned. */
static void
test_neighbours(Fixture *f, gconstpointer data)
{
    sinter_domain_table_show(f->table);
    g_ptr_array_set_size(f->shown, 0);
    played_context_set_world(f->stage.context, "a | vda: x \n b | vda: y > base \n c | vda: z");
    sinter_domain_table_touch(f->table, "uuid-of-a");
    sinter_domain_table_show(f->table);
    g_assert_cmpuint(f->shown->len, ==, 2);
    g_assert_true(g_ptr_array_find_with_equal_func(f->shown, "uuid-of-a", g_str_equal, NULL));
    g_assert_true(g_ptr_array_find_with_equal_func(f->shown, "uuid-of-b", g_str_equal, NULL));
}

int
main(int argc, char **argv)
{
    service_stage_init(&argc, &argv);
#define ADD(name, func) g_test_add("/domain-table/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("idle", test_idle);
    ADD("gone", test_gone);
    ADD("neighbours", test_neighbours);
    return g_test_run();
}
