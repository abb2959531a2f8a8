/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The tables of repairs: each kind of finding has a row, passes only wait for earlier ones; and the
 * plan: what the options allow, and how many steps are kept.
 */

#include "format/sinter-repair-plan.h"
#include "format/sinter-repair-table.h"

#include <string.h>

static void
test_rows(void)
{
    for (guint i = 0; i < SINTER_FINDING_N_CODES; i++) {
        SinterFindingCode code = (SinterFindingCode)i;
        gboolean repaired = sinter_repair_code_when(code) != SINTER_REPAIR_NEVER;

        g_test_message("%s", sinter_finding_code_name(code));
        g_assert_true(sinter_repair_is_listed(code));
        g_assert_cmpint(repaired, ==, sinter_repair_code_pass(code) != SINTER_REPAIR_PASS_NONE);
        g_assert_nonnull(sinter_repair_safety_name(sinter_repair_code_safety(code)));
        /* what frees leaks alone must lose nothing */
        if (sinter_repair_code_when(code) == SINTER_REPAIR_WITH_LEAKS)
            g_assert_cmpint(sinter_repair_code_safety(code), ==, SINTER_REPAIR_LOSES_NOTHING);
    }
    g_assert_false(sinter_repair_is_listed(SINTER_FINDING_N_CODES));
    g_assert_cmpint(sinter_repair_code_when(SINTER_FINDING_RANGE), ==, SINTER_REPAIR_NEVER);
}

static void
test_passes(void)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < SINTER_REPAIR_N_PASSES; i++) {
        SinterRepairPass pass = (SinterRepairPass)i;
        const char *name = sinter_repair_pass_name(pass);

        g_assert_cmpuint(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-"), ==, strlen(name));
        g_assert_true(g_hash_table_add(names, (gpointer)name));
        g_assert_false(g_str_has_suffix(sinter_repair_pass_describe(pass), "."));
        g_assert_cmpuint(sinter_repair_pass_after(pass) >> i, ==, 0);
    }
    g_assert_null(sinter_repair_pass_name(SINTER_REPAIR_PASS_NONE));
}

static gboolean
add(SinterRepairPlan *plan, SinterFindingCode code, guint64 host, const char *reason)
{
    SinterRepairStep step = { .code = code,
                              .guest_offset = SINTER_OFFSET_NONE,
                              .host_offset = host,
                              .reason = g_strdup(reason) };

    return sinter_repair_plan_add(plan, &step);
}

static void
test_levels(void)
{
    const SinterRepairOptions options = { .level = SINTER_REPAIR_LEAKS };
    g_auto(SinterRepairPlan) plan = { 0 };

    sinter_repair_plan_init(&plan, &options);
    g_assert_true(add(&plan, SINTER_FINDING_CLUSTER_LEAKED, 0x1000, NULL));
    g_assert_false(add(&plan, SINTER_FINDING_CLUSTER_LEAKED, 0x2000, "because"));
    g_assert_false(add(&plan, SINTER_FINDING_REFCOUNT_TOO_LOW, 0x3000, NULL));
    g_assert_false(add(&plan, SINTER_FINDING_READ_ERROR, 0x4000, NULL));
    g_assert_cmpuint(plan.n_allowed[SINTER_REPAIR_PASS_LEAKS], ==, 1);
    g_assert_cmpuint(plan.n_allowed[SINTER_REPAIR_PASS_REFCOUNTS], ==, 0);
    for (guint i = 0; i < plan.steps->len; i++) {
        const SinterRepairStep *step = &g_array_index(plan.steps, SinterRepairStep, i);

        g_assert_cmpint(step->state, ==, i == 0 ? SINTER_REPAIR_PLANNED : SINTER_REPAIR_LEFT);
        g_assert_cmpint(step->reason != NULL, ==, i > 0);
    }
    g_assert_true(sinter_repair_plan_is_ready(&plan, SINTER_REPAIR_PASS_LEAKS));
    g_assert_false(sinter_repair_plan_is_ready(&plan, SINTER_REPAIR_PASS_REFCOUNTS));
}

static void
test_waits(void)
{
    const SinterRepairOptions options = { .level = SINTER_REPAIR_ALL };
    g_auto(SinterRepairPlan) plan = { 0 };

    sinter_repair_plan_init(&plan, &options);
    g_assert_true(add(&plan, SINTER_FINDING_CLUSTER_LEAKED, 0x1000, NULL));
    g_assert_true(add(&plan, SINTER_FINDING_REFCOUNT_UNKNOWN, 0, NULL));
    g_assert_true(sinter_repair_plan_is_ready(&plan, SINTER_REPAIR_PASS_REFCOUNT_STRUCTURE));
    g_assert_false(sinter_repair_plan_is_ready(&plan, SINTER_REPAIR_PASS_LEAKS));
}

static void
test_limit(void)
{
    const SinterRepairOptions options = { .level = SINTER_REPAIR_ALL, .check.max_per_code = 2 };
    g_auto(SinterRepairPlan) plan = { 0 };
    g_autoptr(SinterRepairResult) result = sinter_repair_result_new();
    const SinterRepairStep *rest;

    sinter_repair_plan_init(&plan, &options);
    for (guint i = 1; i <= 10; i++)
        add(&plan, SINTER_FINDING_CLUSTER_LEAKED, i << 16, NULL);
    g_assert_cmpuint(plan.steps->len, ==, 3);
    rest = &g_array_index(plan.steps, SinterRepairStep, 2);
    g_assert_cmpuint(rest->times, ==, 8);
    g_assert_cmpuint(rest->host_offset, ==, SINTER_OFFSET_NONE);
    g_assert_cmpuint(plan.n_allowed[SINTER_REPAIR_PASS_LEAKS], ==, 10);
    sinter_repair_plan_mark_done(&plan, SINTER_REPAIR_PASS_LEAKS);
    sinter_repair_plan_move(&plan, SINTER_REPAIR_PLANNED, result);
    g_assert_cmpuint(result->steps->len, ==, 0);
    sinter_repair_plan_move(&plan, SINTER_REPAIR_DONE, result);
    g_assert_cmpuint(result->steps->len, ==, 3);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/repair/rows", test_rows);
    g_test_add_func("/repair/passes", test_passes);
    g_test_add_func("/repair/levels", test_levels);
    g_test_add_func("/repair/waits", test_waits);
    g_test_add_func("/repair/limit", test_limit);
    return g_test_run();
}
