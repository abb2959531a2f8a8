/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sizes of images to be made. The numbers are those of qemu-img 7.2 (`measure`); the interop tests
 * compare many more.
 */

#include "sinter/measure.h"
#include "disk-fixture.h"
#include "qcow2-build.h"
#include "sinter-error.h"

#define GIB (G_GUINT64_CONSTANT(1) << 30)

typedef struct {
    guint64 size;
    SinterMeasureOptions options;
    guint64 required;
    guint64 fully_allocated;
} Row;

static const Row rows[] = {
    { 0, { .format = "raw" }, 0, 0 },
    { 1000, { .format = "raw" }, 1024, 1024 },
    { GIB, { .format = "raw" }, GIB, GIB },
    { 0, { .format = "qcow2" }, 196608, 196608 },
    { GIB, { .format = "qcow2" }, 393216, 1074135040 },
    { GIB, { .format = "qcow2", .preallocated = TRUE }, 1074135040, 1074135040 },
    { GIB, { .format = "qcow2", .cluster_size = 512 }, 21385216, 1095127040 },
    { GIB, { .format = "qcow2", .cluster_size = 2097152 }, 10485760, 1084227584 },
    { GIB, { .format = "qcow2", .refcount_bits = 64 }, 524288, 1074266112 },
    { GIB, { .format = "qcow2", .extended_l2 = TRUE }, 524288, 1074266112 },
};

static void
test_sizes(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        SinterMeasure measure;

        g_test_message("row %" G_GSIZE_FORMAT, i);
        sinter_measure_size(rows[i].size, &rows[i].options, &measure, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(measure.required, ==, rows[i].required);
        g_assert_cmpuint(measure.fully_allocated, ==, rows[i].fully_allocated);
        g_assert_false(measure.has_bitmaps);
    }
}

/* What cannot be made, and sums that would not fit. */
static void
test_refused(void)
{
    static const struct {
        guint64 size;
        SinterMeasureOptions options;
        const char *message;
    } wrong[] = {
        { 0, { .format = "vdi" }, "Unknown file format 'vdi'" },
        { 0,
          { .format = "qcow2", .cluster_size = 1000 },
          "Cluster size must be a power of two between 512 and 2048k" },
        { 0,
          { .format = "qcow2", .cluster_size = 4 << 20 },
          "Cluster size must be a power of two between 512 and 2048k" },
        { 0,
          { .format = "qcow2", .refcount_bits = 3 },
          "Refcount width must be a power of two and may not exceed 64 bits" },
        { 0,
          { .format = "qcow2", .refcount_bits = 128 },
          "Refcount width must be a power of two and may not exceed 64 bits" },
        { 0,
          { .format = "qcow2", .cluster_size = 8192, .extended_l2 = TRUE },
          "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes" },
        { 10240 * GIB,
          { .format = "qcow2", .cluster_size = 512 },
          "The image size is too large (try using a larger cluster size)" },
        { G_MAXINT64,
          { .format = "qcow2" },
          "The image size is too large (try using a larger cluster size)" },
        { G_MAXUINT64,
          { .format = "qcow2", .cluster_size = 2097152 },
          "The image size is too large (try using a larger cluster size)" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        SinterMeasure measure;

        g_assert_false(sinter_measure_size(wrong[i].size, &wrong[i].options, &measure, &error));
        g_assert_cmpstr(error->message, ==, wrong[i].message);
    }
}

/* A cluster of the new image counts once, however many pieces of data lie in it. */
static void
test_chain(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterChain) chain = NULL;
    SinterMeasureOptions options = { .format = "qcow2" };
    SinterMeasure empty;
    SinterMeasure measure;

    disk_make_raw(fs, "disk", GIB);
    disk_fill(fs, "disk", 0, 1, 512);
    disk_fill(fs, "disk", 8192, 1, 512);
    disk_fill(fs, "disk", 100 * 65536 - 1, 1, 2);
    chain = disk_open(fs, "disk");
    g_assert_true(sinter_measure_size(GIB, &options, &empty, NULL));
    g_assert_true(sinter_measure_chain(chain, &options, &measure, NULL));
    g_assert_cmpuint(measure.required - empty.required, ==, 3 * 65536);
    g_assert_cmpuint(measure.fully_allocated, ==, empty.fully_allocated);
    /* what a backing file would share is not known */
    options.has_backing = TRUE;
    g_assert_true(sinter_measure_chain(chain, &options, &measure, NULL));
    g_assert_cmpuint(measure.required, ==, empty.fully_allocated);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/measure/sizes", test_sizes);
    g_test_add_func("/measure/refused", test_refused);
    g_test_add_func("/measure/chain", test_chain);
    return g_test_run();
}
