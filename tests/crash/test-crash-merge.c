/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Operations on chains, cut at every moment: merges in both directions, commits, rebases. The chain
 * is made of four images that have little in common: cluster sizes, subclusters, versions and disk
 * sizes differ.
 *
 *   top (512 B) -> mid (16 KiB with subclusters) -> low (4 KiB, smaller) -> base (4 KiB or raw)
 */

#include "crash-operation.h"
#include "io/sinter-fs-memory.h"
#include "sinter-error.h"
#include "sinter/commit.h"
#include "sinter/create.h"
#include "sinter/handle.h"
#include "sinter/merge.h"
#include "sinter/rebase.h"

#include <string.h>

#define KIB 1024
#define DISK_BYTES (96 * KIB)
#define SCATTERED_CLUSTERS 120

static void
make_image(SinterFs *fs, const char *path, const SinterCreateOptions *options)
{
    g_autoptr(GError) error = NULL;

    sinter_image_create(fs, path, options, &error);
    g_assert_no_error(error);
}

/* @pattern: for each @step of the disk a byte to write into it, '.' for none, 'z': zeros */
static void
fill_steps(SinterFs *fs, const char *path, const char *format, const char *pattern, guint step)
{
    g_autoptr(GError) error = NULL;
    SinterHandle *handle = sinter_handle_open(fs, path, format, SINTER_HANDLE_DEFAULT, &error);
    guint8 buf[5 * KIB];
    gsize n = step * 5 / 8;

    g_assert_no_error(error);
    for (guint i = 0; pattern[i]; i++) {
        guint64 at = i * step + step * 3 / 16;
        gboolean ok = TRUE;

        memset(buf, pattern[i], sizeof buf);
        if (pattern[i] == 'z')
            ok = sinter_handle_zero_at(handle, at, n, &error);
        else if (pattern[i] != '.')
            ok = sinter_handle_write_at(handle, at, buf, n, &error);
        g_assert_no_error(error);
        g_assert_true(ok);
    }
    g_assert_true(sinter_handle_close(handle, NULL));
}

static void
fill(SinterFs *fs, const char *path, const char *format, const char *pattern)
{
    fill_steps(fs, path, format, pattern, 8 * KIB);
}

static void
prepare_above(SinterFs *fs, const char *base_format, guint64 low_size, guint64 mid_size)
{
    const SinterCreateOptions low = { .format = "qcow2",
                                      .cluster_size = 4 * KIB,
                                      .virtual_size = low_size,
                                      .backing_name = "base",
                                      .backing_format = base_format };
    const SinterCreateOptions mid = { .format = "qcow2",
                                      .cluster_size = 16 * KIB,
                                      .extended_l2 = TRUE,
                                      .virtual_size = mid_size,
                                      .backing_name = "low",
                                      .backing_format = "qcow2" };
    const SinterCreateOptions top = { .format = "qcow2",
                                      .cluster_size = 512,
                                      .virtual_size = DISK_BYTES,
                                      .backing_name = "mid",
                                      .backing_format = "qcow2" };

    fill(fs, "base", base_format, "aaaaaaaaaaaa");
    make_image(fs, "low", &low);
    fill(fs, "low", "qcow2", "bb..bbz.");
    make_image(fs, "mid", &mid);
    fill(fs, "mid", "qcow2", ".c.c.z..cc");
    make_image(fs, "top", &top);
    fill(fs, "top", "qcow2", "..dd......d");
}

static void
make_base(SinterFs *fs)
{
    const SinterCreateOptions base = { .format = "qcow2",
                                       .cluster_size = 4 * KIB,
                                       .virtual_size = DISK_BYTES };
    const SinterCreateOptions other = { .format = "qcow2",
                                        .cluster_size = 2 * KIB,
                                        .virtual_size = 80 * KIB };

    make_image(fs, "base", &base);
    make_image(fs, "other", &other);
    fill(fs, "other", "qcow2", "aa.bb.cc");
}

static void
prepare(SinterFs *fs)
{
    make_base(fs);
    prepare_above(fs, "qcow2", 72 * KIB, DISK_BYTES);
}

/* The image in the middle of the stretch is the shorter one. */
static void
prepare_short_mid(SinterFs *fs)
{
    make_base(fs);
    prepare_above(fs, "qcow2", DISK_BYTES, 84 * KIB);
}

