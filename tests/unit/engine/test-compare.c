/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Comparing disks: the first difference in the order of the disk, in whatever images the two
 * contents lie; and failures, which count only where they come before a difference.
 */

#include "sinter/compare.h"
#include "disk-fixture.h"
#include "io/sinter-fs-fault.h"
#include "qcow2-build.h"
#include "sinter-error.h"

#define DISK_BYTES (4 * 1024 * 1024)

static SinterComparison
compare(SinterFs *fs, const char *a, const char *b, gboolean strict)
{
    g_autoptr(SinterChain) first = disk_open(fs, a);
    g_autoptr(SinterChain) second = disk_open(fs, b);
    SinterCompareOptions options = { .strict = strict };
    g_autoptr(GError) error = NULL;
    SinterComparison result;

    sinter_compare(first, second, &options, &result, NULL, &error);
    g_assert_no_error(error);
    return result;
}

static void
assert_verdict(SinterFs *fs, const char *a, const char *b, gboolean strict,
               SinterCompareVerdict verdict, guint64 offset)
{
    SinterComparison ahead = compare(fs, a, b, strict);
    SinterComparison back = compare(fs, b, a, strict);

    g_assert_cmpint(ahead.verdict, ==, verdict);
    g_assert_cmpuint(ahead.offset, ==, offset);
    g_assert_cmpint(back.verdict, ==, verdict);
    g_assert_cmpuint(back.offset, ==, offset);
}

/* A difference of one byte at any place, on both sides of the borders between pieces. */
static void
test_single_bytes(void)
{
    static const guint64 places[] = { 0,
                                      511,
                                      512,
                                      65535,
                                      512 * 1024,
                                      1048575,
                                      1048576,
                                      1048577,
                                      3000000,
                                      DISK_BYTES - 512,
                                      DISK_BYTES - 1 };
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();

    disk_make_raw(fs, "a", DISK_BYTES);
    disk_make_raw(fs, "b", DISK_BYTES);
    assert_verdict(fs, "a", "b", FALSE, SINTER_COMPARE_SAME, 0);
    /* from behind, so that each is the first difference */
    for (gsize i = G_N_ELEMENTS(places); i-- > 0;) {
        disk_fill(fs, "a", places[i], 1, 1);
        assert_verdict(fs, "a", "b", FALSE, SINTER_COMPARE_CONTENT, places[i] / 512 * 512);
        disk_fill(fs, "b", places[i], 2, 1);
        assert_verdict(fs, "a", "b", FALSE, SINTER_COMPARE_CONTENT, places[i] / 512 * 512);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++)
        disk_fill(fs, "b", places[i], 1, 1);
    assert_verdict(fs, "a", "b", FALSE, SINTER_COMPARE_SAME, 0);
}

static void
take_difference(guint64 offset, guint64 length, gpointer user_data)
{
    g_string_append_printf(user_data, " %" G_GUINT64_FORMAT "+%" G_GUINT64_FORMAT, offset, length);
}

