/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Disks that get another size, cut at every moment: the old disk or the new one, whose further
 * part is zeros whatever lay there.
 */

#include "crash-operation.h"
#include "sinter/create.h"
#include "sinter/resize.h"
#include "sinter/snapshot.h"

#include <string.h>

#define OLD_BYTES (44 * 1024 + 512) /* ends inside a cluster */
#define LONG_BYTES (88 * 1024)
#define SHORT_BYTES (15 * 1024)

static void
write_noise(SinterFs *fs, const char *path, const char *format, guint64 from, guint64 to)
{
    SinterHandle *handle = sinter_handle_open(fs, path, format, SINTER_HANDLE_DEFAULT, NULL);
    g_autofree guint8 *buf = g_malloc(to - from);

    for (guint64 i = 0; i < to - from; i++)
        buf[i] = (guint8)((from + i) / 512 + 1);
    g_assert_true(sinter_handle_write_at(handle, from, buf, to - from, NULL));
    g_assert_true(sinter_handle_close(handle, NULL));
}

static gboolean
resize(SinterFs *fs, guint64 size, SinterPreallocation preallocation, GError **error)
{
    const SinterResizeOptions how = { size, preallocation, TRUE };

    return sinter_image_resize(fs, "image", NULL, SINTER_HANDLE_DEFAULT, &how, error);
}

static void
prepare(SinterFs *fs, guint version, gboolean has_backing, gboolean has_data_file)
{
    const SinterCreateOptions base = { .format = "raw", .virtual_size = 60 * 1024 };
    const SinterCreateOptions image = { .format = "qcow2",
                                        .cluster_size = version == 2 ? 512 : 1024,
                                        .version = version,
                                        .virtual_size = OLD_BYTES + 4096,
                                        .data_file_name = has_data_file ? "data" : NULL,
                                        .backing_name = has_backing ? "base" : NULL,
                                        .backing_format = has_backing ? "raw" : NULL };

    if (has_backing) {
        g_assert_true(sinter_image_create(fs, "base", &base, NULL));
        write_noise(fs, "base", "raw", 0, 60 * 1024);
    }
    g_assert_true(sinter_image_create(fs, "image", &image, NULL));
    write_noise(fs, "image", "qcow2", 5000, 9000);
    write_noise(fs, "image", "qcow2", OLD_BYTES - 3000, OLD_BYTES + 3000);
    /* of the cluster in which the disk ends the rest stays behind */
    g_assert_true(resize(fs, OLD_BYTES, SINTER_PREALLOCATION_OFF, NULL));
}

static void
prepare_alone(SinterFs *fs)
{
    prepare(fs, 3, FALSE, FALSE);
    g_assert_true(
        sinter_snapshot_create(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, "s", 0, NULL));
    write_noise(fs, "image", "qcow2", 8000, 8600);
}

static void
prepare_over(SinterFs *fs)
{
    prepare(fs, 3, TRUE, FALSE);
}

static void
prepare_old(SinterFs *fs)
{
    prepare(fs, 2, TRUE, FALSE);
}

static void
prepare_data_file(SinterFs *fs)
{
    prepare(fs, 3, FALSE, TRUE);
}

static void
prepare_raw(SinterFs *fs)
{
    const SinterCreateOptions image = { .format = "raw", .virtual_size = OLD_BYTES };

    g_assert_true(sinter_image_create(fs, "image", &image, NULL));
    write_noise(fs, "image", "raw", 5000, OLD_BYTES);
}

static gboolean
grow(SinterFs *fs, gboolean again, GError **error)
{
    return resize(fs, LONG_BYTES, SINTER_PREALLOCATION_OFF, error);
}

/* far enough for a longer L1 table */
static gboolean
grow_far(SinterFs *fs, gboolean again, GError **error)
{
    return resize(fs, 4 * 1024 * 1024, SINTER_PREALLOCATION_OFF, error);
}

static gboolean
grow_mapped(SinterFs *fs, gboolean again, GError **error)
{
    return resize(fs, LONG_BYTES, SINTER_PREALLOCATION_METADATA, error);
}

