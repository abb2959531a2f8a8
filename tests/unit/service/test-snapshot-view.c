/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The snapshots of a domain as the bus shows them. */

#include "sinter-snapshot-view.h"

#include "../watch/watch-fixture.h"

static void
test_keys(void)
{
    g_autoptr(SinterDomain) domain = fixture_domain("vm", TRUE);
    SinterSnapshot *snapshot = fixture_snapshot(domain, "s1");
    SinterSnapshotDisk *disk = fixture_snapshot_disk(snapshot, "vda", "/i/over", "/i/base");
    g_autoptr(GVariant) tree = NULL;
    g_autofree char *text = NULL;

    snapshot->description = g_strdup("before \xff");
    snapshot->state = g_strdup("running");
    snapshot->creation_time_sec = 12;
    snapshot->current = TRUE;
    snapshot->memory_path = g_strdup("/i/mem");
    snapshot->memory_bytes = 4096;
    disk->frozen_bytes = 512;
    tree = sinter_snapshot_view_new(domain);
    text = g_variant_print(tree, FALSE);
    g_assert_cmpstr(
        text, ==,
        "[{'name': <'s1'>, 'current': <true>, 'created': <uint64 12000000>, "
        "'description': <'before \357\277\275'>, 'state': <'running'>, "
        "'memory': <'/i/mem'>, 'memory-bytes': <uint64 4096>, 'disks': <[{'disk': <'vda'>, "
        "'image': <'/i/base'>, 'external': <true>, 'allocated-bytes': <uint64 512>}]>}]");
}

/* A time that libvirt cannot have meant does not overflow. */
static void
test_odd_times(void)
{
    static const struct {
        gint64 sec;
        guint64 usec;
    } rows[] = {
        { -5, 0 },
        { G_MAXINT64, G_MAXINT64 / G_USEC_PER_SEC * G_USEC_PER_SEC },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(SinterDomain) domain = fixture_domain("vm", FALSE);
        g_autoptr(GVariant) tree = NULL;
        g_autoptr(GVariant) row = NULL;
        guint64 created_usec = 0;

        fixture_snapshot(domain, "s1")->creation_time_sec = rows[i].sec;
        tree = sinter_snapshot_view_new(domain);
        row = g_variant_get_child_value(tree, 0);
        g_variant_lookup(row, "created", "t", &created_usec);
        g_assert_cmpuint(created_usec, ==, rows[i].usec);
    }
}

static void
test_none(void)
{
    g_autoptr(SinterDomain) domain = fixture_domain("vm", TRUE);
    g_autoptr(GVariant) tree = sinter_snapshot_view_new(domain);

    g_assert_cmpuint(g_variant_n_children(tree), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/snapshot-view/keys", test_keys);
    g_test_add_func("/snapshot-view/odd-times", test_odd_times);
    g_test_add_func("/snapshot-view/none", test_none);
    return g_test_run();
}
