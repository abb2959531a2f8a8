/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The repair of an image that was not closed, cut at every moment. What a cut leaves is either
 * still marked, and then repaired the next time, or sound; the disk shows the same all the time.
 */

#include "crash-harness.h"
#include "qcow2-judge.h"
#include "qcow2-snap.h"
#include "qcow2/layout/qcow2-header.h"
#include "sinter/chain.h"
#include "sinter/create.h"
#include "sinter/handle.h"

#include <string.h>

#define SIZE (500 * 512)

typedef struct {
    const char *name;
    SinterCreateOptions options;
    gboolean has_snapshot;
    gboolean loses_blocks;
} Shape;

static const Shape shapes[] = {
    { "512", { .cluster_size = 512 }, FALSE, TRUE },
    { "512-snapshot", { .cluster_size = 512, .refcount_bits = 2 }, TRUE, FALSE },
    { "512-64bit", { .cluster_size = 512, .refcount_bits = 64 }, FALSE, TRUE },
    { "4k", { .cluster_size = 4096 }, FALSE, TRUE },
};

typedef struct {
    const Shape *shape;
    SinterFs *memory;
    SinterFs *record;
    guint8 *expected;
    guint n_repaired; /* states that were still marked */
} Run;

static SinterHandle *
open_handle(SinterFs *fs)
{
    g_autoptr(GError) error = NULL;
    SinterHandle *handle = sinter_handle_open(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, &error);

    g_assert_no_error(error);
    return handle;
}

static void
write_some(Run *self, guint n)
{
    SinterHandle *handle = open_handle(self->memory);

    for (guint i = 0; i < n; i++) {
        gsize at = (gsize)g_test_rand_int_range(0, SIZE / 512) * 512;
        gsize most = (gsize)g_test_rand_int_range(1, 20) * 512;
        gsize len = MIN(most, SIZE - at);

        memset(self->expected + at, g_test_rand_int_range(1, 256), len);
        g_assert_true(sinter_handle_write_at(handle, at, self->expected + at, len, NULL));
    }
    g_assert_true(sinter_handle_close(handle, NULL));
}

/*
 * Counts of some clusters are gone, those of others are too high, whole blocks are lost, and no L2
 * table is said to be owned.
 */
static void
spoil(Run *self)
{
    g_autoptr(SinterIo) io = sinter_fs_open(self->memory, "image", SINTER_IO_WRITE, NULL);
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, NULL);
    const SinterQcow2Geometry *geo = &header->geo;
    gsize bytes = (gsize)header->file_bytes;
    g_autofree guint8 *file = g_malloc(bytes);

    g_assert_true(sinter_io_read(io, 0, file, bytes, NULL));
    file[SINTER_QCOW2_AT_INCOMPATIBLE + 7] |= SINTER_QCOW2_INCOMPAT_DIRTY;
    for (gsize i = 0; i < ((gsize)header->reftable_clusters << geo->cluster_bits) / 8; i++) {
        guint8 *entry = file + header->reftable_offset + i * 8;
        guint64 block = sinter_be64_load(entry);

        for (guint32 k = 0; block && k < 1U << geo->refblock_bits; k++) {
            if (g_test_rand_int_range(0, 3) == 0)
                sinter_qcow2_refcount_store(geo->refcount_order, file + block, k,
                                            (guint64)g_test_rand_int_range(0, 4));
        }
        if (block && self->shape->loses_blocks && g_test_rand_int_range(0, 3) == 0)
            sinter_be64_store(entry, 0);
    }
    for (guint32 i = 0; i < header->l1_entries; i++) {
        guint8 *entry = file + header->l1_offset + (gsize)i * 8;

        sinter_be64_store(entry, sinter_be64_load(entry) & ~SINTER_QCOW2_COPIED);
    }
    g_assert_true(sinter_io_write(io, 0, file, bytes, NULL));
}

static char *
check_content(Run *self, SinterFs *fs)
{
    const SinterChainOptions options = { .fs = fs, .format = "qcow2" };
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterChain) chain = sinter_chain_open("image", &options, &error);
    g_autofree guint8 *got = g_malloc(SIZE);

    if (!chain || !sinter_chain_read(chain, 0, got, SIZE, &error))
        return g_strdup(error->message);
    return memcmp(got, self->expected, SIZE) == 0 ? NULL
                                                  : g_strdup("the disk shows another content");
}

