/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rewriting an image in the order of its disk: the disk reads the same, a failure at any single
 * call leaves the old image, and what cannot be kept is refused.
 */

#include "sinter/defragment.h"
#include "disk-fixture.h"
#include "io/sinter-fs-fault.h"
#include "qcow2-build.h"
#include "sinter-error.h"
#include "sinter/bitmap.h"
#include "sinter/create.h"
#include "sinter/handle.h"
#include "sinter/snapshot.h"

#include <string.h>

#define CLUSTER 65536
#define DISK_BYTES (40 * CLUSTER)

/* Clusters written in an order that has nothing to do with the disk, some of them twice. */
static void
make_image(SinterFs *fs, const char *backing)
{
    const SinterCreateOptions options = { .format = "qcow2",
                                          .virtual_size = DISK_BYTES,
                                          .backing_name = backing,
                                          .backing_format = backing ? "raw" : NULL };
    g_autoptr(GError) error = NULL;
    g_autofree guint8 *cluster = g_malloc(CLUSTER);
    SinterHandle *handle;

    if (backing) {
        disk_make_raw(fs, backing, DISK_BYTES);
        disk_fill(fs, backing, 0, 0xbb, DISK_BYTES / 2);
    }
    sinter_image_create(fs, "image", &options, &error);
    g_assert_no_error(error);
    handle = sinter_handle_open(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < 30; i++) {
        memset(cluster, (int)i + 1, CLUSTER);
        g_assert_true(sinter_handle_write_at(handle, (guint64)(i * 17 % 40) * CLUSTER, cluster,
                                             CLUSTER, NULL));
    }
    g_assert_true(sinter_handle_zero_at(handle, 3 * CLUSTER, CLUSTER, NULL));
    g_assert_true(sinter_handle_close(handle, NULL));
}

static void
add_bitmap(SinterFs *fs)
{
    const SinterBitmapAction add = { .kind = SINTER_BITMAP_ADD };
    const SinterBitmapChange change = {
        .format = "qcow2", .name = "b", .actions = &add, .n_actions = 1
    };
    gsize n_done = 0;

    g_assert_true(sinter_bitmap_change(fs, "image", &change, &n_done, NULL));
}

static void
assert_content(SinterFs *fs, GBytes *expected)
{
    g_autoptr(SinterChain) chain = disk_open(fs, "image");
    g_autoptr(GBytes) found = disk_content(chain);

    g_assert_true(g_bytes_equal(expected, found));
}

static GBytes *
content_of(SinterFs *fs)
{
    g_autoptr(SinterChain) chain = disk_open(fs, "image");

    return disk_content(chain);
}

static void
test_content(gconstpointer backing)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterDefragmentResult) result = NULL;
    const SinterDefragmentOptions options = { .fs = fs, .format = "qcow2" };
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(GBytes) expected = NULL;
    g_autoptr(GError) error = NULL;

    make_image(fs, backing);
    add_bitmap(fs);
    expected = content_of(fs);
    result = sinter_defragment("image", &options, &error);
    g_assert_no_error(error);
    assert_content(fs, expected);
    g_assert_cmpuint(result->before->stats.fragmented_clusters, >, 20);
    /* a hole in the disk is no gap in the file */
    g_assert_cmpuint(result->after->stats.fragmented_clusters, ==, 0);
    g_assert_cmpuint(result->after->stats.allocated_clusters, <=,
                     result->before->stats.allocated_clusters);
    info = sinter_image_info_new(fs, "image", "qcow2", NULL);
    g_assert_cmpstr(info->backing_name, ==, backing);
    g_assert_cmpuint(info->n_bitmaps, ==, 1);
    g_assert_cmpuint(disk_count_hidden(fs), ==, 0);
}

static void
test_dry_run(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterDefragmentResult) result = NULL;
    const SinterDefragmentOptions options = { .fs = fs, .format = "qcow2", .dry_run = TRUE };
    g_autoptr(GBytes) before = NULL;
    g_autoptr(GBytes) after = NULL;

    make_image(fs, NULL);
    before = disk_file(fs, "image");
    result = sinter_defragment("image", &options, NULL);
    after = disk_file(fs, "image");
    g_assert_true(g_bytes_equal(before, after));
    g_assert_nonnull(result->before);
    g_assert_null(result->after);
}