/* Small clusters and much in them: many writes between flushes. */
static void
prepare_small(SinterFs *fs)
{
    static const char *const paths[] = { "base", "low", "mid", "top" };
    static const char *const fills[] = { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                         "b.bb.bb.bb.z.b.b.b.b.b.bb.bb.b.b..b.b.b.b.b",
                                         "c..c.ccz.cc.cc.c.c.c..c.c.c.c.cc.c..z.c.c.c",
                                         ".d.d.dd.dz.d.d.dd.d.d.d.d..d.d.d.d..d.d..d.d" };

    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        const SinterCreateOptions options = { .format = "qcow2",
                                              .version = i == 1 ? 2 : 3,
                                              .cluster_size = 512,
                                              .refcount_bits = i == 1 ? 16 : 64,
                                              .virtual_size = DISK_BYTES,
                                              .backing_name = i ? paths[i - 1] : NULL,
                                              .backing_format = i ? "qcow2" : NULL };

        make_image(fs, paths[i], &options);
        fill_steps(fs, paths[i], "qcow2", fills[i], 2 * KIB);
    }
}

/*
 * Files that share blocks, and clusters that came to the image above in another order than the
 * disk's: they are taken over in few runs.
 */
static void
prepare_scattered(SinterFs *fs)
{
    static const char *const paths[] = { "base", "top" };

    sinter_fs_memory_set_shares(fs, TRUE);
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        const SinterCreateOptions options = { .format = "qcow2",
                                              .cluster_size = 4 * KIB,
                                              .virtual_size = SCATTERED_CLUSTERS * 4 * KIB,
                                              .backing_name = i ? paths[i - 1] : NULL,
                                              .backing_format = i ? "qcow2" : NULL };
        g_autoptr(GError) error = NULL;
        SinterHandle *handle;
        guint8 buf[4 * KIB];

        make_image(fs, paths[i], &options);
        handle = sinter_handle_open(fs, paths[i], "qcow2", SINTER_HANDLE_DEFAULT, &error);
        g_assert_no_error(error);
        for (guint k = 0; k < SCATTERED_CLUSTERS; k++) {
            /* of the top, each but the third, the last ones first */
            guint at = i ? SCATTERED_CLUSTERS - 1 - k : k;

            memset(buf, i ? 'a' + at % 26 : 'z', sizeof buf);
            if (i && at % 3 == 0)
                continue;
            g_assert_true(sinter_handle_write_at(handle, at * sizeof buf, buf, sizeof buf, &error));
        }
        g_assert_true(sinter_handle_close(handle, NULL));
    }
}

static void
prepare_raw(SinterFs *fs)
{
    const SinterCreateOptions base = { .format = "raw", .virtual_size = DISK_BYTES };

    make_image(fs, "base", &base);
    prepare_above(fs, "raw", 72 * KIB, DISK_BYTES);
}

/*
 * What was cut may have been as good as done, and its journal gone: then the images that are to be
 * merged are found no longer. The views tell whether that is right.
 */
static gboolean
is_done_already(const GError *error)
{
    return g_error_matches(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND) ||
           g_str_has_suffix(error->message, "there is nothing to merge");
}