static void
assert_differences(SinterFs *fs, const char *a, const char *b, const char *expected)
{
    g_autoptr(SinterChain) first = disk_open(fs, a);
    g_autoptr(SinterChain) second = disk_open(fs, b);
    g_autoptr(GString) ahead = g_string_new(NULL);
    g_autoptr(GString) back = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(sinter_compare_all(first, second, NULL, take_difference, ahead, &error));
    g_assert_no_error(error);
    g_assert_true(sinter_compare_all(second, first, NULL, take_difference, back, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(ahead->str, ==, expected);
    g_assert_cmpstr(back->str, ==, expected);
}

/* Sectors that differ, alone, beside each other, across the borders of pieces, and at the end; one
 * disk has no data where the other one has zeros. */
static void
test_all_differences(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();

    disk_make_raw(fs, "a", DISK_BYTES);
    disk_make_raw(fs, "b", DISK_BYTES);
    assert_differences(fs, "a", "b", "");
    disk_fill(fs, "a", 1000000, 0, 70000);
    assert_differences(fs, "a", "b", "");
    disk_fill(fs, "a", 511, 1, 2);
    disk_fill(fs, "b", 4096, 1, 1);
    assert_differences(fs, "a", "b", " 0+1024 4096+512");
    disk_fill(fs, "a", 512 * 1024 - 1, 7, 1024 * 1024 + 2);
    disk_fill(fs, "b", 600 * 1024, 7, 512);
    disk_fill(fs, "b", DISK_BYTES - 1, 7, 1);
    assert_differences(fs, "a", "b", " 0+1024 4096+512 523776+90624 614912+958464 4193792+512");
    disk_make_raw(fs, "long", DISK_BYTES + 65536);
    disk_make_raw(fs, "short", DISK_BYTES);
    assert_differences(fs, "long", "short", "");
    disk_fill(fs, "long", DISK_BYTES + 1024, 1, 512);
    assert_differences(fs, "long", "short", " 4195328+512");
}

static void
test_sizes(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    SinterComparison result;

    disk_make_raw(fs, "short", DISK_BYTES);
    disk_make_raw(fs, "long", 2 * DISK_BYTES);
    assert_verdict(fs, "short", "long", FALSE, SINTER_COMPARE_SAME, 0);
    assert_verdict(fs, "short", "long", TRUE, SINTER_COMPARE_SIZE, 0);
    result = compare(fs, "short", "long", FALSE);
    g_assert_true(result.sizes_differ);
    g_assert_cmpuint(result.common_size, ==, DISK_BYTES);
    /* zeros that are written are zeros still */
    disk_fill(fs, "long", DISK_BYTES + 5000, 0, 1);
    assert_verdict(fs, "short", "long", FALSE, SINTER_COMPARE_SAME, 0);
    disk_fill(fs, "long", DISK_BYTES + 5000, 7, 1);
    assert_verdict(fs, "short", "long", FALSE, SINTER_COMPARE_CONTENT, DISK_BYTES + 4608);
    disk_fill(fs, "short", 100, 7, 1);
    assert_verdict(fs, "short", "long", FALSE, SINTER_COMPARE_CONTENT, 0);
}

static void
test_empty(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();

    disk_make_raw(fs, "nothing", 0);
    disk_make_raw(fs, "zeros", 512);
    assert_verdict(fs, "nothing", "nothing", TRUE, SINTER_COMPARE_SAME, 0);
    assert_verdict(fs, "nothing", "zeros", FALSE, SINTER_COMPARE_SAME, 0);
}

/* The same content as data, as a zero flag, as nothing, and over a backing file. */
static void
test_allocation(void)
{
    const BuildOptions small = { .virtual_size = DISK_BYTES };
    BuildOptions over = small;
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    Build build;

    build_begin(&build, fs, "nothing", &small);
    build_end(&build);
    build_begin(&build, fs, "zero", &small);
    build_map(&build, 65536, (SinterQcow2L2Entry){ SINTER_QCOW2_ZERO, 0 });
    build_end(&build);
    build_begin(&build, fs, "data", &small);
    build_map(&build, 65536, (SinterQcow2L2Entry){ build_data(&build, 0), 0 });
    build_end(&build);
    over.backing = "data";
    over.backing_format = "qcow2";
    build_begin(&build, fs, "over", &over);
    build_end(&build);

    assert_verdict(fs, "nothing", "zero", FALSE, SINTER_COMPARE_SAME, 0);
    assert_verdict(fs, "nothing", "data", FALSE, SINTER_COMPARE_SAME, 0);
    assert_verdict(fs, "zero", "data", FALSE, SINTER_COMPARE_SAME, 0);
    assert_verdict(fs, "nothing", "zero", TRUE, SINTER_COMPARE_ALLOCATION, 65536);
    assert_verdict(fs, "nothing", "data", TRUE, SINTER_COMPARE_ALLOCATION, 65536);
    assert_verdict(fs, "zero", "data", TRUE, SINTER_COMPARE_ALLOCATION, 65536);
    assert_verdict(fs, "data", "over", TRUE, SINTER_COMPARE_SAME, 0);
    assert_verdict(fs, "data", "data", TRUE, SINTER_COMPARE_SAME, 0);
}

/* An image whose L2 table for the second 512 MiB lies beyond its file. */
static void
make_torn(SinterFs *fs, const char *path, guint8 byte)
{
    const BuildOptions options = { .virtual_size = G_GUINT64_CONSTANT(1) << 30 };
    Build build;

    build_begin(&build, fs, path, &options);
    build_map(&build, 65536, (SinterQcow2L2Entry){ build_data(&build, byte), 0 });
    build_poke64(&build, build.l1_offset + 8, build.end + 65536);
    build_end(&build);
}

static void
test_failed_map(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterChain) a = NULL;
    g_autoptr(SinterChain) b = NULL;
    g_autoptr(GError) error = NULL;
    SinterCompareStage stage;
    SinterComparison result;

    make_torn(fs, "a", 1);
    make_torn(fs, "b", 1);
    make_torn(fs, "c", 2);
    a = disk_open(fs, "a");
    b = disk_open(fs, "b");
    g_assert_false(sinter_compare(a, b, NULL, &result, &stage, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    g_assert_cmpint(stage, ==, SINTER_COMPARE_MAPPING);
    g_assert_true(g_str_has_prefix(error->message, "Sector allocation test failed for a: "));
    /* a difference before the torn place is the verdict */
    assert_verdict(fs, "a", "c", FALSE, SINTER_COMPARE_CONTENT, 65536);
}

static void
test_failed_read(void)
{
    g_autoptr(SinterFs) files = sinter_fs_new_memory();
    g_autoptr(SinterFs) fs = sinter_fs_fault_new(files);
    g_autoptr(SinterChain) a = NULL;
    g_autoptr(SinterChain) b = NULL;
    SinterCompareStage stage;
    SinterComparison result;

    disk_make_raw(files, "a", DISK_BYTES);
    disk_make_raw(files, "b", DISK_BYTES);
    disk_fill(files, "a", 5, 1, 1);
    disk_fill(files, "b", 5, 1, 1);
    a = disk_open(fs, "a");
    b = disk_open(fs, "b");
    for (guint nth = 1; nth <= 2; nth++) {
        g_autoptr(GError) error = NULL;

        sinter_fs_fault_arm(fs, SINTER_FAULT_READ, SINTER_FAULT_EIO, nth, FALSE);
        g_assert_false(sinter_compare(a, b, NULL, &result, &stage, &error));
        g_assert_cmpint(stage, ==, SINTER_COMPARE_READING);
        g_assert_true(
            g_str_has_prefix(error->message, nth == 1 ? "Error while reading offset 0 of a: "
                                                      : "Error while reading offset 0 of b: "));
    }
    sinter_fs_fault_arm(fs, SINTER_FAULT_EXTENTS, SINTER_FAULT_EIO, 1, FALSE);
    g_assert_false(sinter_compare(a, b, NULL, &result, &stage, NULL));
    g_assert_cmpint(stage, ==, SINTER_COMPARE_MAPPING);
}

static void
test_cancel(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterChain) a = NULL;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    SinterCompareOptions options = { .cancellable = cancellable };
    g_autoptr(GError) error = NULL;
    SinterComparison result;

    disk_make_raw(fs, "a", DISK_BYTES);
    a = disk_open(fs, "a");
    g_cancellable_cancel(cancellable);
    g_assert_false(sinter_compare(a, a, &options, &result, NULL, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CANCELLED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/compare/single-bytes", test_single_bytes);
    g_test_add_func("/compare/all-differences", test_all_differences);
    g_test_add_func("/compare/sizes", test_sizes);
    g_test_add_func("/compare/empty", test_empty);
    g_test_add_func("/compare/allocation", test_allocation);
    g_test_add_func("/compare/failed-map", test_failed_map);
    g_test_add_func("/compare/failed-read", test_failed_read);
    g_test_add_func("/compare/cancel", test_cancel);
    return g_test_run();
}