/* Each call fails in turn: there is the old image, or nothing failed that matters. */
static void
test_faults(void)
{
    guint n_failed = 0;

    for (guint64 nth = 1;; nth++) {
        g_autoptr(SinterFs) memory = sinter_fs_new_memory();
        g_autoptr(SinterFs) fs = sinter_fs_fault_new(memory);
        const SinterDefragmentOptions options = { .fs = fs, .format = "qcow2" };
        g_autoptr(SinterDefragmentResult) result = NULL;
        g_autoptr(GBytes) expected = NULL;
        gboolean struck;

        make_image(memory, "base");
        add_bitmap(memory);
        expected = content_of(memory);
        sinter_fs_fault_arm(fs, SINTER_FAULT_ALL, SINTER_FAULT_EIO, nth, FALSE);
        result = sinter_defragment("image", &options, NULL);
        struck = sinter_fs_fault_get_count(fs) >= nth;
        sinter_fs_fault_arm(fs, SINTER_FAULT_ALL, SINTER_FAULT_EIO, 0, FALSE);
        n_failed += result == NULL;
        assert_content(memory, expected);
        if (!struck)
            break;
    }
    g_assert_cmpuint(n_failed, >, 50);
}

static void
assert_refused(SinterFs *fs, int code)
{
    const SinterDefragmentOptions options = { .fs = fs, .format = "qcow2" };
    g_autoptr(GBytes) before = disk_file(fs, "image");
    g_autoptr(GBytes) after = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_null(sinter_defragment("image", &options, &error));
    g_assert_error(error, SINTER_ERROR, code);
    after = disk_file(fs, "image");
    g_assert_true(g_bytes_equal(before, after));
    g_assert_cmpuint(disk_count_hidden(fs), ==, 0);
}

static void
test_refused(void)
{
    g_autoptr(SinterFs) snapshots = sinter_fs_new_memory();
    g_autoptr(SinterFs) damaged = sinter_fs_new_memory();
    g_autoptr(SinterFs) extensions = sinter_fs_new_memory();
    SinterIo *io;
    guint8 unknown[4] = { 0x12, 0x34, 0x56, 0x78 };
    guint8 bad[8] = { 0x80, 0, 0, 0, 0, 0, 0, 0 };
    guint8 raw[8];
    guint64 table;

    make_image(snapshots, NULL);
    g_assert_true(
        sinter_snapshot_create(snapshots, "image", "qcow2", SINTER_HANDLE_DEFAULT, "s", 0, NULL));
    assert_refused(snapshots, SINTER_ERROR_UNSUPPORTED);

    make_image(damaged, NULL);
    io = sinter_fs_open(damaged, "image", SINTER_IO_WRITE, NULL);
    g_assert_true(sinter_io_read(io, SINTER_QCOW2_AT_L1_OFFSET, raw, 8, NULL));
    g_assert_true(sinter_io_read(io, sinter_be64_load(raw), raw, 8, NULL));
    table = sinter_be64_load(raw) & SINTER_QCOW2_OFFSET_MASK;
    g_assert_true(sinter_io_write(io, table, bad, 8, NULL));
    sinter_io_unref(io);
    assert_refused(damaged, SINTER_ERROR_CORRUPT);

    make_image(extensions, NULL);
    io = sinter_fs_open(extensions, "image", SINTER_IO_WRITE, NULL);
    g_assert_true(sinter_io_write(io, SINTER_QCOW2_HEADER_V3_BYTES, unknown, 4, NULL));
    sinter_io_unref(io);
    assert_refused(extensions, SINTER_ERROR_UNSUPPORTED);
}

static void
test_suggested(void)
{
    SinterImageStats stats = { .cluster_bytes = CLUSTER, .allocated_clusters = 1024 };

    stats.fragmented_clusters = 1024 / 8;
    g_assert_true(sinter_defragment_suggested(&stats));
    stats.fragmented_clusters = 1024 / 8 - 2;
    g_assert_false(sinter_defragment_suggested(&stats));
    stats.fragmented_clusters = stats.allocated_clusters = 1000;
    g_assert_false(sinter_defragment_suggested(&stats));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/defragment/content", NULL, test_content);
    g_test_add_data_func("/defragment/content-backing", "base", test_content);
    g_test_add_func("/defragment/dry-run", test_dry_run);
    g_test_add_func("/defragment/faults", test_faults);
    g_test_add_func("/defragment/refused", test_refused);
    g_test_add_func("/defragment/suggested", test_suggested);
    return g_test_run();
}
