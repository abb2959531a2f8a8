/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Internal snapshots made, applied and deleted, cut at every moment. The disk and each snapshot
 * show what they did or what they are to show, and nothing leaks: the new metadata stands beside
 * the present one until a single sector changes over.
 */

#include "crash-operation.h"
#include "io/sinter-fs-fault.h"
#include "sinter/amend.h"
#include "sinter/create.h"
#include "sinter/snapshot.h"
#include "sinter-error.h"

#include <string.h>

static void
write_at(SinterHandle *handle, guint64 offset, guint8 byte, gsize n)
{
    g_autofree guint8 *buf = g_malloc(n);

    memset(buf, byte, n);
    g_assert_true(sinter_handle_write_at(handle, offset, buf, n, NULL));
}

/* Writes some clusters of "image", a @step apart from @from on. */
static void
scribble(SinterFs *fs, guint64 from, guint64 step, guint8 byte)
{
    SinterHandle *handle = sinter_handle_open(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, NULL);
    guint64 size = sinter_handle_get_virtual_size(handle);

    for (guint64 at = from; at + 700 <= size; at += step)
        write_at(handle, at, byte++, 700);
    g_assert_true(sinter_handle_close(handle, NULL));
}

static void
snapshot(SinterFs *fs, const char *name)
{
    g_assert_true(
        sinter_snapshot_create(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, name, 1000, NULL));
}

/* "image" on "base", with data of its own in part of it */
static void
prepare_plain(SinterFs *fs)
{
    const SinterCreateOptions base = { .format = "raw", .virtual_size = 60 * 1024 };
    const SinterCreateOptions image = { .format = "qcow2",
                                        .cluster_size = 512,
                                        .virtual_size = 80 * 1024,
                                        .backing_name = "base",
                                        .backing_format = "raw" };
    g_autoptr(SinterIo) io = NULL;
    g_autofree guint8 *noise = g_malloc(60 * 1024);

    memset(noise, 77, 60 * 1024);
    g_assert_true(sinter_image_create(fs, "base", &base, NULL));
    io = sinter_fs_open(fs, "base", SINTER_IO_WRITE, NULL);
    g_assert_true(sinter_io_write(io, 0, noise, 60 * 1024, NULL));
    g_assert_true(sinter_image_create(fs, "image", &image, NULL));
    scribble(fs, 0, 3000, 1);
}

/* the same with snapshots "one" and "two", which share with the disk and with each other */
static void
prepare_snapshots(SinterFs *fs)
{
    prepare_plain(fs);
    snapshot(fs, "one");
    scribble(fs, 1024, 5000, 50);
    snapshot(fs, "two");
    scribble(fs, 40 * 1024, 7000, 90);
}

/* subclusters, and more refcount blocks than one */
static void
prepare_wide(SinterFs *fs)
{
    const SinterCreateOptions image = { .format = "qcow2",
                                        .cluster_size = 16384,
                                        .refcount_bits = 64,
                                        .extended_l2 = TRUE,
                                        .virtual_size = 40 * 16384 };

    g_assert_true(sinter_image_create(fs, "image", &image, NULL));
    scribble(fs, 0, 20000, 1);
    snapshot(fs, "one");
    scribble(fs, 4096, 60000, 50);
}

static void
prepare_narrow(SinterFs *fs, guint refcount_bits)
{
    const SinterCreateOptions image = { .format = "qcow2",
                                        .cluster_size = 512,
                                        .refcount_bits = refcount_bits,
                                        .virtual_size = 80 * 1024 };

    g_assert_true(sinter_image_create(fs, "image", &image, NULL));
    scribble(fs, 0, 3000, 1);
}

/* counts that are too narrow for any snapshot */
static void
prepare_1bit(SinterFs *fs)
{
    prepare_narrow(fs, 1);
}

/* counts that have just room for what three snapshots share, and the disk not */
static void
prepare_2bit(SinterFs *fs)
{
    const SinterAmendOptions narrow = { .refcount_bits = 2 };

    prepare_narrow(fs, 2);
    snapshot(fs, "one");
    snapshot(fs, "two");
    snapshot(fs, "three");
    scribble(fs, 0, 3000, 120);
    g_assert_true(
        sinter_image_amend(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, &narrow, NULL, NULL));
}

