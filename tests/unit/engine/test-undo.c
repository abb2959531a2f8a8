/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Undo files: random changes of a file through the recording set are taken back byte for byte,
 * complete or interrupted; reads see what is held back; what has changed since is refused.
 */

#include "io/sinter-fs-fault.h"
#include "io/sinter-fs-record.h"
#include "io/sinter-io.h"
#include "io/sinter-undo-layout.h"
#include "sinter/undo.h"
#include "sinter-error.h"

#include <string.h>

#define IMAGE "/dir/image"
#define UNDO "/dir/image.undo"
#define MAX_BYTES (300 * 1024)

static GBytes *
content_of(SinterFs *fs, const char *path)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ, NULL);
    guint64 size = 0;
    guint8 *buf;

    g_assert_nonnull(io);
    g_assert_true(sinter_io_get_size(io, &size, NULL));
    buf = g_malloc(size + 1);
    g_assert_true(sinter_io_read(io, 0, buf, size, NULL));
    return g_bytes_new_take(buf, size);
}

static gboolean
exists(SinterFs *fs, const char *path)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ, NULL);

    return io != NULL;
}

static void
fill(guint8 *buf, gsize len, GRand *rand)
{
    for (gsize i = 0; i < len; i++)
        buf[i] = (guint8)g_rand_int(rand);
}

/* A file of @size random bytes with some zeros. */
static SinterFs *
new_files(gsize size, GRand *rand)
{
    SinterFs *fs = sinter_fs_new_memory();
    g_autoptr(SinterIo) io = sinter_fs_open(fs, IMAGE, SINTER_IO_CREATE, NULL);
    g_autofree guint8 *buf = g_malloc(size + 1);

    fill(buf, size, rand);
    memset(buf + size / 3, 0, size / 4);
    g_assert_true(sinter_io_write(io, 0, buf, size, NULL));
    return fs;
}

static SinterFs *
record_on(SinterFs *image_fs, SinterFs *undo_fs)
{
    const SinterUndoRecording what = {
        .image_path = IMAGE, .undo_path = UNDO, .undo_fs = undo_fs, .operation = "test"
    };
    g_autoptr(GError) error = NULL;
    SinterFs *fs = sinter_undo_record_new(image_fs, &what, &error);

    g_assert_no_error(error);
    return fs;
}

static gboolean
undo_on(SinterFs *fs, gboolean dry_run, GError **error)
{
    g_autoptr(SinterUndo) undo = sinter_undo_open(fs, UNDO, error);

    return undo && sinter_undo_apply(undo, fs, IMAGE, dry_run, error);
}

