/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The planner as a table: each file of cases/ holds worlds, requests and the whole plans that must
 * come of them, as text.
 *
 *   == name of the case
 *   world (plan-world.h), a line a domain
 *   ? request
 *   the plan, or "error CODE: message"
 */

#include "plan-world.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static const char *const case_files[] = { "consolidate", "range", "single",    "refusals",
                                          "sharing",     "cost",  "snapshots", "next-boot",
                                          "offline",     "check", "delete",    "create" };

typedef struct {
    char *world;
    char *request;
    char *expected;
} Case;

/* A folder with an image by three names: base, a symbolic and a hard link to it. */
static char *folder;

static void
make_folder(void)
{
    static const char *const files[] = { "l1", "l2", "base" };
    g_autofree char *base = NULL;
    g_autofree char *symbolic = NULL;
    g_autofree char *hard = NULL;

    folder = g_dir_make_tmp("sinter-plan-XXXXXX", NULL);
    g_assert_nonnull(folder);
    for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(folder, files[i], NULL);

        g_assert_true(g_file_set_contents(path, "", 0, NULL));
    }
    base = g_build_filename(folder, "base", NULL);
    symbolic = g_build_filename(folder, "symbolic", NULL);
    hard = g_build_filename(folder, "hard", NULL);
    g_assert_cmpint(symlink("base", symbolic), ==, 0);
    g_assert_cmpint(link(base, hard), ==, 0);
}

static void
remove_folder(void)
{
    static const char *const files[] = { "l1", "l2", "base", "symbolic", "hard" };

    for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(folder, files[i], NULL);

        g_assert_cmpint(g_unlink(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(folder), ==, 0);
    g_free(folder);
}

static char *
plan_case(const Case *test)
{
    g_autoptr(GPtrArray) domains = plan_world_parse(test->world, folder);
    g_autoptr(SinterReferenceGraph) graph = sinter_reference_graph_new(domains);
    g_autoptr(SinterPlan) plan = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) words = NULL;
    SinterPlanRequest request = plan_request_parse(test->request, folder, &words);
    const SinterDomain *domain = g_ptr_array_index(domains, 0);

    plan = sinter_planner_plan(&request, domain, graph, 1234567, &error);
    if (!plan) {
        g_assert_cmpuint(error->domain, ==, SINTER_ERROR);
        return g_strdup_printf("error %s: %s\n", sinter_error_name(error->code), error->message);
    }
    g_assert_no_error(error);
    g_assert_cmpstr(plan->domain_uuid, ==, domain->uuid);
    g_assert_cmpstr(plan->domain_name, ==, domain->name);
    g_assert_cmpint(plan->domain_active, ==, domain->active);
    g_assert_cmpint(plan->created_usec, ==, 1234567);
    return plan_dump(plan, folder);
}

static void
test_case(gconstpointer data)
{
    const Case *test = data;
    g_autofree char *plan = plan_case(test);

    if (strcmp(plan, test->expected) != 0)
        g_test_message("planned:\n%s", plan);
    g_assert_cmpstr(plan, ==, test->expected);
}

static void
case_free(gpointer data)
{
    Case *test = data;

    g_free(test->world);
    g_free(test->request);
    g_free(test->expected);
    g_free(test);
}

static void
append_line(char **text, const char *line)
{
    char *longer = g_strconcat(*text, line, "\n", NULL);

    g_free(*text);
    *text = longer;
}

/* @lines: after the case's name, up to the next one's */
static Case *
read_case(char **lines)
{
    Case *test = g_new0(Case, 1);

    test->world = g_strdup("");
    test->expected = g_strdup("");
    for (; *lines && !g_str_has_prefix(*lines, "== "); lines++) {
        if (**lines == '\0' || **lines == '#')
            continue;
        if (**lines == '?' && !test->request)
            test->request = g_strdup(*lines + 1);
        else
            append_line(test->request ? &test->expected : &test->world, *lines);
    }
    g_assert_nonnull(test->request);
    return test;
}

static void
add_cases(const char *name)
{
    g_autofree char *file = g_strconcat(name, ".txt", NULL);
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "plan", "cases", file, NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    guint n_cases = 0;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_autofree char *test_path = NULL;

        if (!g_str_has_prefix(*line, "== "))
            continue;
        test_path = g_strdup_printf("/planner/%s/%s", name, *line + 3);
        g_strdelimit(test_path, " ", '-');
        g_test_add_data_func_full(test_path, read_case(line + 1), test_case, case_free);
        n_cases++;
    }
    g_assert_cmpuint(n_cases, >, 0);
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    make_folder();
    for (gsize i = 0; i < G_N_ELEMENTS(case_files); i++)
        add_cases(case_files[i]);
    result = g_test_run();
    remove_folder();
    return result;
}
