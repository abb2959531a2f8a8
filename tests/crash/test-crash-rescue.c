/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A rescue, cut at every moment. As long as the first sector is the old one, no byte of the old
 * file differs; with the new one the image is sound and the disk has its whole content again.
 */

#include "crash-harness.h"
#include "qcow2-judge.h"
#include "qcow2/layout/qcow2-header.h"
#include "sinter/chain.h"
#include "sinter/create.h"
#include "sinter/handle.h"
#include "sinter/rescue.h"

#include <string.h>

typedef struct {
    const char *name;
    guint64 cluster_bytes;
    guint64 disk_bytes;
    gboolean loses_header; /* otherwise: single entries, one bit of each */
} Shape;

static const Shape shapes[] = {
    { "entries-512", 512, 300 * 512, FALSE },
    { "entries-4k", 4096, 300 * 4096, FALSE },
    { "header-512", 512, 300 * 512, TRUE },
    { "header-8k", 8192, 150 * 8192, TRUE },
};

typedef struct {
    const Shape *shape;
    SinterFs *memory;
    SinterFs *record;
    guint8 *content; /* of the disk */
    guint8 *damaged; /* the file */
    gsize damaged_bytes;
    guint n_old;
    guint n_new;
} Run;

static void
make_image(Run *self)
{
    const SinterCreateOptions options = { .format = "qcow2",
                                          .cluster_size = (gsize)self->shape->cluster_bytes,
                                          .virtual_size = self->shape->disk_bytes };
    SinterHandle *handle;

    g_assert_true(sinter_image_create(self->memory, "image", &options, NULL));
    for (guint64 i = 0; i < self->shape->disk_bytes; i++)
        self->content[i] = (guint8)(i / 512 * 7 + 1);
    handle = sinter_handle_open(self->memory, "image", "qcow2", SINTER_HANDLE_DEFAULT, NULL);
    g_assert_true(sinter_handle_write_at(handle, 0, self->content, self->shape->disk_bytes, NULL));
    g_assert_true(sinter_handle_close(handle, NULL));
}

/* Flips a reserved bit in an entry of each table; the entries around it map a run. */
static void
spoil_entries(Run *self, SinterIo *io)
{
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, NULL);

    for (guint32 i = 0; i < header->l1_entries; i++) {
        guint8 entry[8];
        guint64 at;

        g_assert_true(sinter_io_read(io, header->l1_offset + (guint64)i * 8, entry, 8, NULL));
        at = (sinter_be64_load(entry) & SINTER_QCOW2_OFFSET_MASK) + 8 * 8;
        g_assert_true(sinter_io_read(io, at, entry, 8, NULL));
        entry[7] ^= 2;
        g_assert_true(sinter_io_write(io, at, entry, 8, NULL));
    }
}

static void
spoil(Run *self)
{
    g_autoptr(SinterIo) io = sinter_fs_open(self->memory, "image", SINTER_IO_WRITE, NULL);
    g_autofree guint8 *zeros = g_malloc0((gsize)self->shape->cluster_bytes);
    guint64 bytes;

    if (self->shape->loses_header)
        g_assert_true(sinter_io_write(io, 0, zeros, (gsize)self->shape->cluster_bytes, NULL));
    else
        spoil_entries(self, io);
    g_assert_true(sinter_io_get_size(io, &bytes, NULL));
    self->damaged_bytes = (gsize)bytes;
    self->damaged = g_malloc(self->damaged_bytes);
    g_assert_true(sinter_io_read(io, 0, self->damaged, self->damaged_bytes, NULL));
}

static char *
check_old(const Run *self, const guint8 *file)
{
    /* the rest of a lost header's cluster is written before its first sector */
    gsize from = self->shape->loses_header ? (gsize)self->shape->cluster_bytes : 0;

    return memcmp(file + from, self->damaged + from, self->damaged_bytes - from) == 0
               ? NULL
               : g_strdup("the old file was changed before the switch");
}

