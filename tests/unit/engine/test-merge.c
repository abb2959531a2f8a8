/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Merges of a small chain in memory: what is told of them, and how they are stopped and resumed. */

#include "disk-fixture.h"
#include "io/sinter-io.h"
#include "ops/merge/sinter-journal.h"
#include "sinter-error.h"
#include "sinter-progress.h"
#include "sinter/bitmap.h"
#include "sinter/commit.h"
#include "sinter/create.h"
#include "sinter/handle.h"
#include "sinter/merge.h"
#include "sinter/rebase.h"

#include <string.h>

#define CLUSTER 4096
#define DISK (64 * CLUSTER)

typedef struct {
    SinterFs *fs;
    GBytes *content; /* of "top" */
} World;

static void
write_clusters(SinterFs *fs, const char *path, guint first, guint n, guint8 byte)
{
    SinterHandle *handle = sinter_handle_open(fs, path, "qcow2", SINTER_HANDLE_DEFAULT, NULL);
    g_autofree guint8 *buf = g_malloc((gsize)n * CLUSTER);

    memset(buf, byte, (gsize)n * CLUSTER);
    g_assert_true(
        sinter_handle_write_at(handle, (guint64)first * CLUSTER, buf, (gsize)n * CLUSTER, NULL));
    g_assert_true(sinter_handle_close(handle, NULL));
}

static void
make(SinterFs *fs, const char *path, const char *backing, const char *data_file)
{
    const SinterCreateOptions options = { .format = "qcow2",
                                          .cluster_size = CLUSTER,
                                          .virtual_size = DISK,
                                          .backing_name = backing,
                                          .backing_format = backing ? "qcow2" : NULL,
                                          .data_file_name = data_file };
    g_autoptr(GError) error = NULL;

    sinter_image_create(fs, path, &options, &error);
    g_assert_no_error(error);
}

/* top -> mid -> low -> base; data in 2, 8, 4 and 32 clusters */
static void
world_init(World *self)
{
    g_autoptr(SinterChain) chain = NULL;

    self->fs = sinter_fs_new_memory();
    make(self->fs, "base", NULL, NULL);
    make(self->fs, "low", "base", "low.data");
    make(self->fs, "mid", "low", NULL);
    make(self->fs, "top", "mid", NULL);
    write_clusters(self->fs, "base", 0, 32, 1);
    write_clusters(self->fs, "low", 30, 4, 2);
    write_clusters(self->fs, "mid", 10, 8, 3);
    write_clusters(self->fs, "top", 12, 2, 4);
    chain = disk_open(self->fs, "top");
    self->content = disk_content(chain);
}

static void
world_clear(World *self)
{
    g_bytes_unref(self->content);
    sinter_fs_unref(self->fs);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(World, world_clear)

static gboolean
exists(SinterFs *fs, const char *path)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ, NULL);

    return io != NULL;
}

/* What the disk is stays, and so many images are left. */
static void
check_chain(const World *self, guint n_layers)
{
    g_autoptr(SinterChain) chain = disk_open(self->fs, "top");
    g_autoptr(GBytes) content = disk_content(chain);

    g_assert_true(g_bytes_equal(content, self->content));
    g_assert_cmpuint(sinter_chain_get_n_layers(chain), ==, n_layers);
}

static SinterMergeOptions
middle(const World *self)
{
    return (SinterMergeOptions){ .fs = self->fs, .format = "qcow2", .top = "mid", .base = "low" };
}

static void
test_plan(void)
{
    g_auto(World) world = { 0 };
    g_autoptr(SinterMergePlan) plan = NULL;
    g_autoptr(SinterMergePlan) whole = NULL;
    static const char *const members[] = { "mid", "low", NULL };
    static const char *const leftover[] = { "low", "low.data", NULL };
    SinterMergeOptions options;

    world_init(&world);
    options = middle(&world);
    plan = sinter_merge_plan_new("top", &options, NULL);
    g_assert_cmpint(plan->direction, ==, SINTER_MERGE_UP);
    g_assert_cmpuint(plan->bytes_down, ==, 8 * CLUSTER);
    g_assert_cmpuint(plan->bytes_up, ==, 4 * CLUSTER);
    g_assert_cmpuint(plan->bytes_to_move, ==, 4 * CLUSTER);
    g_assert_cmpuint(plan->bytes_shadowed, ==, 0);
    g_assert_cmpstrv(plan->members, members);
    g_assert_cmpstrv(plan->leftover, leftover);
    g_assert_cmpstr(plan->result, ==, "mid");
    g_assert_cmpstr(plan->child, ==, "top");
    g_assert_cmpstr(plan->backing, ==, "base");

    options.direction = SINTER_MERGE_DOWN;
    options.flags = SINTER_MERGE_DROP_SHADOWED;
    options.rate_bytes_per_sec = 3 * CLUSTER;
    whole = sinter_merge_plan_new("top", &options, NULL);
    g_assert_cmpuint(whole->bytes_to_move, ==, 6 * CLUSTER);
    g_assert_cmpuint(whole->bytes_shadowed, ==, 2 * CLUSTER);
    g_assert_cmpuint(whole->expected_sec, ==, 2);
    check_chain(&world, 4);
}

