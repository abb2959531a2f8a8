/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which images other hosts may use without noticing our locks, and what the configuration says. */

#include "sinter-shared-storage.h"

#include <sys/stat.h>

#include "watch-fixture.h"

static void
test_mounts(void)
{
    static const struct {
        const char *fs_type;
        gboolean locks_are_local;
        const char *words;
    } table[] = {
        { "ext4", FALSE, NULL },
        { "xfs", FALSE, NULL },
        { "nfs4", FALSE, NULL },
        { "ceph", FALSE, NULL },
        { "nfs", TRUE, "on a file system that is mounted with local locks (nfs)" },
        { "gfs2", FALSE, "on a file system of a cluster (gfs2)" },
        { "ocfs2", TRUE, "on a file system of a cluster (ocfs2)" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree char *words =
            sinter_shared_storage_describe_mount(table[i].fs_type, table[i].locks_are_local);

        g_assert_cmpstr(words, ==, table[i].words);
    }
}

static void
test_mark(void)
{
    static const char *const exclusive[] = { "/dev/vg1/*", NULL };
    g_autoptr(SinterDomain) domain = fixture_domain("web", TRUE);
    SinterDisk *disk = fixture_disk(domain, "vda");
    SinterLayer *file = fixture_layer(disk->layers, "/proc/self/status", 1);
    SinterLayer *device = fixture_layer(disk->layers, "/dev/vg0/web", 2);
    SinterLayer *own = fixture_layer(disk->layers, "/dev/vg1/web", 3);

    const SinterPatienceLimits limits = { 60000, 1 };
    SinterPatience *patience = sinter_patience_new(&limits);
    SinterStorageProbe *probe = sinter_storage_probe_new(patience);

    device->type = own->type = SINTER_SOURCE_BLOCK;
    sinter_shared_storage_mark(domain, probe, exclusive);
    g_assert_null(device->beyond_locks);
    domain->active = FALSE;
    sinter_shared_storage_mark(domain, probe, exclusive);
    g_assert_null(file->beyond_locks);
    g_assert_cmpstr(device->beyond_locks, ==, "a block device");
    g_assert_null(own->beyond_locks);
    sinter_storage_probe_free(probe);
    sinter_patience_unref(patience);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/shared-storage/mounts", test_mounts);
    g_test_add_func("/shared-storage/mark", test_mark);
    return g_test_run();
}