static void
assert_undone(SinterFs *fs, GBytes *before)
{
    g_autoptr(GBytes) after = NULL;
    g_autoptr(GError) error = NULL;
    gboolean ok = undo_on(fs, FALSE, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    after = content_of(fs, IMAGE);
    g_assert_true(g_bytes_equal(before, after));
}

/* What the recorded file must show. */
typedef struct {
    guint8 bytes[MAX_BYTES];
    gsize size;
} Model;

static void
assert_shows(SinterIo *io, const Model *model, GRand *rand)
{
    gsize at = (gsize)g_rand_int_range(rand, 0, MAX_BYTES);
    gsize len = (gsize)g_rand_int_range(rand, 1, 20000);
    gsize expected = at < model->size ? MIN(len, model->size - at) : 0;
    g_autofree guint8 *buf = g_malloc(len);
    gsize n = 0;

    g_assert_true(sinter_io_read_some(io, at, buf, len, &n, NULL));
    g_assert_cmpuint(n, ==, expected);
    g_assert_cmpmem(buf, n, model->bytes + at, n);
}

static void
change_at_random(SinterIo *io, Model *model, GRand *rand)
{
    gsize at = (gsize)g_rand_int_range(rand, 0, MAX_BYTES - 30000);
    gsize len = (gsize)g_rand_int_range(rand, 1, 30000);
    g_autofree guint8 *buf = g_malloc(len);
    gsize size;

    switch (g_rand_int_range(rand, 0, 8)) {
    case 0:
        g_assert_true(sinter_io_discard(io, at, len, NULL));
        if (at < model->size)
            memset(model->bytes + at, 0, MIN(len, model->size - at));
        return;
    case 1:
        size = at + len;
        g_assert_true(sinter_io_truncate(io, size, NULL));
        if (size < model->size)
            memset(model->bytes + size, 0, model->size - size);
        model->size = size;
        return;
    case 2:
        g_assert_true(sinter_io_flush(io, NULL));
        return;
    case 3:
        memset(buf, 0, len);
        break;
    default:
        fill(buf, len, rand);
    }
    g_assert_true(sinter_io_write(io, at, buf, len, NULL));
    memcpy(model->bytes + at, buf, len);
    model->size = MAX(model->size, at + len);
}

static void
test_random(void)
{
    guint32 seed = (guint32)g_test_rand_int();
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    g_test_message("seed %u", seed);
    for (guint round = 0; round < 60; round++) {
        gsize size = (gsize)g_rand_int_range(rand, 0, MAX_BYTES);
        g_autoptr(SinterFs) fs = new_files(size, rand);
        g_autoptr(SinterFs) record = record_on(fs, fs);
        g_autoptr(GBytes) before = content_of(fs, IMAGE);
        g_autoptr(GBytes) after = NULL;
        g_autofree Model *model = g_new0(Model, 1);
        g_autoptr(SinterIo) io = sinter_fs_open(record, IMAGE, SINTER_IO_WRITE, NULL);
        SinterUndoRecorded recorded;

        model->size = size;
        memcpy(model->bytes, g_bytes_get_data(before, NULL), size);
        for (guint i = 0; i < 25; i++) {
            change_at_random(io, model, rand);
            assert_shows(io, model, rand);
        }
        g_assert_true(sinter_undo_record_finish(record, &recorded, NULL));
        after = content_of(fs, IMAGE);
        g_assert_cmpmem(g_bytes_get_data(after, NULL), g_bytes_get_size(after), model->bytes,
                        model->size);
        g_assert_cmpint(recorded.is_written, ==, exists(fs, UNDO));
        if (recorded.is_written) {
            assert_undone(fs, before);
            assert_undone(fs, before); /* what is undone stays so */
        }
    }
}

/* One write each at some places, flushed or not. */
static void
write_bytes(SinterFs *fs, guint64 offset, const char *bytes)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, IMAGE, SINTER_IO_WRITE, NULL);

    g_assert_true(sinter_io_write(io, offset, bytes, strlen(bytes), NULL));
    g_assert_true(sinter_io_flush(io, NULL));
}

static void
test_nothing_changed(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    g_autoptr(SinterFs) fs = new_files(9000, rand);
    g_autoptr(SinterFs) record = record_on(fs, fs);
    g_autoptr(SinterIo) io = sinter_fs_open(record, IMAGE, SINTER_IO_WRITE, NULL);
    SinterUndoRecorded recorded = { TRUE, 1 };
    guint8 byte;

    /* the same bytes are no change */
    g_assert_true(sinter_io_read(io, 5000, &byte, 1, NULL));
    g_assert_true(sinter_io_write(io, 5000, &byte, 1, NULL));
    g_assert_true(sinter_io_flush(io, NULL));
    g_assert_true(sinter_undo_record_finish(record, &recorded, NULL));
    g_assert_false(recorded.is_written);
    g_assert_false(exists(fs, UNDO));
    g_assert_false(sinter_io_write(io, 5000, "x", 1, NULL));
}

