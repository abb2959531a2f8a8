/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Claims on room: never more than there is, by file system, until they are given up. */

#include "sinter-space-ledger.h"

typedef struct {
    SinterSpaceLedger *ledger;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    f->ledger = sinter_space_ledger_new();
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    sinter_space_ledger_free(f->ledger);
}

static void
check(Fixture *f, const char *id, guint64 device, guint64 need, guint64 left, SinterSpace expected,
      guint64 expected_promised)
{
    guint64 promised = 4711;

    g_assert_cmpint(sinter_space_ledger_claim(f->ledger, id, device, need, left, &promised), ==,
                    expected);
    g_assert_cmpuint(promised, ==, expected_promised);
}

static void
test_two(Fixture *f, gconstpointer data)
{
    check(f, "1", 8, 60, 100, SINTER_SPACE_GRANTED, 0);
    check(f, "2", 8, 41, 100, SINTER_SPACE_PROMISED, 60);
    check(f, "2", 8, 40, 100, SINTER_SPACE_GRANTED, 60);
    check(f, "3", 8, 1, 100, SINTER_SPACE_PROMISED, 100);
    check(f, "3", 8, 101, 100, SINTER_SPACE_LACKING, 100);
    check(f, "3", 9, 100, 100, SINTER_SPACE_GRANTED, 0);
    sinter_space_ledger_give_up(f->ledger, "1");
    check(f, "4", 8, 60, 100, SINTER_SPACE_GRANTED, 40);
}

/* What a job has written is gone from what is left, and no longer claimed. */
static void
test_as_it_goes(Fixture *f, gconstpointer data)
{
    check(f, "1", 8, 60, 100, SINTER_SPACE_GRANTED, 0);
    sinter_space_ledger_lower(f->ledger, "1", 20);
    sinter_space_ledger_lower(f->ledger, "1", 50);
    sinter_space_ledger_lower(f->ledger, "nobody", 50);
    check(f, "2", 8, 41, 60, SINTER_SPACE_PROMISED, 20);
    check(f, "2", 8, 40, 60, SINTER_SPACE_GRANTED, 20);
}

/* A job asks again for itself: its earlier claim does not stand in its way. */
static void
test_again(Fixture *f, gconstpointer data)
{
    check(f, "1", 8, 60, 100, SINTER_SPACE_GRANTED, 0);
    check(f, "1", 8, 100, 100, SINTER_SPACE_GRANTED, 0);
    sinter_space_ledger_renew(f->ledger, "2", 8, 500);
    check(f, "1", 8, 1, 100, SINTER_SPACE_PROMISED, 500);
    sinter_space_ledger_give_up(f->ledger, "2");
    sinter_space_ledger_give_up(f->ledger, "2");
    check(f, "2", 8, 1, 100, SINTER_SPACE_PROMISED, 100);
}

static void
test_huge(Fixture *f, gconstpointer data)
{
    sinter_space_ledger_renew(f->ledger, "1", 8, G_MAXUINT64);
    sinter_space_ledger_renew(f->ledger, "2", 8, G_MAXUINT64);
    check(f, "3", 8, 1, G_MAXUINT64, SINTER_SPACE_PROMISED, G_MAXUINT64);
}

static void
test_alone(void)
{
    Fixture f = { NULL };

    check(&f, "1", 8, 100, 100, SINTER_SPACE_GRANTED, 0);
    check(&f, "2", 8, 100, 100, SINTER_SPACE_GRANTED, 0);
    check(&f, "2", 8, 101, 100, SINTER_SPACE_LACKING, 0);
    sinter_space_ledger_renew(NULL, "1", 8, 1);
    sinter_space_ledger_lower(NULL, "1", 1);
    sinter_space_ledger_give_up(NULL, "1");
    sinter_space_ledger_free(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/space-ledger/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("two", test_two);
    ADD("as-it-goes", test_as_it_goes);
    ADD("again", test_again);
    ADD("huge", test_huge);
    g_test_add_func("/space-ledger/alone", test_alone);
    return g_test_run();
}
