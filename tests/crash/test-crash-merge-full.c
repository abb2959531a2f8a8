/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Merges that remove what they merged, where there is space for a small part of it only: they move
 * a part, free it where it was, and so on. Cut at every moment, and on storage that fails.
 *
 *   top -> mid -> low -> base, all of 256 KiB and with data in each 64 KiB
 */

#include "crash-operation.h"
#include "crash-room.h"
#include "sinter/create.h"
#include "sinter/handle.h"
#include "sinter/merge.h"
#include "sinter-error.h"

#include <string.h>

#define KIB 1024
#define DISK_BYTES (256 * KIB)
#define PART_BYTES (64 * KIB)
/* For less than what any of the merges moves. */
#define ROOM_BYTES (48 * KIB)

/* Each image writes elsewhere, but over the one below it in some parts. */
static guint
place_of(guint number, guint part)
{
    static const guint places[][4] = {
        { 0, 1, 2, 3 }, { 0, 1, 1, 3 }, { 0, 1, 2, 2 }, { 0, 1, 1, 1 }
    };

    return places[part][number];
}

static void
make(SinterFs *fs, const char *path, const char *below, guint number)
{
    const SinterCreateOptions options = { .format = "qcow2",
                                          .cluster_size = number == 1 ? 8 * KIB : 16 * KIB,
                                          .extended_l2 = number == 2,
                                          .virtual_size = DISK_BYTES,
                                          .backing_name = below,
                                          .backing_format = below ? "qcow2" : NULL };
    SinterHandle *handle;
    guint8 buf[16 * KIB];

    g_assert_true(sinter_image_create(fs, path, &options, NULL));
    handle = sinter_handle_open(fs, path, "qcow2", SINTER_HANDLE_DEFAULT, NULL);
    for (guint64 at = 0; at < DISK_BYTES; at += PART_BYTES) {
        guint64 from = at + place_of(number, (guint)(at / PART_BYTES)) * sizeof buf;

        memset(buf, (int)('a' + number + at / PART_BYTES), sizeof buf);
        g_assert_true(number == 2 && at == PART_BYTES
                          ? sinter_handle_zero_at(handle, from, sizeof buf, NULL)
                          : sinter_handle_write_at(handle, from, buf, sizeof buf, NULL));
    }
    g_assert_true(sinter_handle_close(handle, NULL));
}

static void
prepare(SinterFs *fs)
{
    make(fs, "base", NULL, 0);
    make(fs, "low", "base", 1);
    make(fs, "mid", "low", 2);
    make(fs, "top", "mid", 3);
}

static gboolean
is_done_already(const GError *error)
{
    return g_error_matches(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND) ||
           sinter_error_get_stage(error) == SINTER_STAGE_CHOOSE_RANGE;
}

static gboolean
merge(SinterFs *fs, gboolean again, const SinterMergeOptions *options, GError **error)
{
    g_autoptr(SinterFs) room = crash_room_new(fs, ROOM_BYTES);
    SinterMergeOptions full = *options;
    g_autoptr(GError) local = NULL;

    full.fs = room;
    full.format = "qcow2";
    full.n_threads = 1;
    if (sinter_merge("top", &full, NULL, &local) || (again && is_done_already(local)))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static const SinterMergeOptions all_down = { .direction = SINTER_MERGE_DOWN,
                                             .flags = SINTER_MERGE_DELETE };
static const SinterMergeOptions some_down = {
    .top = "mid", .base = "base", .direction = SINTER_MERGE_DOWN, .flags = SINTER_MERGE_DELETE
};
static const SinterMergeOptions all_up = { .direction = SINTER_MERGE_UP,
                                           .flags = SINTER_MERGE_DELETE };
static const SinterMergeOptions some_up = { .base = "low",
                                            .direction = SINTER_MERGE_UP,
                                            .flags = SINTER_MERGE_DELETE };

static gboolean
merge_all_down(SinterFs *fs, gboolean again, GError **error)
{
    return merge(fs, again, &all_down, error);
}

static gboolean
merge_some_down(SinterFs *fs, gboolean again, GError **error)
{
    return merge(fs, again, &some_down, error);
}

static gboolean
merge_all_up(SinterFs *fs, gboolean again, GError **error)
{
    return merge(fs, again, &all_up, error);
}

static gboolean
merge_some_up(SinterFs *fs, gboolean again, GError **error)
{
    return merge(fs, again, &some_up, error);
}

#define FILES                                                                                      \
    {                                                                                              \
        "top", "mid", "low", "base"                                                                \
    }
#define VIEW(path, promise)                                                                        \
    {                                                                                              \
        path, "qcow2", NULL, CRASH_VIEW_##promise, FALSE                                           \
    }
#define GOES(path, promise)                                                                        \
    {                                                                                              \
        path, "qcow2", NULL, CRASH_VIEW_##promise, TRUE                                            \
    }

/* Members that are removed blur; the disk does not, as long as its image is there. */
static const CrashOperation operations[] = {
    { .name = "full-down-all",
      .prepare = prepare,
      .run = merge_all_down,
      .files = FILES,
      .views = { GOES("top", KEPT), GOES("mid", BLURS), GOES("low", BLURS), VIEW("base", BLURS) } },
    { .name = "full-down",
      .prepare = prepare,
      .run = merge_some_down,
      .files = FILES,
      .views = { VIEW("top", KEPT), GOES("mid", KEPT), GOES("low", BLURS), VIEW("base", BLURS) } },
    { .name = "full-up-all",
      .prepare = prepare,
      .run = merge_all_up,
      .files = FILES,
      .views = { VIEW("top", KEPT), GOES("mid", BLURS), GOES("low", BLURS), GOES("base", BLURS) } },
    { .name = "full-up",
      .prepare = prepare,
      .run = merge_some_up,
      .files = FILES,
      .views = { VIEW("top", KEPT), GOES("mid", BLURS), GOES("low", BLURS), VIEW("base", KEPT) } },
};

/* Without the removal nothing can be freed on the way, and there is not enough space. */
static void
test_needs_parts(gconstpointer data)
{
    SinterMergeOptions options = *(const SinterMergeOptions *)data;
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(GError) error = NULL;

    prepare(memory);
    options.flags = 0;
    merge(memory, FALSE, &options, &error);
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE);
    g_clear_error(&error);
    options.flags = SINTER_MERGE_DELETE;
    merge(memory, FALSE, &options, &error);
    g_assert_no_error(error);
}

static void
test_states(gconstpointer data)
{
    crash_operation_test_states(data, g_test_rand_int());
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
    g_test_add_data_func("/crash/full-down-all/needs-parts", &all_down, test_needs_parts);
    g_test_add_data_func("/crash/full-down/needs-parts", &some_down, test_needs_parts);
    g_test_add_data_func("/crash/full-up-all/needs-parts", &all_up, test_needs_parts);
    g_test_add_data_func("/crash/full-up/needs-parts", &some_up, test_needs_parts);
    for (gsize i = 0; i < G_N_ELEMENTS(operations); i++) {
        g_autofree char *states = g_strdup_printf("/crash/%s/states", operations[i].name);
        g_autofree char *faults = g_strdup_printf("/crash/%s/faults", operations[i].name);

        g_test_add_data_func(states, &operations[i], test_states);
        /* in each direction */
        if (i % 2 == 1)
            g_test_add_data_func(faults, &operations[i], test_faults);
    }
    return g_test_run();
}