/* Each place where the image changes afterwards, and whether the undo notices. */
static void
test_changed_since(void)
{
    static const struct {
        guint64 offset;
        gboolean is_refused;
    } rows[] = {
        { 10, TRUE },      /* in the head, which the undo file identifies */
        { 100000, TRUE },  /* what the operation wrote */
        { 100600, TRUE },  /* the unit behind it, in the same page */
        { 150000, FALSE }, /* what it did not touch */
        { 210000, TRUE },  /* beyond the former end */
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(2);
        g_autoptr(SinterFs) fs = new_files(200000, rand);
        g_autoptr(SinterFs) record = record_on(fs, fs);
        g_autoptr(GBytes) changed = NULL;
        g_autoptr(GBytes) after = NULL;
        g_autoptr(GError) error = NULL;

        write_bytes(record, 100000, "repaired");
        write_bytes(record, 210000, "new table");
        g_assert_true(sinter_undo_record_finish(record, NULL, NULL));
        g_assert_true(undo_on(fs, TRUE, NULL));
        write_bytes(fs, rows[i].offset, "changed by the guest");
        changed = content_of(fs, IMAGE);
        if (!rows[i].is_refused) {
            g_assert_true(undo_on(fs, FALSE, NULL));
            continue;
        }
        g_assert_false(undo_on(fs, FALSE, &error));
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED);
        after = content_of(fs, IMAGE);
        g_assert_true(g_bytes_equal(changed, after));
    }
}

