/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Operations that leave an undo file, cut at every moment. Whatever a cut leaves, the undo file
 * restores the image byte for byte, or the image was not changed yet. The undo is cut at every
 * moment as well, and then ends well when it is run again.
 */

#include "crash-harness.h"
#include "crash-qemu.h"
#include "qcow2/layout/qcow2-header.h"
#include "sinter/amend.h"
#include "sinter/create.h"
#include "sinter/handle.h"
#include "sinter/patch.h"
#include "sinter/repair.h"
#include "sinter/resize.h"
#include "sinter/snapshot.h"
#include "sinter/undo.h"

#include <string.h>

typedef struct {
    const char *name;
    void (*prepare)(SinterFs *fs);
    gboolean (*run)(SinterFs *fs, GError **error);
    guint cut_every; /* of the states, each of this many is one in which the undo is cut, too */
} Operation;

typedef struct {
    GBytes *before;
    guint cut_every;
    guint64 n_judged;
    guint64 n_untouched; /* states without a usable undo file */
    guint64 n_cut_again;
    guint64 n_states; /* of undos that were cut */
} Trial;

static void
scribble(SinterFs *fs, guint64 from, guint64 step, guint8 byte)
{
    SinterHandle *handle = sinter_handle_open(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, NULL);
    guint64 size = sinter_handle_get_virtual_size(handle);
    guint8 buf[700];

    for (guint64 at = from; at + sizeof buf <= size; at += step) {
        memset(buf, byte++, sizeof buf);
        g_assert_true(sinter_handle_write_at(handle, at, buf, sizeof buf, NULL));
    }
    g_assert_true(sinter_handle_close(handle, NULL));
}

static void
snapshot(SinterFs *fs, const char *name)
{
    g_assert_true(
        sinter_snapshot_create(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, name, 1000, NULL));
}

static void
prepare_image(SinterFs *fs)
{
    const SinterCreateOptions options = { .format = "qcow2",
                                          .cluster_size = 4096,
                                          .virtual_size = 4 * 1024 * 1024 };

    g_assert_true(sinter_image_create(fs, "image", &options, NULL));
    scribble(fs, 0, 90000, 1);
}

static void
prepare_snapshots(SinterFs *fs)
{
    prepare_image(fs);
    snapshot(fs, "one");
    scribble(fs, 1024, 150000, 50);
    snapshot(fs, "two");
}

static void
patch_flag(SinterFs *fs, guint8 flag)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "image", SINTER_IO_WRITE, NULL);

    g_assert_true(sinter_io_write(io, SINTER_QCOW2_AT_INCOMPATIBLE + 7, &flag, 1, NULL));
}

/* Marked as not closed: opening it for writing counts all references anew. */
static void
prepare_dirty(SinterFs *fs)
{
    prepare_snapshots(fs);
    patch_flag(fs, SINTER_QCOW2_INCOMPAT_DIRTY);
}

/* Leaks, wrong refcounts and flags, and an active L2 table of garbage beside sound snapshots. */
static void
prepare_damaged(SinterFs *fs)
{
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(SinterQcow2Header) header = NULL;
    guint8 garbage[1000];
    guint8 entry[8];

    prepare_snapshots(fs);
    scribble(fs, 0, 200000, 90);
    io = sinter_fs_open(fs, "image", SINTER_IO_WRITE, NULL);
    header = sinter_qcow2_header_read(io, NULL);
    memset(garbage, 0x37, sizeof garbage);
    g_assert_true(sinter_io_read(io, header->l1_offset, entry, sizeof entry, NULL));
    g_assert_true(sinter_io_write(io, sinter_be64_load(entry) & SINTER_QCOW2_OFFSET_MASK, garbage,
                                  sizeof garbage, NULL));
    g_assert_true(sinter_io_read(io, header->reftable_offset, entry, sizeof entry, NULL));
    memset(garbage, 3, sizeof garbage);
    g_assert_true(sinter_io_write(io, sinter_be64_load(entry) + 20, garbage, sizeof garbage, NULL));
}

