/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An image gets other properties, cut at every moment: each state of the disk shows what it did,
 * and no cluster counts too little.
 */

#include "crash-operation.h"
#include "sinter/amend.h"
#include "sinter/create.h"
#include "sinter/snapshot.h"

#include <string.h>

#define DISK_BYTES (60 * 1024)

static gboolean
amend(SinterFs *fs, const SinterAmendOptions *options, GError **error)
{
    return sinter_image_amend(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, options, NULL, error);
}

static void
write_noise(SinterFs *fs, const char *path, const char *format, guint64 from, guint64 to)
{
    SinterHandle *handle = sinter_handle_open(fs, path, format, SINTER_HANDLE_DEFAULT, NULL);
    g_autofree guint8 *buf = g_malloc(to - from);

    for (guint64 i = 0; i < to - from; i++)
        buf[i] = (guint8)((from + i) / 512 + 1);
    g_assert_true(sinter_handle_write_at(handle, from, buf, to - from, NULL));
    g_assert_true(sinter_handle_zero_at(handle, from, (to - from) / 2, NULL));
    g_assert_true(sinter_handle_close(handle, NULL));
}

static void
prepare(SinterFs *fs, guint cluster_size, guint version)
{
    const SinterCreateOptions base = { .format = "raw", .virtual_size = DISK_BYTES };
    const SinterCreateOptions image = { .format = "qcow2",
                                        .cluster_size = cluster_size,
                                        .version = version,
                                        .virtual_size = DISK_BYTES,
                                        .backing_name = "base",
                                        .backing_format = "raw" };

    g_assert_true(sinter_image_create(fs, "base", &base, NULL));
    write_noise(fs, "base", "raw", 0, DISK_BYTES);
    g_assert_true(sinter_image_create(fs, "image", &image, NULL));
    write_noise(fs, "image", "qcow2", 8192, 40960);
    g_assert_true(
        sinter_snapshot_create(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, "s", 0, NULL));
    write_noise(fs, "image", "qcow2", 32768, 57344);
}

static void
prepare_new(SinterFs *fs)
{
    prepare(fs, 8192, 3);
}

static void
prepare_new_small(SinterFs *fs)
{
    prepare(fs, 512, 3);
}

static void
prepare_old(SinterFs *fs)
{
    prepare(fs, 8192, 2);
}

static void
prepare_old_small(SinterFs *fs)
{
    prepare(fs, 512, 2);
}

static void
prepare_data_file(SinterFs *fs)
{
    const SinterCreateOptions image = { .format = "qcow2",
                                        .cluster_size = 8192,
                                        .virtual_size = DISK_BYTES,
                                        .data_file_name = "data",
                                        .data_file_raw = TRUE };
    const SinterCreateOptions moved = { .format = "raw", .virtual_size = DISK_BYTES };

    g_assert_true(sinter_image_create(fs, "image", &image, NULL));
    write_noise(fs, "image", "qcow2", 10000, 20000);
    g_assert_true(sinter_image_create(fs, "moved", &moved, NULL));
}

static gboolean
widen(SinterFs *fs, gboolean again, GError **error)
{
    return amend(fs, &(const SinterAmendOptions){ .refcount_bits = 64 }, error);
}

static gboolean
narrow(SinterFs *fs, gboolean again, GError **error)
{
    return amend(fs, &(const SinterAmendOptions){ .refcount_bits = 2 }, error);
}

static gboolean
to_old(SinterFs *fs, gboolean again, GError **error)
{
    return amend(fs, &(const SinterAmendOptions){ .version = 2 }, error);
}

static gboolean
to_new(SinterFs *fs, gboolean again, GError **error)
{
    return amend(fs, &(const SinterAmendOptions){ .version = 3 }, error);
}

static gboolean
be_lazy(SinterFs *fs, gboolean again, GError **error)
{
    return amend(fs, &(const SinterAmendOptions){ .lazy_refcounts = SINTER_AMEND_ON }, error);
}

static gboolean
all_at_once(SinterFs *fs, gboolean again, GError **error)
{
    return amend(fs,
                 &(const SinterAmendOptions){ .version = 3,
                                              .refcount_bits = 8,
                                              .lazy_refcounts = SINTER_AMEND_ON,
                                              .size = 100 * 1024 },
                 error);
}

/* to a file of the same length that holds zeros: whichever is named shows */
static gboolean
move_data(SinterFs *fs, gboolean again, GError **error)
{
    return amend(
        fs,
        &(const SinterAmendOptions){ .data_file_name = "moved", .data_file_raw = SINTER_AMEND_OFF },
        error);
}

#define STATES                                                                                     \
    {                                                                                              \
        { "image", "qcow2", NULL, CRASH_VIEW_KEPT, FALSE },                                        \
        {                                                                                          \
            "image", "qcow2", "s", CRASH_VIEW_KEPT, FALSE                                          \
        }                                                                                          \
    }

/*
 * Idle flushes: where an image is to change in ways that no disk shows, that it has changed once
 * done was said is not seen here; a header is written in two steps also where it changes in its
 * first sector alone; and steps that follow on each other are parted twice.
 */
static const CrashOperation operations[] = {
    { .name = "amend-widen",
      .prepare = prepare_new,
      .run = widen,
      .files = { "image", "base" },
      .views = STATES },
    { .name = "amend-widen-small",
      .prepare = prepare_new_small,
      .run = widen,
      .files = { "image", "base" },
      .views = STATES },
    { .name = "amend-narrow",
      .prepare = prepare_new_small,
      .run = narrow,
      .files = { "image", "base" },
      .views = STATES },
    { .name = "amend-to-old",
      .prepare = prepare_new,
      .run = to_old,
      .files = { "image", "base" },
      .views = STATES,
      .n_idle_flushes = 2,
      .n_idle_swaps = 1 },
    { .name = "amend-to-old-small",
      .prepare = prepare_new_small,
      .run = to_old,
      .files = { "image", "base" },
      .views = STATES,
      .n_idle_flushes = 1,
      .n_idle_swaps = 0 },
    { .name = "amend-to-new",
      .prepare = prepare_old,
      .run = to_new,
      .files = { "image", "base" },
      .views = STATES,
      .n_idle_flushes = 1,
      .n_idle_swaps = 0 },
    { .name = "amend-to-new-small",
      .prepare = prepare_old_small,
      .run = to_new,
      .files = { "image", "base" },
      .views = STATES,
      .n_idle_flushes = 1,
      .n_idle_swaps = 0 },
    { .name = "amend-lazy",
      .prepare = prepare_new,
      .run = be_lazy,
      .files = { "image", "base" },
      .views = STATES,
      .n_idle_flushes = 2,
      .n_idle_swaps = 1 },
    { .name = "amend-all-at-once",
      .prepare = prepare_new,
      .run = all_at_once,
      .files = { "image", "base" },
      .views = { { "image", "qcow2", NULL, CRASH_VIEW_CHANGES, FALSE },
                 { "image", "qcow2", "s", CRASH_VIEW_KEPT, FALSE } },
      .n_idle_flushes = 4,
      .n_idle_swaps = 3 },
    { .name = "amend-data-file",
      .prepare = prepare_data_file,
      .run = move_data,
      .files = { "image", "data", "moved" },
      .views = { { "image", "qcow2", NULL, CRASH_VIEW_CHANGES, FALSE } },
      .n_idle_flushes = 1,
      .n_idle_swaps = 1 },
};

int
main(int argc, char **argv)
{
    return crash_operation_main(argc, argv, operations, G_N_ELEMENTS(operations));
}