static gboolean
create(SinterFs *fs, gboolean again, GError **error)
{
    return sinter_snapshot_create(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, "new", 1000, error);
}

static gboolean
apply(SinterFs *fs, gboolean again, GError **error)
{
    return sinter_snapshot_apply(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, "one",
                                 SINTER_SNAPSHOT_BY_NAME, error);
}

static gboolean delete (SinterFs *fs, gboolean again, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (sinter_snapshot_delete(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, "one",
                               SINTER_SNAPSHOT_BY_NAME, &local) ||
        (again && g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NOT_FOUND)))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

/* without space for anything new */
static gboolean
delete_full(SinterFs *fs, gboolean again, GError **error)
{
    g_autoptr(SinterFs) full = sinter_fs_fault_new(fs);

    sinter_fs_fault_fill(full);
    return delete (full, again, error);
}

#define BLURS(snapshot)                                                                            \
    {                                                                                              \
        "image", "qcow2", snapshot, CRASH_VIEW_BLURS, FALSE                                        \
    }
#define KEPT(snapshot)                                                                             \
    {                                                                                              \
        "image", "qcow2", snapshot, CRASH_VIEW_KEPT, FALSE                                         \
    }
#define CHANGES(snapshot)                                                                          \
    {                                                                                              \
        "image", "qcow2", snapshot, CRASH_VIEW_CHANGES, FALSE                                      \
    }

static const CrashOperation operations[] = {
    { .name = "snapshot-create",
      .prepare = prepare_plain,
      .run = create,
      .files = { "image", "base" },
      .views = { KEPT(NULL), CHANGES("new") } },
    { .name = "snapshot-create-third",
      .prepare = prepare_snapshots,
      .run = create,
      .files = { "image", "base" },
      .views = { KEPT(NULL), KEPT("one"), KEPT("two"), CHANGES("new") } },
    { .name = "snapshot-create-wide",
      .prepare = prepare_wide,
      .run = create,
      .files = { "image" },
      .views = { KEPT(NULL), KEPT("one"), CHANGES("new") } },
    { .name = "snapshot-create-widens",
      .prepare = prepare_1bit,
      .run = create,
      .files = { "image" },
      .views = { KEPT(NULL), CHANGES("new") } },
    { .name = "snapshot-apply-widens",
      .prepare = prepare_2bit,
      .run = apply,
      .files = { "image" },
      .views = { CHANGES(NULL), KEPT("one"), KEPT("two"), KEPT("three") } },
    { .name = "snapshot-apply",
      .prepare = prepare_snapshots,
      .run = apply,
      .files = { "image", "base" },
      .views = { CHANGES(NULL), KEPT("one"), KEPT("two") } },
    { .name = "snapshot-apply-wide",
      .prepare = prepare_wide,
      .run = apply,
      .files = { "image" },
      .views = { CHANGES(NULL), KEPT("one") } },
    { .name = "snapshot-delete",
      .prepare = prepare_snapshots,
      .run = delete,
      .files = { "image", "base" },
      .views = { KEPT(NULL), CHANGES("one"), KEPT("two") } },
    { .name = "snapshot-delete-wide",
      .prepare = prepare_wide,
      .run = delete,
      .files = { "image" },
      .views = { KEPT(NULL), CHANGES("one") } },
    /*
     * The first of two, which is emptied before, and the only one. Idle is what a recount flushes:
     * it finds the same references whenever it is done, and until it is, the image is marked.
     */
    { .name = "snapshot-delete-full",
      .prepare = prepare_snapshots,
      .run = delete_full,
      .files = { "image", "base" },
      .views = { KEPT(NULL), BLURS("one"), KEPT("two") },
      .n_idle_flushes = 19,
      .n_idle_swaps = 18 },
    { .name = "snapshot-delete-full-wide",
      .prepare = prepare_wide,
      .run = delete_full,
      .files = { "image" },
      .views = { KEPT(NULL), CHANGES("one") },
      .n_idle_flushes = 9,
      .n_idle_swaps = 8 },
};

int
main(int argc, char **argv)
{
    return crash_operation_main(argc, argv, operations, G_N_ELEMENTS(operations));
}
