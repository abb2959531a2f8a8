/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Quotas: what a limit leaves, and that a file system without quotas limits nothing. Real quotas:
 * tests/dbus/test_space.py. */

#include "sinter-quota.h"

static void
test_room(void)
{
    static const struct {
        SinterQuota quota;
        guint64 room;
    } table[] = {
        { { 0, 0, 500, 0 }, G_MAXUINT64 }, { { 1000, 0, 400, 0 }, 600 },
        { { 1000, 0, 1000, 0 }, 0 },       { { 1000, 0, 1200, 0 }, 0 },
        { { 1000, 500, 600, 0 }, 400 },   /* the grace period has not begun, … */
        { { 1000, 500, 600, 101 }, 400 }, /* runs, … */
        { { 1000, 500, 600, 100 }, 0 },   /* and has ended */
        { { 0, 500, 600, 50 }, 0 },        { { 0, 500, 400, 50 }, G_MAXUINT64 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++)
        g_assert_cmpuint(sinter_quota_get_room(&table[i].quota, 100), ==, table[i].room);
}

static void
test_no_quota(void)
{
    struct stat st;

    g_assert_cmpint(stat("/proc/self/status", &st), ==, 0);
    st.st_uid = 12345;
    g_assert_cmpuint(sinter_quota_find_room("/proc/self/status", &st), ==, G_MAXUINT64);
    g_assert_cmpuint(sinter_quota_find_room("/no/such/file", &st), ==, G_MAXUINT64);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/quota/room", test_room);
    g_test_add_func("/quota/no-quota", test_no_quota);
    return g_test_run();
}