static char *
check_sound(SinterFs *fs)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "image", SINTER_IO_READ, NULL);
    char *trouble = NULL;
    Judgement judgement;

    if (!qcow2_judge(io, &judgement))
        trouble = g_strdup(judgement.first);
    judgement_clear(&judgement);
    return trouble;
}

static char *
check_state(SinterFs *fs, guint log_end, gpointer user_data)
{
    Run *self = user_data;
    guint8 bits[8];
    char *trouble = check_content(self, fs);
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "image", SINTER_IO_READ, NULL);
    g_autoptr(GError) error = NULL;
    SinterHandle *handle;

    if (trouble)
        return trouble;
    g_assert_true(sinter_io_read(io, SINTER_QCOW2_AT_INCOMPATIBLE, bits, sizeof bits, NULL));
    if (!(sinter_be64_load(bits) & SINTER_QCOW2_INCOMPAT_DIRTY))
        return check_sound(fs);
    self->n_repaired++;
    handle = sinter_handle_open(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, &error);
    if (!handle || !sinter_handle_close(handle, &error))
        return g_strdup(error->message);
    trouble = check_sound(fs);
    return trouble ? trouble : check_content(self, fs);
}

static void
run_prepare(Run *self, const Shape *shape, CrashBase *base)
{
    static const char *const paths[] = { "image", NULL };
    SinterCreateOptions options = shape->options;

    *self = (Run){ .shape = shape, .memory = sinter_fs_new_memory() };
    self->record = sinter_fs_record_new(self->memory);
    self->expected = g_malloc0(SIZE);
    options.format = "qcow2";
    options.virtual_size = SIZE;
    g_assert_true(sinter_image_create(self->memory, "image", &options, NULL));
    write_some(self, 40);
    if (shape->has_snapshot) {
        g_autoptr(SinterIo) io = sinter_fs_open(self->memory, "image", SINTER_IO_WRITE, NULL);

        qcow2_snap(io);
        write_some(self, 10);
    }
    spoil(self);
    crash_base_init(base, self->memory, paths);
    g_assert_true(sinter_handle_close(open_handle(self->record), NULL));
}

static void
run_clear(Run *self, CrashBase *base)
{
    crash_base_clear(base);
    g_free(self->expected);
    sinter_fs_unref(self->record);
    sinter_fs_unref(self->memory);
}

static void
test_states(gconstpointer shape)
{
    guint64 states = 0;

    for (guint round = 0; round < 3; round++) {
        CrashOptions options = { .skip_flush = G_MAXUINT,
                                 .thorough = TRUE,
                                 .seed = (guint32)g_test_rand_int() };
        CrashBase base;
        CrashCount count;
        Run run;

        run_prepare(&run, shape, &base);
        count = crash_explore(&base, sinter_fs_record_get_log(run.record), 0, &options, check_state,
                              &run);
        g_test_message("%" G_GUINT64_FORMAT " states around %" G_GUINT64_FORMAT
                       " flushes, %u still marked, %" G_GUINT64_FORMAT " lost",
                       count.states, count.flushes, run.n_repaired, count.violations);
        g_assert_cmpstr(count.first, ==, NULL);
        g_assert_cmpuint(run.n_repaired, >, 0);
        states += count.states;
        run_clear(&run, &base);
    }
    g_assert_cmpuint(states, >, 5);
}

/* The mark goes in an epoch of its own: without the flush before it, it could go too early. */
static void
test_teeth(void)
{
    CrashOptions options = { .skip_flush = G_MAXUINT, .thorough = TRUE };
    CrashBase base;
    CrashCount count;
    gboolean caught = FALSE;
    Run run;

    run_prepare(&run, &shapes[0], &base);
    count =
        crash_explore(&base, sinter_fs_record_get_log(run.record), 0, &options, check_state, &run);
    g_assert_cmpstr(count.first, ==, NULL);
    for (guint i = 0; i < count.flushes; i++) {
        CrashCount without;

        options.skip_flush = i;
        without = crash_explore(&base, sinter_fs_record_get_log(run.record), 0, &options,
                                check_state, &run);
        g_test_message("without flush %u: %s", i, without.first ? without.first : "no damage");
        caught = caught || without.violations > 0;
        g_free(without.first);
    }
    g_assert_true(caught);
    run_clear(&run, &base);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autofree char *path = g_strdup_printf("/crash/rebuild/%s", shapes[i].name);

        g_test_add_data_func(path, &shapes[i], test_states);
    }
    g_test_add_func("/crash/rebuild/teeth", test_teeth);
    return g_test_run();
}
