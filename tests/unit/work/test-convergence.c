/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The escalation towards READY, played second by second; and the smoothed rate. */

#include "sinter-convergence.h"
#include "sinter-rate.h"

#include <string.h>

#define SEC ((gint64)G_USEC_PER_SEC)
#define MIB ((guint64)1024 * 1024)

/* Plays @n_sec seconds of a copy that is @remaining(t) bytes behind, and writes down the actions.
 */
static char *
play(SinterConvergence *c, guint n_sec, guint64 (*remaining)(guint sec), gboolean limited)
{
    static const char letters[] = { '.', 'L', 'T', 'S', 'R', 'G' };
    GString *seen = g_string_new(NULL);

    for (guint sec = 1; sec <= n_sec; sec++) {
        SinterConvergenceSample sample = { sec * SEC, remaining(sec), sec * 100 * MIB, 100 * MIB,
                                           limited };
        guint64 rate = 0;
        SinterConvergeAction action = sinter_convergence_sample(c, &sample, &rate);

        g_string_append_c(seen, letters[action]);
        if (action == SINTER_CONVERGE_THROTTLE)
            g_assert_cmpuint(rate, >=, MIB);
        if (action == SINTER_CONVERGE_LIFT_BANDWIDTH)
            limited = FALSE;
    }
    return g_string_free(seen, FALSE);
}

static guint64
steady_headway(guint sec)
{
    return (1000 - sec) * MIB;
}

static guint64
standstill(guint sec)
{
    return 500 * MIB + (sec % 2) * MIB;
}

static void
test_headway_needs_nothing(void)
{
    SinterConvergence c;
    g_autofree char *seen = NULL;

    sinter_convergence_init(&c, 20 * SEC, 2 * SEC);
    seen = play(&c, 200, steady_headway, TRUE);
    g_assert_null(strpbrk(seen, "LTSRG"));
}

/* A terabyte at 100 MiB a second: a hundredth of it takes longer than anybody's patience. */
static guint64
large_and_steady(guint sec)
{
    return (1024 * 1024 - (guint64)sec * 100) * MIB;
}

/* … or with a guest that writes again four fifths of what is copied. */
static guint64
large_and_busy(guint sec)
{
    return (1024 * 1024 - (guint64)sec * 20) * MIB;
}

/* A guest that writes again nearly all of it: this will not end. */
static guint64
large_and_outrun(guint sec)
{
    return (1024 * 1024 - (guint64)sec * 2) * MIB;
}

static void
test_large_copies_are_left_alone(void)
{
    SinterConvergence c;
    g_autofree char *steady = NULL;
    g_autofree char *busy = NULL;
    g_autofree char *outrun = NULL;

    sinter_convergence_init(&c, 60 * SEC, 2 * SEC);
    steady = play(&c, 3600, large_and_steady, TRUE);
    g_assert_null(strpbrk(steady, "LTSRG"));
    sinter_convergence_init(&c, 60 * SEC, 2 * SEC);
    busy = play(&c, 3600, large_and_busy, TRUE);
    g_assert_null(strpbrk(busy, "LTSRG"));
    sinter_convergence_init(&c, 60 * SEC, 2 * SEC);
    outrun = play(&c, 3600, large_and_outrun, TRUE);
    g_assert_nonnull(strpbrk(outrun, "L"));
}

static void
test_escalation(void)
{
    SinterConvergence c;
    g_autofree char *seen = NULL;

    sinter_convergence_init(&c, 5 * SEC, 2 * SEC);
    seen = play(&c, 52, standstill, TRUE);
    g_assert_cmpstr(seen, ==, ".....L....T....T....T....S.R....G....S.R....S.R....S");
}

/* After the pivot was asked for there is no way back: the guest is held again and again. */
static void
test_no_way_back(void)
{
    SinterConvergence c;
    guint n_holds = 0;
    gint64 held_since = 0;

    sinter_convergence_init(&c, 5 * SEC, 2 * SEC);
    for (guint sec = 1; sec <= 200; sec++) {
        SinterConvergenceSample sample = { sec * SEC, standstill(sec), sec * 100 * MIB, 100 * MIB,
                                           FALSE };
        guint64 rate;

        switch (sinter_convergence_sample(&c, &sample, &rate)) {
        case SINTER_CONVERGE_SUSPEND:
            g_assert_cmpint(held_since, ==, 0);
            held_since = sample.now_usec;
            n_holds++;
            break;
        case SINTER_CONVERGE_RESUME:
            g_assert_cmpint(sample.now_usec - held_since, ==, 2 * SEC);
            held_since = 0;
            break;
        default:
            break;
        }
    }
    g_assert_cmpuint(n_holds, >, 5);
}

static void
test_unlimited_and_never_held(void)
{
    SinterConvergence c;
    g_autofree char *seen = NULL;

    sinter_convergence_init(&c, 5 * SEC, 0);
    seen = play(&c, 30, standstill, FALSE);
    g_assert_cmpstr(seen, ==, ".....T....T....T....G.........");
}

static void
test_pause_is_bounded(void)
{
    SinterConvergence c;

    sinter_convergence_init(&c, 5 * SEC, SEC / 2);
    c.suspended_since_usec = 10 * SEC;
    g_assert_cmpuint(sinter_convergence_next_sample_usec(&c, 10 * SEC, SEC), ==, SEC / 2);
    g_assert_cmpuint(sinter_convergence_next_sample_usec(&c, 10 * SEC + SEC / 4, SEC), ==, SEC / 4);
    g_assert_cmpuint(sinter_convergence_next_sample_usec(&c, 12 * SEC, SEC), ==, 0);
}

static void
test_rate(void)
{
    SinterRate rate = { 0 };

    g_assert_cmpuint(sinter_rate_sample(&rate, 1 * SEC, 0), ==, 0);
    g_assert_cmpuint(sinter_rate_sample(&rate, 2 * SEC, 100), ==, 100);
    g_assert_cmpuint(sinter_rate_sample(&rate, 2 * SEC, 900), ==, 100);
    g_assert_cmpuint(sinter_rate_sample(&rate, 3 * SEC, 500), ==, 200);
    g_assert_cmpuint(sinter_rate_sample(&rate, 4 * SEC, 50), ==, 200);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/convergence/headway-needs-nothing", test_headway_needs_nothing);
    g_test_add_func("/convergence/large-copies-are-left-alone", test_large_copies_are_left_alone);
    g_test_add_func("/convergence/escalation", test_escalation);
    g_test_add_func("/convergence/no-way-back", test_no_way_back);
    g_test_add_func("/convergence/unlimited-and-never-held", test_unlimited_and_never_held);
    g_test_add_func("/convergence/pause-is-bounded", test_pause_is_bounded);
    g_test_add_func("/convergence/rate", test_rate);
    return g_test_run();
}