/* The same, without what only a snapshot helps against. */
static void
prepare_miscounted(SinterFs *fs)
{
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(SinterQcow2Header) header = NULL;
    guint8 wrong[300];
    guint8 entry[8];

    prepare_snapshots(fs);
    io = sinter_fs_open(fs, "image", SINTER_IO_WRITE, NULL);
    header = sinter_qcow2_header_read(io, NULL);
    memset(wrong, 0, sizeof wrong);
    for (gsize i = 1; i < sizeof wrong; i += 4)
        wrong[i] = 5;
    g_assert_true(sinter_io_read(io, header->reftable_offset, entry, sizeof entry, NULL));
    g_assert_true(sinter_io_write(io, sinter_be64_load(entry) + 20, wrong, sizeof wrong, NULL));
}

static gboolean
repair(SinterFs *fs, const char *from_snapshot, GError **error)
{
    const SinterRepairOptions options = { .level = SINTER_REPAIR_ALL,
                                          .from_snapshot = from_snapshot };
    g_autoptr(SinterRepairResult) result =
        sinter_image_repair(fs, "image", "qcow2", &options, error);

    return result && sinter_repair_result_get_state(result)->counts.corruptions == 0;
}

static gboolean
run_repair(SinterFs *fs, GError **error)
{
    return repair(fs, NULL, error);
}

static gboolean
run_revert(SinterFs *fs, GError **error)
{
    return repair(fs, "two", error);
}

static gboolean
run_create(SinterFs *fs, GError **error)
{
    return sinter_snapshot_create(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, "new", 1000, error);
}

static gboolean
run_delete(SinterFs *fs, GError **error)
{
    return sinter_snapshot_delete(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, "one",
                                  SINTER_SNAPSHOT_BY_NAME, error);
}

static gboolean
run_rebuild(SinterFs *fs, GError **error)
{
    SinterHandle *handle = sinter_handle_open(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, error);

    return handle && sinter_handle_close(handle, error);
}

static gboolean
run_shrink(SinterFs *fs, GError **error)
{
    const SinterResizeOptions how = { .size = 1024 * 1024, .shrink = TRUE };

    return sinter_image_resize(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, &how, error);
}

static gboolean
run_write(SinterFs *fs, GError **error)
{
    scribble(fs, 100, 300000, 200);
    return TRUE;
}

static gboolean
agree(const SinterPatchChange *change, gpointer user_data)
{
    return TRUE;
}

static gboolean
run_patch(SinterFs *fs, GError **error)
{
    const SinterPatch patch = { .kind = SINTER_PATCH_EMPTY_L2, .offset = 90000, .confirm = agree };
    gboolean changed = FALSE;

    return sinter_image_patch(fs, "image", "qcow2", &patch, &changed, error) && changed;
}

static const Operation operations[] = {
    { "snapshot-create", prepare_image, run_create, 5 },
    { "snapshot-delete", prepare_snapshots, run_delete, 61 },
    { "rebuild", prepare_dirty, run_rebuild, 2 },
    { "shrink", prepare_image, run_shrink, 5 },
    { "write", prepare_snapshots, run_write, 7 },
    { "patch", prepare_image, run_patch, 2 },
    { "repair", prepare_miscounted, run_repair, 3 },
    { "revert", prepare_damaged, run_revert, 3 },
};

static void
run_recorded(const Operation *operation, SinterFs *fs)
{
    const SinterUndoRecording what = {
        .image_path = "image", .undo_path = "undo", .undo_fs = fs, .operation = operation->name
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterFs) record = sinter_undo_record_new(fs, &what, &error);

    g_assert_no_error(error);
    g_assert_true(operation->run(record, &error));
    g_assert_no_error(error);
    sinter_undo_record_finish(record, NULL, &error);
    g_assert_no_error(error);
}

static GBytes *
read_all(SinterFs *fs, const char *path)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ, NULL);
    guint64 size = 0;
    guint8 *buf;

    g_assert_true(sinter_io_get_size(io, &size, NULL));
    buf = g_malloc(size + 1);
    g_assert_true(sinter_io_read(io, 0, buf, size, NULL));
    return g_bytes_new_take(buf, size);
}

/* Restores the image in @fs. Returns NULL, or what went wrong. */
static char *
undo(Trial *self, SinterFs *fs, gboolean *ret_untouched)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterUndo) file = sinter_undo_open(fs, "undo", &error);
    g_autoptr(GBytes) now = NULL;

    *ret_untouched = file == NULL;
    if (file && !sinter_undo_apply(file, fs, "image", FALSE, &error))
        return g_strdup_printf("undo: %s", error->message);
    now = read_all(fs, "image");
    if (g_bytes_equal(now, self->before))
        return NULL;
    return g_strdup_printf("the image is not restored: %s", error ? error->message : "no error");
}

