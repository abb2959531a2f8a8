/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What an error carries: stage, file, cause and hint, kept by all that passes errors on.
 */

#include "sinter-error.h"

#include <errno.h>
#include <gio/gio.h>

static void
test_names(void)
{
    for (int code = 0; code < SINTER_N_ERRORS; code++) {
        g_assert_nonnull(sinter_error_name(code));
        g_assert_cmpint((int)sinter_error_from_name(sinter_error_name(code)), ==, code);
    }
    g_assert_cmpstr(sinter_error_name(-1), ==, "Failed");
    g_assert_cmpstr(sinter_error_name(SINTER_N_ERRORS), ==, "Failed");
    g_assert_cmpint((int)sinter_error_from_name("nothing"), ==, SINTER_ERROR_FAILED);
}

static GError *
make_chain(void)
{
    GError *error = NULL;

    sinter_error_set_open_errno(&error, ENOENT, "/base");
    sinter_error_wrap(&error, SINTER_STAGE_OPEN_BACKING, NULL, "Could not open backing file: ");
    sinter_error_wrap_open(&error, "/top");
    return error;
}

static void
assert_chain(const GError *error)
{
    const GError *cause = sinter_error_get_cause(error);

    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
    g_assert_true(sinter_error_is_about(error, SINTER_STAGE_OPEN, "/top"));
    g_assert_false(sinter_error_is_about(error, SINTER_STAGE_OPEN, "/base"));
    g_assert_false(sinter_error_is_about(error, SINTER_STAGE_CREATE, "/top"));
    g_assert_cmpstr(sinter_error_get_text(error), ==, "Could not open '/top': ");
    g_assert_cmpint((int)sinter_error_get_stage(cause), ==, SINTER_STAGE_OPEN_BACKING);
    g_assert_null(sinter_error_get_file(cause));
    cause = sinter_error_get_cause(cause);
    g_assert_true(sinter_error_is_about(cause, SINTER_STAGE_OPEN, "/base"));
    cause = sinter_error_get_cause(cause);
    g_assert_error(cause, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
    g_assert_cmpstr(cause->message, ==, "No such file or directory");
    g_assert_cmpstr(sinter_error_get_text(cause), ==, cause->message);
    g_assert_cmpint((int)sinter_error_get_stage(cause), ==, SINTER_STAGE_NONE);
    g_assert_null(sinter_error_get_cause(cause));
    g_assert_null(sinter_error_get_hint(error));
}

static void
test_chain(void)
{
    GError *error = make_chain();
    g_autoptr(GError) copy = g_error_copy(error);
    g_autoptr(GError) passed = NULL;

    g_assert_cmpstr(error->message, ==,
                    "Could not open '/top': Could not open backing file: Could not open '/base': "
                    "No such file or directory");
    assert_chain(error);
    g_propagate_error(&passed, error);
    assert_chain(passed);
    assert_chain(copy);
    g_prefix_error(&passed, "planning: ");
    assert_chain(passed);
}

static void
test_find(void)
{
    g_autoptr(GError) error = make_chain();

    sinter_error_prefix(&error, "checking %s: ", "it");
    g_assert_true(g_str_has_prefix(error->message, "checking it: Could not open '/top': "));
    g_assert_cmpint((int)sinter_error_get_stage(error), ==, SINTER_STAGE_NONE);
    assert_chain(sinter_error_find(error, SINTER_STAGE_OPEN));
    g_assert_null(sinter_error_find(error, SINTER_STAGE_CONVERT));
}

static void
test_hint(void)
{
    g_autoptr(GError) error = NULL;

    sinter_error_set_hinted(&error, SINTER_ERROR_LOCKED, "who has it?", "no lock on %d", 5);
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_LOCKED);
    g_assert_cmpstr(error->message, ==, "no lock on 5: who has it?");
    sinter_error_wrap_open(&error, "a");
    g_assert_cmpstr(error->message, ==, "Could not open 'a': no lock on 5: who has it?");
    g_assert_cmpstr(sinter_error_get_hint(error), ==, "who has it?");
    g_assert_cmpstr(sinter_error_get_text(sinter_error_get_cause(error)), ==, "no lock on 5");
}

/* Errors of other domains, none, and nowhere to put one. */
static void
test_others(void)
{
    g_autoptr(GError) error = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped");
    g_autoptr(GError) none = NULL;

    sinter_error_wrap_open(&error, "a");
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_assert_cmpstr(error->message, ==, "Could not open 'a': stopped");
    sinter_error_set_stage(&error, SINTER_STAGE_OPEN, "a");
    g_assert_cmpint((int)sinter_error_get_stage(error), ==, SINTER_STAGE_NONE);
    g_assert_null(sinter_error_get_cause(error));
    g_assert_cmpstr(sinter_error_get_text(error), ==, error->message);

    sinter_error_wrap_open(&none, "a");
    g_assert_no_error(none);
    sinter_error_wrap_open(NULL, "a");
    sinter_error_prefix(NULL, "a");
    sinter_error_set_open(NULL, SINTER_ERROR_FAILED, "a", "b");
    sinter_error_set_hinted(NULL, SINTER_ERROR_FAILED, "a", "b");
    sinter_error_set_stage(NULL, SINTER_STAGE_OPEN, "a");
    g_assert_cmpint((int)sinter_error_get_stage(NULL), ==, SINTER_STAGE_NONE);
    g_assert_null(sinter_error_get_hint(NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/error/names", test_names);
    g_test_add_func("/error/chain", test_chain);
    g_test_add_func("/error/find", test_find);
    g_test_add_func("/error/hint", test_hint);
    g_test_add_func("/error/others", test_others);
    return g_test_run();
}