/* The data file of an image that goes is one of the files that go. */
static void
test_data_file(void)
{
    g_auto(World) world = { 0 };
    SinterMergeOptions options;
    g_autoptr(GError) error = NULL;

    world_init(&world);
    options = middle(&world);
    options.flags = SINTER_MERGE_DELETE;
    sinter_merge("top", &options, NULL, &error);
    g_assert_no_error(error);
    check_chain(&world, 3);
    g_assert_false(exists(world.fs, "low"));
    g_assert_false(exists(world.fs, "low.data"));
    g_assert_false(exists(world.fs, ".top.sinter-journal"));
}

static void
note(double fraction, gpointer user_data)
{
    *(double *)user_data = fraction;
}

/* Stopped before anything moved: nothing is left of it, and it can be done again. */
static void
test_cancel(void)
{
    g_auto(World) world = { 0 };
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    double fraction = 0;
    g_autoptr(SinterProgress) progress = sinter_progress_new(note, &fraction);
    g_autoptr(GError) error = NULL;
    SinterMergeOptions options;

    world_init(&world);
    options = middle(&world);
    options.cancellable = cancellable;
    g_cancellable_cancel(cancellable);
    for (guint i = 0; i < 2; i++) {
        options.direction = i ? SINTER_MERGE_UP : SINTER_MERGE_DOWN;
        g_assert_false(sinter_merge("top", &options, NULL, &error));
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CANCELLED);
        g_clear_error(&error);
        g_assert_false(exists(world.fs, ".top.sinter-journal"));
        check_chain(&world, 4);
    }
    options.cancellable = NULL;
    options.progress = progress;
    g_assert_true(sinter_merge("top", &options, NULL, &error));
    g_assert_cmpfloat(fraction, ==, 1);
    check_chain(&world, 3);
}

static void
store_journal(const World *self, const char *top, const char *base, SinterJournalPhase phase)
{
    const char *members[] = { top, base, NULL };
    g_autoptr(SinterJournal) journal = sinter_journal_new();

    journal->phase = phase;
    journal->top = g_strdup(top);
    journal->base = g_strdup(base);
    journal->direction = SINTER_MERGE_DOWN;
    journal->members = g_strdupv((char **)members);
    journal->child = g_strdup("top");
    g_assert_true(sinter_journal_store(journal, self->fs, ".top.sinter-journal", NULL));
}

