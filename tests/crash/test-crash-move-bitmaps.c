/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Operations that move data into images with dirty bitmaps, cut at every moment, and on storage
 * that fails: a bitmap has a bit for each change, or says that it is lost, which only a cut
 * excuses.
 *
 *   top (1 KiB) -> mid (512 B) -> base (512 B)
 */

#include "crash-operation.h"
#include "sinter/bitmap.h"
#include "sinter/commit.h"
#include "sinter/create.h"
#include "sinter/handle.h"
#include "sinter/merge.h"
#include "sinter/rebase.h"
#include "sinter-error.h"

#include <string.h>

#define KIB 1024
#define DISK_BYTES (48 * KIB)

static void
add_bitmap(SinterFs *fs, const char *path, const char *name, gboolean enabled)
{
    const SinterBitmapAction actions[] = { { SINTER_BITMAP_ADD, 2 * KIB, NULL },
                                           { SINTER_BITMAP_DISABLE, 0, NULL } };
    const SinterBitmapChange change = {
        .format = "qcow2", .name = name, .actions = actions, .n_actions = enabled ? 1 : 2
    };
    gsize n_done;

    g_assert_true(sinter_bitmap_change(fs, path, &change, &n_done, NULL));
}

static void
scribble(SinterFs *fs, const char *path, guint64 from, guint64 step, guint8 byte)
{
    SinterHandle *handle = sinter_handle_open(fs, path, "qcow2", SINTER_HANDLE_DEFAULT, NULL);
    guint64 size = sinter_handle_get_virtual_size(handle);
    guint8 buf[900];

    memset(buf, byte, sizeof buf);
    for (guint64 at = from; at + sizeof buf <= size; at += step)
        g_assert_true(sinter_handle_write_at(handle, at, buf, sizeof buf, NULL));
    g_assert_true(sinter_handle_close(handle, NULL));
}

static void
prepare(SinterFs *fs)
{
    static const char *const paths[] = { "base", "mid", "top" };

    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        const SinterCreateOptions options = { .format = "qcow2",
                                              .cluster_size = i == 2 ? 1024 : 512,
                                              .virtual_size = DISK_BYTES,
                                              .backing_name = i ? paths[i - 1] : NULL,
                                              .backing_format = i ? "qcow2" : NULL };

        g_assert_true(sinter_image_create(fs, paths[i], &options, NULL));
        scribble(fs, paths[i], i * 700, 9 * KIB, (guint8)('a' + i));
        add_bitmap(fs, paths[i], "one", TRUE);
        scribble(fs, paths[i], 5 * KIB + i * 900, (7 - i) * KIB, (guint8)('p' + i));
        add_bitmap(fs, paths[i], "two", TRUE);
        add_bitmap(fs, paths[i], "off", FALSE);
    }
}

static gboolean
commit(SinterFs *fs, gboolean again, GError **error)
{
    const SinterCommitOptions options = { .fs = fs, .format = "qcow2", .n_threads = 1 };

    return sinter_commit("top", &options, error);
}

static gboolean
commit_far(SinterFs *fs, gboolean again, GError **error)
{
    const SinterCommitOptions options = {
        .fs = fs, .format = "qcow2", .base = "base", .flags = SINTER_COMMIT_KEEP, .n_threads = 1
    };

    return sinter_commit("top", &options, error);
}

static gboolean
merge(SinterFs *fs, SinterMergeDirection direction, gboolean again, GError **error)
{
    const SinterMergeOptions options = { .fs = fs,
                                         .format = "qcow2",
                                         .top = "mid",
                                         .direction = direction,
                                         .flags = SINTER_MERGE_DELETE,
                                         .n_threads = 1 };
    g_autoptr(GError) local = NULL;

    /* what was cut may have been as good as done: the views tell */
    if (sinter_merge("top", &options, NULL, &local) ||
        (again && (g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NOT_FOUND) ||
                   sinter_error_get_stage(local) == SINTER_STAGE_CHOOSE_RANGE)))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
merge_down(SinterFs *fs, gboolean again, GError **error)
{
    return merge(fs, SINTER_MERGE_DOWN, again, error);
}

static gboolean
merge_up(SinterFs *fs, gboolean again, GError **error)
{
    return merge(fs, SINTER_MERGE_UP, again, error);
}

static gboolean
rebase_none(SinterFs *fs, gboolean again, GError **error)
{
    const SinterRebaseOptions options = { .fs = fs, .format = "qcow2", .n_threads = 1 };

    return sinter_rebase("top", &options, NULL, error);
}

#define VIEW(path, promise)                                                                        \
    {                                                                                              \
        path, "qcow2", NULL, CRASH_VIEW_##promise, FALSE, TRUE                                     \
    }
#define GOES(path, promise)                                                                        \
    {                                                                                              \
        path, "qcow2", NULL, CRASH_VIEW_##promise, TRUE                                            \
    }

/*
 * Idle are the flushes by which tables are parted that this small content leaves as they were, or
 * by which space is given back, and those that part the mark of a bitmap from marks of others.
 */
static const CrashOperation operations[] = {
    { .name = "bitmaps-commit",
      .prepare = prepare,
      .run = commit,
      .files = { "top", "mid", "base" },
      .views = { VIEW("top", KEPT), VIEW("mid", BLURS), VIEW("base", KEPT) },
      .n_idle_flushes = 7,
      .n_idle_swaps = 7 },
    { .name = "bitmaps-commit-far",
      .prepare = prepare,
      .run = commit_far,
      .files = { "top", "mid", "base" },
      .views = { VIEW("top", KEPT), VIEW("base", BLURS) },
      .n_idle_flushes = 2,
      .n_idle_swaps = 2 },
    { .name = "bitmaps-merge-down",
      .prepare = prepare,
      .run = merge_down,
      .files = { "top", "mid", "base" },
      .views = { VIEW("top", KEPT), GOES("mid", KEPT), VIEW("base", BLURS) },
      .n_idle_flushes = 4,
      .n_idle_swaps = 6 },
    { .name = "bitmaps-merge-up",
      .prepare = prepare,
      .run = merge_up,
      .files = { "top", "mid", "base" },
      .views = { VIEW("top", KEPT), VIEW("mid", KEPT), GOES("base", KEPT) },
      .n_idle_flushes = 7,
      .n_idle_swaps = 8 },
    { .name = "bitmaps-rebase",
      .prepare = prepare,
      .run = rebase_none,
      .files = { "top", "mid", "base" },
      .views = { VIEW("top", KEPT), VIEW("mid", KEPT) },
      .n_idle_flushes = 6,
      .n_idle_swaps = 4 },
};

int
main(int argc, char **argv)
{
    /* the last one has most of the states, and takes most of the time */
    gsize n_operations = G_N_ELEMENTS(operations) - (g_getenv("SINTER_TEST_LONG") ? 0 : 1);

    return crash_operation_main(argc, argv, operations, n_operations);
}
