/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Thin volumes in a tree as the kernel shows it: a thin volume on its pool, a linear volume on a
 * disk, a disk without anything below it. */

#include "sinter-thin-volume.h"

#include <glib/gstdio.h>
#include <sys/sysmacros.h>

static void
add_slave(const char *sysfs, const char *device, const char *slave, const char *uuid)
{
    g_autofree char *folder =
        g_build_filename(sysfs, "dev", "block", device, "slaves", slave, "dm", NULL);
    g_autofree char *file = g_build_filename(folder, "uuid", NULL);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(file, uuid, -1, NULL));
}

static void
remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *below = g_build_filename(path, name, NULL);

        remove_tree(below);
    }
    g_remove(path);
}

static void
test_recognized(void)
{
    g_autofree char *sysfs = g_dir_make_tmp("sinter-thin-XXXXXX", NULL);

    add_slave(sysfs, "253:7", "dm-3", "LVM-8xSzB7eNrtZ2rIX7OfkZ-tpool\n");
    add_slave(sysfs, "253:8", "dm-4", "LVM-8xSzB7eNrtZ2rIX7OfkZ\n");
    g_assert_true(sinter_thin_volume_is(sysfs, makedev(253, 7)));
    g_assert_false(sinter_thin_volume_is(sysfs, makedev(253, 8)));
    g_assert_false(sinter_thin_volume_is(sysfs, makedev(8, 0)));
    remove_tree(sysfs);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/thin-volume/recognized", test_recognized);
    return g_test_run();
}
