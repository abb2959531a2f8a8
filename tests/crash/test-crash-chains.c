/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Operations on random chains, cut at every moment, for as long as it takes to have seen at least
 * 20,000 different states over all of them. Three images stand on each other; geometry, sizes and
 * content are by chance, of the seed that each round says.
 */

#include "crash-operation.h"
#include "sinter-error.h"
#include "sinter/commit.h"
#include "sinter/convert.h"
#include "sinter/create.h"
#include "sinter/handle.h"
#include "sinter/merge.h"
#include "sinter/rebase.h"
#include "sinter/resize.h"
#include "sinter/snapshot.h"

#include <string.h>

#define STATES_EACH 3500
#define STATES_ALL 20000
#define ROUNDS_MAX 400
#define DISK_SECTORS 240
#define SECTOR_BYTES 512
#define SNAPSHOT_USEC 1000

static guint32 round_seed; /* of the round that is under way: prepare and run read it */

/* -- the chain ---------------------------------------------------------------------------- */

static void
random_write(SinterHandle *handle, GRand *rand)
{
    gint32 first = g_rand_int_range(rand, 0, DISK_SECTORS - 1);
    gint32 n = g_rand_int_range(rand, 1, MIN(DISK_SECTORS - first, 24) + 1);
    guint8 buf[24 * SECTOR_BYTES];
    g_autoptr(GError) error = NULL;

    for (gsize i = 0; i < sizeof buf; i += sizeof(guint32)) {
        guint32 word = g_rand_int(rand);

        memcpy(buf + i, &word, sizeof word);
    }
    if (g_rand_int_range(rand, 0, 5) == 0)
        sinter_handle_zero_at(handle, (guint64)first * SECTOR_BYTES, (guint64)n * SECTOR_BYTES,
                              &error);
    else
        sinter_handle_write_at(handle, (guint64)first * SECTOR_BYTES, buf, (gsize)n * SECTOR_BYTES,
                               &error);
    g_assert_no_error(error);
}

static void
make_image(SinterFs *fs, GRand *rand, const char *path, const char *backing)
{
    static const guint cluster_sizes[] = { 512, 512, 1024, 2048, 4096, 16384 };
    SinterCreateOptions options = { .format = "qcow2",
                                    .virtual_size = DISK_SECTORS * SECTOR_BYTES,
                                    .backing_name = backing,
                                    .backing_format = backing ? "qcow2" : NULL };
    g_autoptr(GError) error = NULL;
    SinterHandle *handle;

    options.cluster_size = cluster_sizes[g_rand_int_range(rand, 0, G_N_ELEMENTS(cluster_sizes))];
    options.extended_l2 = options.cluster_size == 16384;
    options.version = !options.extended_l2 && g_rand_int_range(rand, 0, 6) == 0 ? 2 : 3;
    sinter_image_create(fs, path, &options, &error);
    g_assert_no_error(error);
    handle = sinter_handle_open(fs, path, "qcow2", SINTER_HANDLE_DEFAULT, &error);
    g_assert_no_error(error);
    for (gint32 i = g_rand_int_range(rand, 4, 12); i > 0; i--)
        random_write(handle, rand);
    g_assert_true(sinter_handle_close(handle, NULL));
}

static void
snapshot(SinterFs *fs, const char *name)
{
    g_autoptr(GError) error = NULL;

    sinter_snapshot_create(fs, "top", "qcow2", SINTER_HANDLE_DEFAULT, name, SNAPSHOT_USEC, &error);
    g_assert_no_error(error);
}

static void
prepare(SinterFs *fs)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(round_seed);

    make_image(fs, rand, "base", NULL);
    make_image(fs, rand, "mid", "base");
    make_image(fs, rand, "top", "mid");
}

/* The top image was written to after a snapshot of it. */
static void
prepare_snapshot(SinterFs *fs)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(round_seed + 1);
    SinterHandle *handle;

    prepare(fs);
    snapshot(fs, "one");
    handle = sinter_handle_open(fs, "top", "qcow2", SINTER_HANDLE_DEFAULT, NULL);
    for (guint i = 0; i < 4; i++)
        random_write(handle, rand);
    g_assert_true(sinter_handle_close(handle, NULL));
}

/* -- the operations ------------------------------------------------------------------------- */

/* A run again may find that all was done, and its journal gone. The views tell whether it was. */
static gboolean
is_done_already(const GError *error)
{
    return g_error_matches(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND) ||
           g_str_has_suffix(error->message, "there is nothing to merge");
}

static gboolean
settle(gboolean ok, gboolean again, GError *local, GError **error)
{
    if (ok || (again && is_done_already(local))) {
        g_clear_error(&local);
        return TRUE;
    }
    g_propagate_error(error, local);
    return FALSE;
}