static char *
check_new(const Run *self, SinterFs *fs, SinterIo *io)
{
    const SinterChainOptions options = { .fs = fs, .format = "qcow2" };
    gsize bytes = (gsize)self->shape->disk_bytes;
    g_autofree guint8 *got = g_malloc(bytes);
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(GError) error = NULL;
    char *trouble = NULL;
    Judgement judgement;

    if (!qcow2_judge(io, &judgement))
        trouble = g_strdup(judgement.first);
    judgement_clear(&judgement);
    if (trouble)
        return trouble;
    chain = sinter_chain_open("image", &options, &error);
    if (!chain || !sinter_chain_read(chain, 0, got, bytes, &error))
        return g_strdup(error->message);
    return memcmp(got, self->content, bytes) == 0 ? NULL : g_strdup("the disk has other content");
}

static char *
check_state(SinterFs *fs, guint log_end, gpointer user_data)
{
    Run *self = user_data;
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "image", SINTER_IO_READ, NULL);
    g_autofree guint8 *file = g_malloc(self->damaged_bytes);

    g_assert_true(sinter_io_read(io, 0, file, self->damaged_bytes, NULL));
    if (memcmp(file, self->damaged, CRASH_SECTOR_BYTES) == 0) {
        self->n_old++;
        return check_old(self, file);
    }
    self->n_new++;
    return check_new(self, fs, io);
}

static void
run_prepare(Run *self, const Shape *shape, CrashBase *base)
{
    static const char *const paths[] = { "image", NULL };
    const SinterRescueOptions options = { .apply = SINTER_RESCUE_CERTAIN,
                                          .virtual_bytes = shape->disk_bytes,
                                          .has_no_backing = TRUE };
    g_autoptr(SinterRescueResult) result = NULL;
    g_autoptr(GError) error = NULL;

    *self = (Run){ .shape = shape, .memory = sinter_fs_new_memory() };
    self->record = sinter_fs_record_new(self->memory);
    self->content = g_malloc((gsize)shape->disk_bytes);
    make_image(self);
    spoil(self);
    crash_base_init(base, self->memory, paths);
    result = sinter_image_rescue(self->record, "image", "qcow2", &options, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(result->question, ==, NULL);
    g_assert_cmpint(result->applied, ==, SINTER_RESCUE_CERTAIN);
}

static void
run_clear(Run *self, CrashBase *base)
{
    crash_base_clear(base);
    g_free(self->content);
    g_free(self->damaged);
    sinter_fs_unref(self->record);
    sinter_fs_unref(self->memory);
}

static void
test_states(gconstpointer shape)
{
    CrashOptions options = { .skip_flush = G_MAXUINT,
                             .thorough = TRUE,
                             .seed = (guint32)g_test_rand_int() };
    CrashBase base;
    CrashCount count;
    Run run;

    run_prepare(&run, shape, &base);
    count =
        crash_explore(&base, sinter_fs_record_get_log(run.record), 0, &options, check_state, &run);
    g_test_message("%" G_GUINT64_FORMAT " states around %" G_GUINT64_FORMAT
                   " flushes, %u old, %u new, %" G_GUINT64_FORMAT " lost",
                   count.states, count.flushes, run.n_old, run.n_new, count.violations);
    g_assert_cmpstr(count.first, ==, NULL);
    g_assert_cmpuint(run.n_old, >, 10);
    g_assert_cmpuint(run.n_new, >, 0);
    run_clear(&run, &base);
}

/* Without the flush before it, the switch could go too early. */
static void
test_teeth(void)
{
    CrashOptions options = { .skip_flush = 0, .thorough = TRUE };
    CrashBase base;
    CrashCount count;
    Run run;

    run_prepare(&run, &shapes[0], &base);
    count =
        crash_explore(&base, sinter_fs_record_get_log(run.record), 0, &options, check_state, &run);
    g_assert_cmpuint(count.violations, >, 0);
    g_free(count.first);
    run_clear(&run, &base);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autofree char *path = g_strdup_printf("/crash/rescue/%s", shapes[i].name);

        g_test_add_data_func(path, &shapes[i], test_states);
    }
    g_test_add_func("/crash/rescue/teeth", test_teeth);
    return g_test_run();
}