static char *
check_cut_undo(SinterFs *fs, guint log_end, gpointer data)
{
    Trial *self = data;
    gboolean untouched;
    char *trouble = undo(self, fs, &untouched);

    if (!trouble && untouched)
        trouble = g_strdup("the undo file is gone");
    return trouble;
}

/* Cuts the undo of the state in @fs. */
static char *
cut_undo(Trial *self, SinterFs *fs)
{
    static const char *const files[] = { "image", "undo", NULL };
    CrashOptions options = { .skip_flush = G_MAXUINT };
    g_autoptr(SinterFs) record = sinter_fs_record_new(fs);
    gboolean untouched;
    CrashCount count;
    CrashBase base;
    char *trouble;

    crash_base_init(&base, fs, files);
    trouble = undo(self, record, &untouched);
    if (!trouble) {
        count = crash_explore(&base, sinter_fs_record_get_log(record), 0, &options, check_cut_undo,
                              self);
        self->n_cut_again++;
        self->n_states += count.states;
        if (count.first)
            trouble = g_strdup_printf("undo cut: %s", count.first);
        g_free(count.first);
    }
    crash_base_clear(&base);
    return trouble;
}

static gboolean
has_undo(SinterFs *fs)
{
    g_autoptr(SinterUndo) file = sinter_undo_open(fs, "undo", NULL);

    return file != NULL;
}

static char *
check_state(SinterFs *fs, guint log_end, gpointer data)
{
    Trial *self = data;
    gboolean untouched = FALSE;
    char *trouble;

    self->n_judged++;
    if (self->n_judged % self->cut_every == 0 && has_undo(fs))
        return cut_undo(self, fs);
    trouble = undo(self, fs, &untouched);
    self->n_untouched += untouched;
    return trouble;
}

static CrashCount
explore(const Operation *operation, const CrashOptions *options, Trial *self)
{
    static const char *const files[] = { "image", NULL };
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) record = sinter_fs_record_new(memory);
    CrashCount count;
    CrashBase base;

    operation->prepare(memory);
    self->cut_every = operation->cut_every;
    self->before = read_all(memory, "image");
    crash_base_init(&base, memory, files);
    run_recorded(operation, record);
    count = crash_explore(&base, sinter_fs_record_get_log(record), 0, options, check_state, self);
    crash_base_clear(&base);
    g_clear_pointer(&self->before, g_bytes_unref);
    return count;
}

static void
test_states(gconstpointer data)
{
    const Operation *operation = data;
    CrashOptions options = { .skip_flush = G_MAXUINT,
                             .thorough = TRUE,
                             .seed = (guint32)g_test_rand_int() };
    Trial trial = { 0 };
    CrashCount count = explore(operation, &options, &trial);

    g_test_message("seed %u: %" G_GUINT64_FORMAT " judged, %" G_GUINT64_FORMAT
                   " before the first change, %" G_GUINT64_FORMAT
                   " undone with cuts, in %" G_GUINT64_FORMAT " states",
                   options.seed, trial.n_judged, trial.n_untouched, trial.n_cut_again,
                   trial.n_states);
    crash_say_count(operation->name, count.states + trial.n_states, count.violations);
    g_assert_cmpstr(count.first, ==, NULL);
    g_assert_cmpuint(trial.n_untouched, <, trial.n_judged);
}

/* Without the flush of the undo file before the image's first write, an image cannot be restored.
 */
static void
test_teeth(void)
{
    guint n_damaged = 0;

    for (guint i = 0; i < 12; i++) {
        CrashOptions options = { .skip_flush = i };
        Trial trial = { 0 };
        CrashCount count = explore(&operations[0], &options, &trial);

        n_damaged += count.first != NULL;
        g_free(count.first);
    }
    g_assert_cmpuint(n_damaged, >, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(operations); i++) {
        g_autofree char *path = g_strconcat("/crash/undo/", operations[i].name, NULL);

        g_test_add_data_func(path, &operations[i], test_states);
    }
    g_test_add_func("/crash/undo/teeth", test_teeth);
    return g_test_run();
}
