/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Mounts from lines as the kernel writes them, and the real one of a file. */

#include "sinter-mount.h"
#include "sinter-error.h"

#include <string.h>

static const char mountinfo[] =
    "21 26 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
    "26 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
    "40 26 0:50 / /srv/two\\040words rw shared:3 master:2 - nfs4 srv:/a "
    "rw,vers=4.2,hard,local_lock="
    "none,addr=1.2.3.4\n"
    "41 26 0:51 / /srv/old ro - nfs srv:/b rw,vers=3,nolock,local_lock=all\n"
    "42 26 0:52 / /srv/win rw - cifs //srv/c rw,vers=3.0,nobrl\n"
    "43 26 0:53 / broken rw\n"
    "44 26 0:54 / /srv/x rw - \n";

static char *
options_of(const SinterMount *mount)
{
    return g_strjoinv(" ", mount->lock_options);
}

static void
test_parse(void)
{
    static const struct {
        guint64 id;
        const char *type; /* NULL: not found */
        const char *mount_point;
        const char *options;
        gboolean is_local;
    } cases[] = {
        { 26, "ext4", "/", "", FALSE },
        { 40, "nfs4", "/srv/two words", "vers=4.2 local_lock=none", FALSE },
        { 41, "nfs", "/srv/old", "ro vers=3 nolock local_lock=all", TRUE },
        { 42, "cifs", "/srv/win", "vers=3.0 nobrl", TRUE },
        { 43, NULL, NULL, NULL, FALSE },
        { 44, NULL, NULL, NULL, FALSE },
        { 99, NULL, NULL, NULL, FALSE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(SinterMount) mount = sinter_mount_parse(mountinfo, cases[i].id);
        g_autofree char *options = mount ? options_of(mount) : NULL;

        g_assert_cmpstr(mount ? mount->fs_type : NULL, ==, cases[i].type);
        if (!mount)
            continue;
        g_assert_cmpstr(mount->mount_point, ==, cases[i].mount_point);
        g_assert_cmpstr(options, ==, cases[i].options);
        g_assert_cmpint(mount->locks_are_local, ==, cases[i].is_local);
    }
}

static void
test_find(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterMount) proc = sinter_mount_find("/proc/self/status", &error);

    g_assert_no_error(error);
    g_assert_cmpstr(proc->fs_type, ==, "proc");
    g_assert_cmpstr(proc->mount_point, ==, "/proc");
    g_assert_null(sinter_mount_find("/proc/does-not-exist", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mount/parse", test_parse);
    g_test_add_func("/mount/find", test_find);
    return g_test_run();
}
