/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A damaged disk reverted to one of its snapshots, and snapshots deleted from it, cut at every
 * moment. The snapshots that are kept read the same all the time; what a cut leaves can be repaired
 * by the same operation; and an operation that has returned is done.
 */

#include "crash-harness.h"
#include "crash-qemu.h"
#include "qcow2-judge.h"
#include "qcow2/layout/qcow2-header.h"
#include "sinter/chain.h"
#include "sinter/create.h"
#include "sinter/handle.h"
#include "sinter/repair.h"
#include "sinter/snapshot.h"

#include <string.h>

typedef struct {
    const char *name;
    gboolean (*run)(SinterFs *fs, GError **error);
    gboolean reverts; /* the disk reads like snapshot "two" afterwards */
} Operation;

typedef struct {
    const Operation *operation;
    GBytes *two; /* content of snapshot "two" */
    guint log_end_all;
    guint64 n_judged;
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

/* An image whose active L2 tables are garbage. */
static void
prepare(SinterFs *fs)
{
    const SinterCreateOptions options = { .format = "qcow2",
                                          .cluster_size = 512,
                                          .virtual_size = 600 * 1024 };
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(SinterQcow2Header) header = NULL;
    guint8 garbage[512];

    memset(garbage, 0x7b, sizeof garbage);
    g_assert_true(sinter_image_create(fs, "image", &options, NULL));
    scribble(fs, 0, 9000, 1);
    g_assert_true(
        sinter_snapshot_create(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, "one", 1, NULL));
    scribble(fs, 1024, 15000, 50);
    g_assert_true(
        sinter_snapshot_create(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, "two", 1, NULL));
    scribble(fs, 0, 12000, 90);
    io = sinter_fs_open(fs, "image", SINTER_IO_WRITE, NULL);
    header = sinter_qcow2_header_read(io, NULL);
    for (guint32 i = 0; i < header->l1_entries; i++) {
        guint8 entry[8];

        g_assert_true(sinter_io_read(io, header->l1_offset + i * 8, entry, 8, NULL));
        g_assert_true(sinter_io_write(io, sinter_be64_load(entry) & SINTER_QCOW2_OFFSET_MASK,
                                      garbage, sizeof garbage, NULL));
    }
}

static gboolean
run_revert(SinterFs *fs, GError **error)
{
    const SinterRepairOptions options = { .level = SINTER_REPAIR_ALL, .from_snapshot = "two" };
    g_autoptr(SinterRepairResult) result =
        sinter_image_repair(fs, "image", "qcow2", &options, error);

    return result != NULL;
}

static gboolean
run_delete(SinterFs *fs, GError **error)
{
    static const char *const kept[] = { "two", NULL };

    return sinter_snapshot_delete_except(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, kept, error);
}

static const Operation operations[] = {
    { "revert-damaged", run_revert, TRUE },
    { "delete-of-damaged", run_delete, FALSE },
};

/* NULL: it cannot be read. */
static GBytes *
read_state(SinterFs *fs, const char *snapshot)
{
    const SinterChainOptions options = { .fs = fs, .format = "qcow2", .snapshot = snapshot };
    g_autoptr(SinterChain) chain = sinter_chain_open("image", &options, NULL);
    gsize size = chain ? (gsize)sinter_chain_get_virtual_size(chain) : 0;
    g_autofree guint8 *content = g_malloc(size + 1);

    if (!chain || !sinter_chain_read(chain, 0, content, size, NULL))
        return NULL;
    return g_bytes_new_take(g_steal_pointer(&content), size);
}

static gboolean
reads_like_two(Trial *self, SinterFs *fs, const char *snapshot)
{
    g_autoptr(GBytes) content = read_state(fs, snapshot);

    return content && g_bytes_equal(content, self->two);
}

static char *
check_done(Trial *self, SinterFs *fs)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "image", SINTER_IO_READ, NULL);
    g_autoptr(GBytes) one = read_state(fs, "one");
    Judgement judgement;
    char *trouble = NULL;

    if (!self->operation->reverts)
        return one ? g_strdup("the snapshot is still there") : NULL;
    if (!reads_like_two(self, fs, NULL))
        return g_strdup("the disk is not that of the snapshot");
    if (!qcow2_judge(io, &judgement) || judgement.leaks > 0)
        trouble = g_strdup(judgement.first ? judgement.first : "there are leaks");
    judgement_clear(&judgement);
    return trouble;
}

static char *
check_state(SinterFs *fs, guint log_end, gpointer data)
{
    Trial *self = data;
    g_autoptr(GError) error = NULL;
    char *trouble = NULL;

    self->n_judged++;
    if (!reads_like_two(self, fs, "two"))
        return g_strdup("the snapshot reads differently");
    if (log_end == self->log_end_all)
        trouble = check_done(self, fs);
    if (trouble)
        return trouble;
    if (!self->operation->run(fs, &error))
        return g_strdup_printf("run again: %s", error->message);
    return reads_like_two(self, fs, "two") ? check_done(self, fs)
                                           : g_strdup("run again: the snapshot reads differently");
}

static CrashCount
explore(const Operation *operation, const CrashOptions *options, Trial *self)
{
    static const char *const files[] = { "image", NULL };
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) record = sinter_fs_record_new(memory);
    g_autoptr(GError) error = NULL;
    CrashCount count;
    CrashBase base;

    prepare(memory);
    self->operation = operation;
    self->two = read_state(memory, "two");
    crash_base_init(&base, memory, files);
    operation->run(record, &error);
    g_assert_no_error(error);
    self->log_end_all = sinter_fs_record_get_log(record)->len;
    count = crash_explore(&base, sinter_fs_record_get_log(record), 0, options, check_state, self);
    crash_base_clear(&base);
    g_clear_pointer(&self->two, g_bytes_unref);
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

    g_test_message("seed %u: %" G_GUINT64_FORMAT " judged", options.seed, trial.n_judged);
    crash_say_count(operation->name, count.states, count.violations);
    g_assert_cmpstr(count.first, ==, NULL);
}

/* The new tables must be durable before the header refers to them. */
static void
test_teeth(void)
{
    guint n_damaged = 0;

    for (guint i = 0; i < 4; i++) {
        CrashOptions options = { .skip_flush = i };
        Trial trial = { 0 };
        CrashCount count = explore(&operations[0], &options, &trial);

        n_damaged += count.first != NULL;
        g_free(count.first);
    }
    g_assert_cmpuint(n_damaged, >, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(operations); i++) {
        g_autofree char *path = g_strconcat("/crash/spare/", operations[i].name, NULL);

        g_test_add_data_func(path, &operations[i], test_states);
    }
    g_test_add_func("/crash/spare/teeth", test_teeth);
    return g_test_run();
}
