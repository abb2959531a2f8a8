/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chains on storage that does not respond: what takes their place, and what says so. */

#include "sinter-scan-recall.h"
#include "watch-fixture.h"

#define SINCE 1234567

/* A disk with the chain top → mid → base, of which @n_read layers were read; then the storage of
 * the last one did not respond. */
static SinterDomain *
make_domain(guint n_read, gboolean silent)
{
    static const char *const paths[] = { "/far/top", "/far/mid", "/near/base" };
    SinterDomain *domain = fixture_domain("a", FALSE);
    SinterDisk *disk = fixture_disk(domain, "vda");

    for (guint i = 0; i < n_read; i++) {
        SinterLayer *layer = fixture_layer(disk->layers, paths[i], silent ? 0 : i + 1);

        layer->fs_device = i < 2 ? 7 : 8;
        layer->index = n_read + i;
        if (!silent || i + 1 < n_read)
            continue;
        layer->unresponsive_since_usec = SINCE;
        layer->problem = g_strdup("the file system does not respond");
        layer->backing_unknown = TRUE;
    }
    g_clear_pointer(&disk->inactive_layers, g_ptr_array_unref);
    disk->inactive_layers = g_ptr_array_ref(disk->layers);
    return domain;
}

static const SinterLayer *
get_layer(const SinterDomain *domain, guint i)
{
    const SinterDisk *disk = sinter_domain_find_disk(domain, "vda");

    g_assert_cmpuint(i, <, disk->layers->len);
    return g_ptr_array_index(disk->layers, i);
}

static void
test_known(void)
{
    g_autoptr(SinterDomain) known = make_domain(3, FALSE);
    g_autoptr(SinterDomain) now = make_domain(1, TRUE);
    const SinterDisk *disk = sinter_domain_find_disk(now, "vda");

    sinter_scan_recall_disks(now, known);
    g_assert_cmpint(disk->unresponsive_since_usec, ==, SINCE);
    g_assert_cmpstr(disk->unresponsive_reason, ==, "the file system does not respond");
    g_assert_cmpuint(disk->layers->len, ==, 3);
    g_assert_true(disk->inactive_layers == disk->layers);
    g_assert_cmpuint(get_layer(now, 0)->index, ==, 1); /* the present name */
    g_assert_cmpint(get_layer(now, 0)->unresponsive_since_usec, ==, SINCE);
    g_assert_cmpint(get_layer(now, 1)->unresponsive_since_usec, ==, SINCE);
    g_assert_cmpint(get_layer(now, 2)->unresponsive_since_usec, ==, 0);
    g_assert_cmpuint(get_layer(now, 2)->inode, ==, 3);
    /* the known value did not change */
    g_assert_cmpint(get_layer(known, 0)->unresponsive_since_usec, ==, 0);
    g_assert_null(get_layer(known, 0)->problem);
}

static void
test_unknown(void)
{
    g_autoptr(SinterDomain) now = make_domain(1, TRUE);
    const SinterDisk *disk = sinter_domain_find_disk(now, "vda");

    sinter_scan_recall_disks(now, NULL);
    sinter_scan_recall_rest(now, NULL);
    g_assert_cmpint(disk->unresponsive_since_usec, ==, SINCE);
    g_assert_cmpuint(disk->layers->len, ==, 1);
    g_assert_true(get_layer(now, 0)->backing_unknown);
}

/* A chain that is named differently is not the known one. */
static void
test_changed(void)
{
    g_autoptr(SinterDomain) known = make_domain(3, FALSE);
    g_autoptr(SinterDomain) now = make_domain(2, TRUE);
    SinterLayer *layer = (SinterLayer *)get_layer(now, 1);

    g_free(layer->path);
    layer->path = g_strdup("/far/new");
    sinter_scan_recall_disks(now, known);
    g_assert_cmpuint(sinter_domain_find_disk(now, "vda")->layers->len, ==, 2);
}

static void
test_all_read(void)
{
    g_autoptr(SinterDomain) known = make_domain(3, FALSE);
    g_autoptr(SinterDomain) now = make_domain(2, FALSE);
    const SinterDisk *disk = sinter_domain_find_disk(now, "vda");

    sinter_scan_recall_disks(now, known);
    g_assert_cmpint(disk->unresponsive_since_usec, ==, 0);
    g_assert_null(disk->unresponsive_reason);
    g_assert_cmpuint(disk->layers->len, ==, 2);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scan-recall/known", test_known);
    g_test_add_func("/scan-recall/unknown", test_unknown);
    g_test_add_func("/scan-recall/changed", test_changed);
    g_test_add_func("/scan-recall/all-read", test_all_read);
    return g_test_run();
}
