/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Children add up, the fraction never falls, the end is exactly 1 and told once. */

#include "sinter-progress.h"

typedef struct {
    double last;
    guint n_calls;
    guint n_ends;
} Seen;

static void
seen_cb(double fraction, gpointer user_data)
{
    Seen *seen = user_data;

    g_assert_cmpfloat(fraction, >=, seen->last);
    g_assert_cmpfloat(fraction, <=, 1.0);
    seen->last = fraction;
    seen->n_calls++;
    seen->n_ends += fraction == 1.0;
}

static void
test_children_add_up(void)
{
    Seen seen = { 0 };
    g_autoptr(SinterProgress) root = sinter_progress_new(seen_cb, &seen);
    static const double weights[] = { 0.1, 0.7, 0.2 };

    for (gsize i = 0; i < G_N_ELEMENTS(weights); i++) {
        g_autoptr(SinterProgress) child = sinter_progress_child(root, weights[i]);

        sinter_progress_set_total(child, 1000000);
        for (int k = 0; k < 1000; k++)
            sinter_progress_advance(child, 1000);
    }
    g_assert_cmpfloat(seen.last, ==, 1.0);
    g_assert_cmpuint(seen.n_ends, ==, 1);
    g_assert_cmpuint(seen.n_calls, <=, 1002);
}

static void
test_finish_and_overrun(void)
{
    Seen seen = { 0 };
    g_autoptr(SinterProgress) root = sinter_progress_new(seen_cb, &seen);
    g_autoptr(SinterProgress) child = sinter_progress_child(root, 0.5);

    sinter_progress_set_total(child, 10);
    sinter_progress_advance(child, 50);
    g_assert_cmpfloat(seen.last, ==, 0.5);
    sinter_progress_finish(root);
    sinter_progress_finish(root);
    g_assert_cmpuint(seen.n_ends, ==, 1);
}

static void
test_null_is_silent(void)
{
    g_assert_null(sinter_progress_child(NULL, 1.0));
    sinter_progress_set_total(NULL, 1);
    sinter_progress_advance(NULL, 1);
    sinter_progress_finish(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/progress/children-add-up", test_children_add_up);
    g_test_add_func("/progress/finish-and-overrun", test_finish_and_overrun);
    g_test_add_func("/progress/null-is-silent", test_null_is_silent);
    return g_test_run();
}