static gboolean
merge(SinterFs *fs, gboolean again, const SinterMergeOptions *options, GError **error)
{
    SinterMergeOptions full = *options;
    g_autoptr(GError) local = NULL;

    full.fs = fs;
    full.format = "qcow2";
    full.n_threads = 1;
    if (sinter_merge("top", &full, NULL, &local) || (again && is_done_already(local)))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
merge_down(SinterFs *fs, gboolean again, GError **error)
{
    return merge(fs, again,
                 &(SinterMergeOptions){ .top = "mid",
                                        .base = "low",
                                        .direction = SINTER_MERGE_DOWN,
                                        .flags = SINTER_MERGE_DELETE },
                 error);
}

static gboolean
merge_down_all(SinterFs *fs, gboolean again, GError **error)
{
    return merge(
        fs, again,
        &(SinterMergeOptions){ .direction = SINTER_MERGE_DOWN, .flags = SINTER_MERGE_DELETE },
        error);
}

static gboolean
merge_down_shadowed(SinterFs *fs, gboolean again, GError **error)
{
    return merge(fs, again,
                 &(SinterMergeOptions){ .top = "mid",
                                        .base = "base",
                                        .direction = SINTER_MERGE_DOWN,
                                        .flags = SINTER_MERGE_DROP_SHADOWED },
                 error);
}

static gboolean
merge_up(SinterFs *fs, gboolean again, GError **error)
{
    return merge(fs, again,
                 &(SinterMergeOptions){ .top = "mid",
                                        .base = "low",
                                        .direction = SINTER_MERGE_UP,
                                        .flags = SINTER_MERGE_DELETE },
                 error);
}

static gboolean
merge_up_all(SinterFs *fs, gboolean again, GError **error)
{
    return merge(
        fs, again,
        &(SinterMergeOptions){ .direction = SINTER_MERGE_UP, .flags = SINTER_MERGE_DELETE }, error);
}

static gboolean
remove_image(SinterFs *fs, gboolean again, GError **error)
{
    /* without a direction it would go the other way when storage is full, with another "low" */
    return merge(fs, again,
                 &(SinterMergeOptions){ .remove = "mid",
                                        .direction = SINTER_MERGE_DOWN,
                                        .flags = SINTER_MERGE_DELETE },
                 error);
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
rebase(SinterFs *fs, const char *name, GError **error)
{
    const SinterRebaseOptions options = {
        .fs = fs, .format = "qcow2", .backing_name = name, .backing_format = "qcow2", .n_threads = 1
    };

    return sinter_rebase("top", &options, NULL, error);
}

static gboolean
rebase_other(SinterFs *fs, gboolean again, GError **error)
{
    return rebase(fs, "other", error);
}

static gboolean
rebase_lower(SinterFs *fs, gboolean again, GError **error)
{
    return rebase(fs, "low", error);
}

static gboolean
rebase_none(SinterFs *fs, gboolean again, GError **error)
{
    return rebase(fs, NULL, error);
}

#define FILES                                                                                      \
    {                                                                                              \
        "top", "mid", "low", "base", "other"                                                       \
    }
#define VIEW(path, promise)                                                                        \
    {                                                                                              \
        path, "qcow2", NULL, CRASH_VIEW_##promise, FALSE                                           \
    }
#define GOES(path, promise)                                                                        \
    {                                                                                              \
        path, "qcow2", NULL, CRASH_VIEW_##promise, TRUE                                            \
    }

/*
 * Idle are: the last sync, after which only a journal may come back that says that all is done; the
 * sync of the journal that says that removing begins, where the chain says so too (there is an
 * image above); syncs and flushes between which nothing of the images changes; and those by which
 * the writer parts tables that this small content leaves as they were, or gives space back, which
 * the test of the handle holds.
 */
static const CrashOperation operations[] = {
    { .name = "merge-down",
      .prepare = prepare_short_mid,
      .run = merge_down,
      .files = FILES,
      .views = { VIEW("top", KEPT), GOES("mid", KEPT), VIEW("low", BLURS), VIEW("base", KEPT) },
      .n_idle_flushes = 2,
      .n_idle_swaps = 3 },
    { .name = "merge-down-grows",
      .prepare = prepare,
      .run = merge_down,
      .files = FILES,
      .views = { VIEW("top", KEPT), GOES("mid", KEPT), VIEW("low", BLURS), VIEW("base", KEPT) },
      .n_idle_flushes = 4,
      .n_idle_swaps = 5 },
    { .name = "merge-down-all",
      .prepare = prepare,
      .run = merge_down_all,
      .files = FILES,
      .views = { GOES("top", KEPT), GOES("mid", BLURS), GOES("low", BLURS), VIEW("base", BLURS) },
      .n_idle_flushes = 5,
      .n_idle_swaps = 4 },
    { .name = "merge-down-shadowed",
      .prepare = prepare,
      .run = merge_down_shadowed,
      .files = FILES,
      .views = { VIEW("top", KEPT), VIEW("mid", BLURS), VIEW("low", BLURS), VIEW("base", BLURS) },
      .n_idle_flushes = 5,
      .n_idle_swaps = 4 },
    { .name = "merge-down-raw",
      .prepare = prepare_raw,
      .run = merge_down_all,
      .files = { "top", "mid", "low", "base" },
      .views = { GOES("top", KEPT),
                 GOES("mid", BLURS),
                 GOES("low", BLURS),
                 { "base", "raw", NULL, CRASH_VIEW_BLURS, FALSE } },
      .n_idle_flushes = 3,
      .n_idle_swaps = 3 },
    { .name = "merge-up",
      .prepare = prepare,
      .run = merge_up,
      .files = FILES,
      .views = { VIEW("top", KEPT), VIEW("mid", KEPT), GOES("low", KEPT), VIEW("base", KEPT) },
      .n_idle_flushes = 3,
      .n_idle_swaps = 4 },
    { .name = "merge-up-all",
      .prepare = prepare_raw,
      .run = merge_up_all,
      .files = { "top", "mid", "low", "base" },
      .views = { VIEW("top", KEPT),
                 GOES("mid", KEPT),
                 GOES("low", KEPT),
                 { "base", "raw", NULL, CRASH_VIEW_KEPT, TRUE } },
      .n_idle_flushes = 3,
      .n_idle_swaps = 4 },
    { .name = "remove",
      .prepare = prepare_short_mid,
      .run = remove_image,
      .files = FILES,
      .views = { VIEW("top", KEPT), GOES("mid", KEPT), VIEW("low", BLURS), VIEW("base", KEPT) },
      .n_idle_flushes = 3,
      .n_idle_swaps = 4 },
    { .name = "commit",
      .prepare = prepare,
      .run = commit,
      .files = FILES,
      .views = { VIEW("top", KEPT), VIEW("mid", BLURS), VIEW("low", KEPT), VIEW("base", KEPT) },
      .n_idle_flushes = 5,
      .n_idle_swaps = 5 },
    { .name = "commit-adopted",
      .prepare = prepare_scattered,
      .run = commit,
      .files = { "top", "base" },
      .views = { VIEW("top", KEPT), VIEW("base", BLURS) },
      .n_idle_flushes = 6,
      .n_idle_swaps = 5 },
    { .name = "commit-far",
      .prepare = prepare,
      .run = commit_far,
      .files = FILES,
      .views = { VIEW("top", KEPT), VIEW("mid", BLURS), VIEW("low", BLURS), VIEW("base", BLURS) },
      .n_idle_flushes = 2,
      .n_idle_swaps = 1 },
    { .name = "rebase",
      .prepare = prepare,
      .run = rebase_other,
      .files = FILES,
      .views = { VIEW("top", KEPT), VIEW("mid", KEPT), VIEW("other", KEPT) },
      .n_idle_flushes = 2,
      .n_idle_swaps = 1 },
    { .name = "rebase-lower",
      .prepare = prepare,
      .run = rebase_lower,
      .files = FILES,
      .views = { VIEW("top", KEPT), VIEW("mid", KEPT), VIEW("low", KEPT) },
      .n_idle_flushes = 2,
      .n_idle_swaps = 1 },
    { .name = "rebase-none",
      .prepare = prepare,
      .run = rebase_none,
      .files = FILES,
      .views = { VIEW("top", KEPT), VIEW("mid", KEPT) },
      .n_idle_flushes = 2,
      .n_idle_swaps = 1 },
};

/* The same with more writes: teeth have been shown by the ones above. */
static const CrashOperation small_operations[] = {
    { .name = "small-down",
      .prepare = prepare_small,
      .run = merge_down,
      .files = { "top", "mid", "low", "base" },
      .views = { VIEW("top", KEPT), GOES("mid", KEPT), VIEW("low", BLURS), VIEW("base", KEPT) } },
    { .name = "small-down-all",
      .prepare = prepare_small,
      .run = merge_down_all,
      .files = { "top", "mid", "low", "base" },
      .views = { GOES("top", KEPT), GOES("mid", BLURS), GOES("low", BLURS), VIEW("base", BLURS) } },
    { .name = "small-up",
      .prepare = prepare_small,
      .run = merge_up,
      .files = { "top", "mid", "low", "base" },
      .views = { VIEW("top", KEPT), VIEW("mid", KEPT), GOES("low", KEPT), VIEW("base", KEPT) } },
    { .name = "small-up-all",
      .prepare = prepare_small,
      .run = merge_up_all,
      .files = { "top", "mid", "low", "base" },
      .views = { VIEW("top", KEPT), GOES("mid", KEPT), GOES("low", KEPT), GOES("base", KEPT) } },
    { .name = "small-commit",
      .prepare = prepare_small,
      .run = commit,
      .files = { "top", "mid", "low", "base" },
      .views = { VIEW("top", KEPT), VIEW("mid", BLURS), VIEW("low", KEPT), VIEW("base", KEPT) } },
    { .name = "small-rebase",
      .prepare = prepare_small,
      .run = rebase_none,
      .files = { "top", "mid", "low", "base" },
      .views = { VIEW("top", KEPT), VIEW("mid", KEPT) } },
};

static void
test_states(gconstpointer data)
{
    crash_operation_test_states(data, g_test_rand_int());
}

static void
test_teeth(gconstpointer data)
{
    crash_operation_test_teeth(data);
}

static void
test_faults(gconstpointer data)
{
    g_assert_cmpuint(crash_operation_test_faults(data), >, 50);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(operations); i++) {
        g_autofree char *states = g_strdup_printf("/crash/%s/states", operations[i].name);
        g_autofree char *teeth = g_strdup_printf("/crash/%s/teeth", operations[i].name);
        g_autofree char *faults = g_strdup_printf("/crash/%s/faults", operations[i].name);

        g_test_add_data_func(states, &operations[i], test_states);
        g_test_add_data_func(teeth, &operations[i], test_teeth);
        g_test_add_data_func(faults, &operations[i], test_faults);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(small_operations); i++) {
        g_autofree char *states = g_strdup_printf("/crash/%s/states", small_operations[i].name);
        g_autofree char *faults = g_strdup_printf("/crash/%s/faults", small_operations[i].name);

        g_test_add_data_func(states, &small_operations[i], test_states);
        g_test_add_data_func(faults, &small_operations[i], test_faults);
    }
    return g_test_run();
}