/* What another call began is told, and nothing is done. */
static void
test_other_journal(void)
{
    g_auto(World) world = { 0 };
    g_autoptr(GError) error = NULL;
    SinterMergeOptions options;

    world_init(&world);
    options = middle(&world);
    store_journal(&world, "low", "base", SINTER_JOURNAL_MOVING);
    g_assert_false(sinter_merge("top", &options, NULL, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_BUSY);
    g_assert_nonnull(strstr(error->message, "merge of 'low' down to 'base'"));
    check_chain(&world, 4);
}

/* A journal that fits neither what was nor what would be. */
static void
test_stale_journal(gconstpointer data)
{
    g_auto(World) world = { 0 };
    g_autoptr(GError) error = NULL;
    SinterMergeOptions options;

    world_init(&world);
    options = middle(&world);
    store_journal(&world, "mid", "low", GPOINTER_TO_INT(data));
    /* in the meantime somebody takes both out of the chain */
    options.top = options.base = NULL;
    g_assert_true(sinter_rebase(
        "top",
        &(SinterRebaseOptions){
            .fs = world.fs, .format = "qcow2", .backing_name = "base", .backing_format = "qcow2" },
        NULL, &error));
    options = middle(&world);
    g_assert_false(sinter_merge("top", &options, NULL, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED);
    g_assert_nonnull(strstr(error->message, "remove '.top.sinter-journal'"));
    check_chain(&world, 2);
}

/* The direction that was begun is kept, whatever is cheaper by now. */
static void
test_resumed(void)
{
    g_auto(World) world = { 0 };
    g_autoptr(SinterMergePlan) plan = NULL;
    g_autoptr(GError) error = NULL;
    SinterMergeOptions options;

    world_init(&world);
    options = middle(&world);
    store_journal(&world, "mid", "low", SINTER_JOURNAL_MOVING);
    g_assert_true(sinter_merge("top", &options, &plan, &error));
    g_assert_cmpint(plan->direction, ==, SINTER_MERGE_DOWN);
    g_assert_true(plan->resumes);
    check_chain(&world, 3);
}

static void
test_without_journal(void)
{
    g_auto(World) world = { 0 };
    g_autoptr(GError) error = NULL;
    SinterMergeOptions options;

    world_init(&world);
    options = middle(&world);
    options.flags = SINTER_MERGE_NO_JOURNAL | SINTER_MERGE_DELETE;
    g_assert_false(sinter_merge("top", &options, NULL, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    options.flags = SINTER_MERGE_NO_JOURNAL;
    g_assert_true(sinter_merge("top", &options, NULL, &error));
    check_chain(&world, 3);
    g_assert_true(exists(world.fs, "low"));
}

/* What is emptied is what stands on the base directly, and nothing else. */
static void
test_commit_errors(void)
{
    g_auto(World) world = { 0 };
    g_autoptr(GError) error = NULL;
    SinterCommitOptions options;

    world_init(&world);
    options = (SinterCommitOptions){ .fs = world.fs, .format = "qcow2", .base = "low" };
    g_assert_false(sinter_commit("top", &options, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    options.base = "nobody";
    g_assert_false(sinter_commit("top", &options, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
    check_chain(&world, 4);
}

static void
add_bitmap(SinterFs *fs, const char *path, const char *name, gboolean enabled)
{
    const SinterBitmapAction actions[] = { { .kind = SINTER_BITMAP_ADD, .granularity = CLUSTER },
                                           { .kind = SINTER_BITMAP_DISABLE } };
    const SinterBitmapChange change = {
        .format = "qcow2", .name = name, .actions = actions, .n_actions = enabled ? 1 : 2
    };
    g_autoptr(GError) error = NULL;
    gsize n_done;

    sinter_bitmap_change(fs, path, &change, &n_done, &error);
    g_assert_no_error(error);
}

/* The names of the bitmaps of an image, those that are disabled in parentheses. */
static char *
list_bitmaps(SinterFs *fs, const char *path)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ, NULL);
    g_autoptr(GPtrArray) list = sinter_image_list_bitmaps(io, "qcow2", NULL);
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < list->len; i++) {
        const SinterBitmapInfo *bitmap = g_ptr_array_index(list, i);

        g_string_append_printf(text, bitmap->enabled ? "%s " : "(%s) ", bitmap->name);
    }
    return g_string_free(text, FALSE);
}

/*
 * Of the bitmaps that the merged images have, the result gets those that go on up to the top. One
 * that stopped recording in the result must not look complete because it goes on above.
 */
static void
test_bitmaps(void)
{
    static const struct {
        SinterMergeDirection direction;
        const char *result;
        const char *bitmaps;
    } table[] = {
        { SINTER_MERGE_DOWN, "low", "all old (stopped) new " },
        { SINTER_MERGE_UP, "mid", "all new gap stopped " },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_auto(World) world = { 0 };
        SinterMergeOptions options = { .format = "qcow2",
                                       .top = "mid",
                                       .base = "low",
                                       .direction = table[i].direction,
                                       .flags = SINTER_MERGE_BITMAPS };
        g_autoptr(GError) error = NULL;
        g_autofree char *bitmaps = NULL;

        world_init(&world);
        options.fs = world.fs;
        for (const char *const *name = (const char *const[]){ "all", "old", NULL }; *name; name++)
            add_bitmap(world.fs, "low", *name, TRUE);
        add_bitmap(world.fs, "low", "stopped", FALSE);
        for (const char *const *name =
                 (const char *const[]){ "all", "new", "gap", "stopped", NULL };
             *name; name++)
            add_bitmap(world.fs, "mid", *name, TRUE);
        for (const char *const *name = (const char *const[]){ "all", "new", "stopped", NULL };
             *name; name++)
            add_bitmap(world.fs, "top", *name, TRUE);
        sinter_merge("top", &options, NULL, &error);
        g_assert_no_error(error);
        bitmaps = list_bitmaps(world.fs, table[i].result);
        g_assert_cmpstr(bitmaps, ==, table[i].bitmaps);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/merge/plan", test_plan);
    g_test_add_func("/merge/data-file", test_data_file);
    g_test_add_func("/merge/bitmaps", test_bitmaps);
    g_test_add_func("/merge/cancel", test_cancel);
    g_test_add_func("/merge/journal/other", test_other_journal);
    g_test_add_data_func("/merge/journal/stale", GINT_TO_POINTER(SINTER_JOURNAL_MOVING),
                         test_stale_journal);
    g_test_add_data_func("/merge/journal/stale-removing", GINT_TO_POINTER(SINTER_JOURNAL_REMOVING),
                         test_stale_journal);
    g_test_add_func("/merge/journal/resumed", test_resumed);
    g_test_add_func("/merge/journal/none", test_without_journal);
    g_test_add_func("/commit/errors", test_commit_errors);
    return g_test_run();
}
