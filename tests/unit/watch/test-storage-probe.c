/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which mount a path is on: the kernel's table, and links on the way. */

#include "sinter-mount-table.h"
#include "sinter-storage-probe.h"
#include "watch-fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const char table_text[] = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
                                 "23 22 0:5 / /dev rw - devtmpfs udev rw\n"
                                 "40 22 0:40 / /mnt/a\\040b rw - nfs4 server:/x rw\n"
                                 "41 22 0:41 / /mnt rw - tmpfs tmpfs rw\n"
                                 "42 41 0:42 / /mnt rw - fuse stuck rw\n"
                                 "nonsense\n"
                                 "43 22 bad / /other rw - ext4 x rw\n";

static void
assert_mount(const SinterMountTable *table, const char *path, const char *mount, guint64 device)
{
    const SinterMountEntry *found = sinter_mount_table_find(table, path);

    g_assert_nonnull(found);
    g_assert_cmpstr(found->path, ==, mount);
    g_assert_cmpuint(found->device, ==, device);
}

static void
test_table(void)
{
    g_autoptr(SinterMountTable) table = sinter_mount_table_parse(table_text);
    g_autoptr(SinterMountTable) none = sinter_mount_table_parse("");

    assert_mount(table, "/", "/", makedev(8, 1));
    assert_mount(table, "/mntx/y", "/", makedev(8, 1));
    assert_mount(table, "/other/y", "/", makedev(8, 1));
    assert_mount(table, "/mnt/a b/c/d", "/mnt/a b", makedev(0, 40));
    assert_mount(table, "/mnt/y", "/mnt", makedev(0, 42)); /* the later one hides the earlier */
    g_assert_true(sinter_mount_table_has(table, "/mnt"));
    g_assert_false(sinter_mount_table_has(table, "/mnt/y"));
    g_assert_null(sinter_mount_table_find(none, "/x"));
}

static void
set_flag(gpointer data)
{
    *(gboolean *)data = TRUE;
}

static void
keep(gpointer data)
{
}

/* A name is followed through links, also those that lead nowhere or around in a circle. */
static void
test_links(void)
{
    const SinterPatienceLimits limits = { 60000, 1 };
    SinterPatience *patience = sinter_patience_new(&limits);
    g_autoptr(SinterStorageProbe) probe = sinter_storage_probe_new(patience);
    g_autofree char *folder = g_dir_make_tmp("probe-XXXXXX", NULL);
    static const char *const links[][2] = {
        { "plain", "target" }, { "up", "../x/./y" },  { "loop", "loop" },
        { "root", "/" },       { "deep", "plain/z" },
    };

    g_assert_nonnull(folder);
    for (gsize i = 0; i < G_N_ELEMENTS(links); i++) {
        g_autofree char *link = g_build_filename(folder, links[i][0], NULL);
        g_autofree char *below = g_build_filename(link, "below", NULL);
        gboolean flags[2] = { FALSE, FALSE };
        const SinterQuestion questions[2] = { { set_flag, &flags[0], keep, NULL },
                                              { set_flag, &flags[1], keep, NULL } };
        SinterStorageSilence silence;

        g_assert_cmpint(symlink(links[i][1], link), ==, 0);
        g_assert_true(sinter_storage_probe_ask(probe, link, &questions[0], &silence));
        g_assert_true(sinter_storage_probe_ask(probe, below, &questions[1], &silence));
        g_assert_true(flags[0] && flags[1]);
        g_assert_cmpint(silence.since_usec, ==, 0);
        g_unlink(link);
    }
    g_rmdir(folder);
    sinter_patience_unref(patience);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/storage-probe/table", test_table);
    g_test_add_func("/storage-probe/links", test_links);
    return g_test_run();
}