static gboolean
grow_full(SinterFs *fs, gboolean again, GError **error)
{
    return resize(fs, LONG_BYTES, SINTER_PREALLOCATION_FULL, error);
}

static gboolean
shrink(SinterFs *fs, gboolean again, GError **error)
{
    return resize(fs, SHORT_BYTES, SINTER_PREALLOCATION_OFF, error);
}

#define KEPT(snapshot)                                                                             \
    {                                                                                              \
        "image", "qcow2", snapshot, CRASH_VIEW_KEPT, FALSE                                         \
    }
#define CHANGES                                                                                    \
    {                                                                                              \
        "image", "qcow2", NULL, CRASH_VIEW_CHANGES, FALSE                                          \
    }

/*
 * Idle flushes: a disk that grows is readied by a commit of the writer, which flushes before its
 * first step and after its last whether or not there is anything to part; and a data file that
 * gets longer shows nothing until the disk does. A disk that shrinks has all that matters behind
 * it with the header's flush, which the commit that follows repeats; what comes then gives back
 * space, of which only the counts must not go before the mapping.
 */
static const CrashOperation operations[] = {
    { .name = "resize-grow",
      .prepare = prepare_alone,
      .run = grow,
      .files = { "image" },
      .views = { CHANGES, KEPT("s") },
      .n_idle_flushes = 1,
      .n_idle_swaps = 1 },
    { .name = "resize-grow-far",
      .prepare = prepare_alone,
      .run = grow_far,
      .files = { "image" },
      .views = { CHANGES, KEPT("s") },
      .n_idle_flushes = 1,
      .n_idle_swaps = 1 },
    { .name = "resize-grow-over-backing",
      .prepare = prepare_over,
      .run = grow,
      .files = { "image", "base" },
      .views = { CHANGES },
      .n_idle_flushes = 1,
      .n_idle_swaps = 1 },
    { .name = "resize-grow-old-version",
      .prepare = prepare_old,
      .run = grow,
      .files = { "image", "base" },
      .views = { CHANGES } },
    { .name = "resize-grow-mapped",
      .prepare = prepare_alone,
      .run = grow_mapped,
      .files = { "image" },
      .views = { CHANGES, KEPT("s") },
      .n_idle_flushes = 1,
      .n_idle_swaps = 1 },
    { .name = "resize-grow-full",
      .prepare = prepare_over,
      .run = grow_full,
      .files = { "image", "base" },
      .views = { CHANGES } },
    { .name = "resize-grow-data-file",
      .prepare = prepare_data_file,
      .run = grow,
      .files = { "image", "data" },
      .views = { CHANGES },
      .n_idle_flushes = 3,
      .n_idle_swaps = 3 },
    { .name = "resize-shrink",
      .prepare = prepare_alone,
      .run = shrink,
      .files = { "image" },
      .views = { CHANGES, KEPT("s") },
      .n_idle_flushes = 4,
      .n_idle_swaps = 3 },
    { .name = "resize-shrink-over-backing",
      .prepare = prepare_over,
      .run = shrink,
      .files = { "image", "base" },
      .views = { CHANGES },
      .n_idle_flushes = 5,
      .n_idle_swaps = 4 },
    { .name = "resize-shrink-data-file",
      .prepare = prepare_data_file,
      .run = shrink,
      .files = { "image", "data" },
      .views = { CHANGES },
      .n_idle_flushes = 7,
      .n_idle_swaps = 6 },
    { .name = "resize-raw-grow",
      .prepare = prepare_raw,
      .run = grow,
      .files = { "image" },
      .views = { { "image", "raw", NULL, CRASH_VIEW_CHANGES, FALSE } } },
    { .name = "resize-raw-shrink",
      .prepare = prepare_raw,
      .run = shrink,
      .files = { "image" },
      .views = { { "image", "raw", NULL, CRASH_VIEW_CHANGES, FALSE } } },
};

int
main(int argc, char **argv)
{
    return crash_operation_main(argc, argv, operations, G_N_ELEMENTS(operations));
}