static gboolean
merge(SinterFs *fs, SinterMergeDirection direction, gboolean again, GError **error)
{
    const SinterMergeOptions options = { .fs = fs,
                                         .format = "qcow2",
                                         .top = direction == SINTER_MERGE_UP ? "top" : "mid",
                                         .base = direction == SINTER_MERGE_UP ? "mid" : "base",
                                         .direction = direction,
                                         .flags = SINTER_MERGE_DELETE,
                                         .n_threads = 1 };
    GError *local = NULL;
    gboolean ok = sinter_merge("top", &options, NULL, &local);

    return settle(ok, again, local, error);
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
commit(SinterFs *fs, gboolean again, GError **error)
{
    const SinterCommitOptions options = { .fs = fs, .format = "qcow2", .n_threads = 1 };

    return sinter_commit("top", &options, error);
}

static gboolean
rebase(SinterFs *fs, gboolean again, GError **error)
{
    const SinterRebaseOptions options = { .fs = fs,
                                          .format = "qcow2",
                                          .backing_name = round_seed % 2 ? "base" : NULL,
                                          .backing_format = "qcow2",
                                          .n_threads = 1 };

    return sinter_rebase("top", &options, NULL, error);
}

static gboolean
convert(SinterFs *fs, gboolean again, GError **error)
{
    const SinterChainOptions source = { .fs = fs, .format = "qcow2" };
    const SinterConvertOptions options = { .fs = fs, .n_threads = 1 };
    const SinterCreateOptions image = { .format = "qcow2", .cluster_size = 512U << round_seed % 3 };
    g_autoptr(SinterChain) chain = sinter_chain_open("top", &source, error);

    return chain && sinter_convert_to_image(&chain, 1, "new", &image, &options, error);
}

static gboolean
snapshot_create(SinterFs *fs, gboolean again, GError **error)
{
    return sinter_snapshot_create(fs, "top", "qcow2", SINTER_HANDLE_DEFAULT, "new", SNAPSHOT_USEC,
                                  error);
}

static gboolean
snapshot_apply(SinterFs *fs, gboolean again, GError **error)
{
    return sinter_snapshot_apply(fs, "top", "qcow2", SINTER_HANDLE_DEFAULT, "one",
                                 SINTER_SNAPSHOT_BY_NAME, error);
}

static gboolean
snapshot_delete(SinterFs *fs, gboolean again, GError **error)
{
    GError *local = NULL;
    gboolean ok = sinter_snapshot_delete(fs, "top", "qcow2", SINTER_HANDLE_DEFAULT, "one",
                                         SINTER_SNAPSHOT_BY_NAME, &local);

    return settle(ok, again, local, error);
}

static gboolean
resize(SinterFs *fs, gboolean again, GError **error)
{
    guint64 sectors = round_seed % 2 ? DISK_SECTORS / 3 + round_seed % 50
                                     : DISK_SECTORS + 1000 + round_seed % 9000;
    const SinterResizeOptions how = { .size = sectors * SECTOR_BYTES, .shrink = TRUE };

    return sinter_image_resize(fs, "top", "qcow2", SINTER_HANDLE_DEFAULT, &how, error);
}

#define VIEW(path, promise)                                                                        \
    {                                                                                              \
        path, "qcow2", NULL, CRASH_VIEW_##promise, FALSE                                           \
    }
#define GOES(path, promise)                                                                        \
    {                                                                                              \
        path, "qcow2", NULL, CRASH_VIEW_##promise, TRUE                                            \
    }
#define FILES                                                                                      \
    {                                                                                              \
        "top", "mid", "base"                                                                       \
    }
#define SNAPSHOT(promise)                                                                          \
    {                                                                                              \
        "top", "qcow2", "one", CRASH_VIEW_##promise, FALSE                                         \
    }

/* Several of one name are of one kind; they take turns. */
static const CrashOperation operations[] = {
    { "merge",
      prepare,
      merge_down,
      FILES,
      { VIEW("top", KEPT), GOES("mid", BLURS), VIEW("base", BLURS) },
      0,
      0 },
    { "merge",
      prepare,
      merge_up,
      FILES,
      { VIEW("top", KEPT), GOES("mid", KEPT), VIEW("base", KEPT) },
      0,
      0 },
    { "commit",
      prepare,
      commit,
      FILES,
      { VIEW("top", KEPT), VIEW("mid", BLURS), VIEW("base", KEPT) },
      0,
      0 },
    { "rebase",
      prepare,
      rebase,
      FILES,
      { VIEW("top", KEPT), VIEW("mid", KEPT), VIEW("base", KEPT) },
      0,
      0 },
    { "convert", prepare, convert, FILES, { VIEW("top", KEPT), VIEW("new", OUTPUT) }, 0, 0 },
    { "snapshot",
      prepare_snapshot,
      snapshot_create,
      FILES,
      { VIEW("top", KEPT), SNAPSHOT(KEPT) },
      0,
      0 },
    { "snapshot",
      prepare_snapshot,
      snapshot_apply,
      FILES,
      { VIEW("top", CHANGES), SNAPSHOT(KEPT) },
      0,
      0 },
    { "snapshot",
      prepare_snapshot,
      snapshot_delete,
      FILES,
      { VIEW("top", KEPT), SNAPSHOT(KEPT) },
      0,
      0 },
    { "resize", prepare, resize, FILES, { VIEW("top", CHANGES), VIEW("mid", KEPT) }, 0, 0 },
};

static guint64 n_states_all;

static void
test_kind(gconstpointer name)
{
    guint64 n_states = 0;

    round_seed = (guint32)g_test_rand_int();
    for (guint round = 0; n_states < STATES_EACH; round++) {
        g_assert_cmpuint(round, <, ROUNDS_MAX);
        for (gsize i = 0; i < G_N_ELEMENTS(operations); i++) {
            if (strcmp(operations[i].name, name) == 0)
                n_states += crash_operation_test_states(&operations[i], round_seed);
        }
        round_seed++;
    }
    n_states_all += n_states;
}

static void
test_all(void)
{
    g_test_message("%" G_GUINT64_FORMAT " states over merge, commit, rebase, convert, snapshot and "
                   "resize, 0 lost",
                   n_states_all);
    g_assert_cmpuint(n_states_all, >=, STATES_ALL);
}

int
main(int argc, char **argv)
{
    static const char *const kinds[] = { "merge",   "commit",   "rebase",
                                         "convert", "snapshot", "resize" };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *path = g_strdup_printf("/crash/chains/%s", kinds[i]);

        g_test_add_data_func(path, kinds[i], test_kind);
    }
    g_test_add_func("/crash/chains/all", test_all);
    return g_test_run();
}
