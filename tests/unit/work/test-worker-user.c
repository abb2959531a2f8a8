/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whom sinter-worker is to become. */

#include "sinter-worker-user.h"

#include <pwd.h>
#include <unistd.h>

#define NOBODY 65534

static void
assert_looked_up(const char *name, gboolean found, guint uid, guint gid)
{
    guint seen_uid = 1;
    guint seen_gid = 1;

    g_assert_cmpint(sinter_worker_user_look_up(name, &seen_uid, &seen_gid), ==, found);
    g_assert_cmpuint(seen_uid, ==, uid);
    g_assert_cmpuint(seen_gid, ==, gid);
}

static void
test_look_up(void)
{
    const struct passwd *entry = getpwnam("daemon");

    assert_looked_up("no-such-user-on-any-host", FALSE, NOBODY, NOBODY);
    assert_looked_up("root", FALSE, NOBODY, NOBODY);
    if (entry)
        assert_looked_up("daemon", TRUE, entry->pw_uid, entry->pw_gid);
}

static void
test_find(void)
{
    guint uid = 1;
    guint gid = 1;

    sinter_worker_user_find(&uid, &gid);
    g_assert_cmpint(uid == 0, ==, geteuid() != 0);
    g_assert_cmpint(gid == 0, ==, geteuid() != 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    /* root without that user is told so */
    g_log_set_fatal_mask(NULL, G_LOG_FATAL_MASK);
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
    g_test_add_func("/worker-user/look-up", test_look_up);
    g_test_add_func("/worker-user/find", test_find);
    return g_test_run();
}