static void
test_grown_since(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    g_autoptr(SinterFs) fs = new_files(100000, rand);
    g_autoptr(SinterFs) record = record_on(fs, fs);
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(GError) error = NULL;

    write_bytes(record, 80000, "repaired");
    g_assert_true(sinter_undo_record_finish(record, NULL, NULL));
    io = sinter_fs_open(fs, IMAGE, SINTER_IO_WRITE, NULL);
    g_assert_true(sinter_io_truncate(io, 100001, NULL));
    g_assert_false(undo_on(fs, FALSE, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED);
}

static void
test_existing_undo_file(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);
    g_autoptr(SinterFs) fs = new_files(1000, rand);
    g_autoptr(SinterIo) other = sinter_fs_open(fs, UNDO, SINTER_IO_CREATE, NULL);
    const SinterUndoRecording what = {
        .image_path = IMAGE, .undo_path = UNDO, .undo_fs = fs, .operation = "test"
    };
    g_autoptr(GError) error = NULL;

    g_assert_null(sinter_undo_record_new(fs, &what, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
}

/* No byte of the image changes if its former content cannot be saved. */
static void
test_undo_file_fails(void)
{
    for (guint nth = 1; nth < 20; nth++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(5);
        g_autoptr(SinterFs) fs = new_files(100000, rand);
        g_autoptr(SinterFs) broken = sinter_fs_fault_new(fs);
        g_autoptr(SinterFs) record = record_on(fs, broken);
        g_autoptr(SinterIo) io = sinter_fs_open(record, IMAGE, SINTER_IO_WRITE, NULL);
        g_autoptr(GBytes) before = content_of(fs, IMAGE);
        g_autoptr(GBytes) after = NULL;
        gboolean ok;

        sinter_fs_fault_arm(broken, SINTER_FAULT_ALL, SINTER_FAULT_ENOSPC, nth, TRUE);
        ok = sinter_io_write(io, 70000, "one", 3, NULL) && sinter_io_flush(io, NULL);
        ok = sinter_undo_record_finish(record, NULL, NULL) && ok;
        after = content_of(fs, IMAGE);
        if (!ok && !g_bytes_equal(before, after)) {
            /* only the end of the undo file is missing */
            assert_undone(fs, before);
        }
        g_assert_true(ok || sinter_fs_fault_get_count(broken) >= nth);
        g_assert_true(!ok || !g_bytes_equal(before, after));
    }
}

/* A batch that is damaged is refused unless it is the last one. */
static void
test_damaged_undo_file(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(6);
    g_autoptr(SinterFs) fs = new_files(100000, rand);
    g_autoptr(SinterFs) record = record_on(fs, fs);
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(GBytes) good = NULL;
    guint n_refused = 0;

    write_bytes(record, 20000, "one");
    write_bytes(record, 70000, "two");
    g_assert_true(sinter_undo_record_finish(record, NULL, NULL));
    good = content_of(fs, UNDO);
    io = sinter_fs_open(fs, UNDO, SINTER_IO_WRITE, NULL);
    for (gsize at = 0; at < g_bytes_get_size(good); at += 37) {
        guint8 byte = ((const guint8 *)g_bytes_get_data(good, NULL))[at];
        guint8 wrong = byte ^ 0x40;
        g_autoptr(SinterUndo) undo = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_true(sinter_io_write(io, at, &wrong, 1, NULL));
        undo = sinter_undo_open(fs, UNDO, &error);
        if (!undo) {
            g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
            n_refused++;
        } else if (at < g_bytes_get_size(good) - 512 - 64) {
            /* padding; a damaged second batch would have lost its place */
            g_assert_true(sinter_undo_get_info(undo)->is_complete);
            g_assert_cmpuint(sinter_undo_get_info(undo)->saved_bytes, ==, 8192);
        }
        g_assert_true(sinter_io_write(io, at, &byte, 1, NULL));
    }
    g_assert_cmpuint(n_refused, >, (8192 + 2 * 4096) / 37);
}

static void
test_list(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    g_autoptr(SinterFs) fs = new_files(100001, rand);
    g_autoptr(SinterFs) record = record_on(fs, fs);
    g_autoptr(SinterUndo) undo = NULL;
    g_autoptr(GArray) ranges = NULL;
    const SinterUndoInfo *info;

    write_bytes(record, 4096, "a");
    write_bytes(record, 8192, "b");
    write_bytes(record, 4097, "again");
    write_bytes(record, 100000, "beyond");
    g_assert_true(sinter_undo_record_finish(record, NULL, NULL));
    undo = sinter_undo_open(fs, UNDO, NULL);
    ranges = sinter_undo_list(undo);
    info = sinter_undo_get_info(undo);
    g_assert_cmpuint(ranges->len, ==, 2);
    g_assert_cmpuint(g_array_index(ranges, SinterUndoRange, 0).offset, ==, 4096);
    g_assert_cmpuint(g_array_index(ranges, SinterUndoRange, 0).length, ==, 8192);
    g_assert_cmpuint(g_array_index(ranges, SinterUndoRange, 1).offset, ==, 98304);
    g_assert_cmpuint(g_array_index(ranges, SinterUndoRange, 1).length, ==, 1697);
    g_assert_cmpuint(info->saved_bytes, ==, 8192 + 1697);
    g_assert_cmpuint(info->image_bytes, ==, 100001);
    g_assert_cmpstr(info->operation, ==, "test");
    g_assert_cmpstr(info->image_path, ==, IMAGE);
    g_assert_true(info->is_complete);
}

/* Reads through another opening see what is held back; other files are untouched. */
static void
test_one_file(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(8);
    g_autoptr(SinterFs) fs = new_files(9000, rand);
    g_autoptr(SinterFs) record = record_on(fs, fs);
    g_autoptr(SinterIo) io = sinter_fs_open(record, IMAGE, SINTER_IO_WRITE, NULL);
    g_autoptr(SinterIo) reader = sinter_fs_open(record, IMAGE, SINTER_IO_READ, NULL);
    g_autoptr(SinterIo) other = sinter_fs_open(record, "/dir/other", SINTER_IO_CREATE, NULL);
    guint8 byte = 0;

    g_assert_true(sinter_io_write(other, 0, "x", 1, NULL));
    g_assert_true(sinter_io_write(io, 100, "y", 1, NULL));
    g_assert_true(sinter_io_read(reader, 100, &byte, 1, NULL));
    g_assert_cmpint(byte, ==, 'y');
    g_assert_false(exists(fs, UNDO));
    g_assert_true(sinter_io_flush(reader, NULL));
    g_assert_true(exists(fs, UNDO));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/undo/random", test_random);
    g_test_add_func("/undo/nothing-changed", test_nothing_changed);
    g_test_add_func("/undo/changed-since", test_changed_since);
    g_test_add_func("/undo/grown-since", test_grown_since);
    g_test_add_func("/undo/existing-undo-file", test_existing_undo_file);
    g_test_add_func("/undo/undo-file-fails", test_undo_file_fails);
    g_test_add_func("/undo/damaged-undo-file", test_damaged_undo_file);
    g_test_add_func("/undo/list", test_list);
    g_test_add_func("/undo/one-file", test_one_file);
    return g_test_run();
}
