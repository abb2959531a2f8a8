/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The reader of many tables: random ranges of a file with holes must come out byte by byte as
 * plain reading gives them, with and without asking for holes; and each read that fails is told.
 */

#include "io/sinter-fs-fault.h"
#include "qcow2/layout/qcow2-reader.h"
#include "sinter-error.h"

#include <string.h>

#define FILE_BYTES (12 * 1024 * 1024 + 777)

typedef struct {
    guint8 *content; /* of the file, padded with zeros */
    guint8 *seen;    /* how often each byte of each range was handed out */
    const SinterQcow2Range *ranges;
    guint64 *starts; /* of each range in @seen */
    guint last_index;
    guint64 last_at;
    guint stop_after; /* pieces; 0: never */
    guint n_pieces;
    guint n_failed;
} Expectation;

static gboolean
take_piece(guint index, guint64 at, const guint8 *data, gsize len, gpointer user_data,
           GError **error)
{
    Expectation *self = user_data;

    g_assert_true(index > self->last_index || (index == self->last_index && at >= self->last_at));
    g_assert_cmpuint(at % 4096, ==, 0);
    g_assert_cmpuint(at + len, <=, self->ranges[index].bytes);
    g_assert_cmpmem(data, len, self->content + self->ranges[index].offset + at, len);
    for (gsize i = 0; i < len; i++)
        self->seen[self->starts[index] + at + i]++;
    self->last_index = index;
    self->last_at = at + len;
    if (++self->n_pieces == self->stop_after) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED, "enough");
        return FALSE;
    }
    return TRUE;
}

static int
compare_ranges(const void *a, const void *b)
{
    guint64 left = ((const SinterQcow2Range *)a)->offset;
    guint64 right = ((const SinterQcow2Range *)b)->offset;

    return left < right ? -1 : left > right;
}

/* Ranges that touch, overlap, repeat, lie in holes and beyond the end. */
static guint
random_ranges(SinterQcow2Range *ranges, guint64 *starts, guint room)
{
    guint n = (guint)g_test_rand_int_range(0, (gint)room);
    guint64 unit = G_GUINT64_CONSTANT(512) << g_test_rand_int_range(0, 12);
    guint64 start = 0;

    for (guint i = 0; i < n; i++)
        ranges[i] = (SinterQcow2Range){
            (guint64)g_test_rand_int_range(0, (gint)(FILE_BYTES / unit) + 2) * unit, unit
        };
    qsort(ranges, n, sizeof *ranges, compare_ranges);
    for (guint i = 0; i < n; i++) {
        starts[i] = start;
        start += ranges[i].bytes;
    }
    return n;
}

static guint8 *
make_file(SinterFs *fs, SinterIo **ret_io)
{
    guint8 *content = g_malloc0(FILE_BYTES + 64 * 1024 * 1024);
    g_autoptr(GError) error = NULL;

    *ret_io = sinter_fs_open(fs, "/f", SINTER_IO_CREATE, &error);
    g_assert_no_error(error);
    sinter_io_truncate(*ret_io, FILE_BYTES, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < 60; i++) {
        gsize at = (gsize)g_test_rand_int_range(0, FILE_BYTES - 70000);
        gsize len = (gsize)g_test_rand_int_range(1, 70000);

        for (gsize k = 0; k < len; k++)
            content[at + k] = (guint8)(1 + (at + k) * 31 % 255);
        sinter_io_write(*ret_io, at, content + at, len, &error);
        g_assert_no_error(error);
    }
    return content;
}

/* Each byte of the file once for each range; those of holes once or never. */
static void
check_seen(const Expectation *self, guint n, gboolean skip_holes)
{
    for (guint i = 0; i < n; i++) {
        for (guint64 k = 0; k < self->ranges[i].bytes; k++) {
            guint64 at = self->ranges[i].offset + k;
            guint seen = self->seen[self->starts[i] + k];

            if (at < FILE_BYTES && (!skip_holes || self->content[at] != 0))
                g_assert_cmpuint(seen, ==, 1);
            else
                g_assert_cmpuint(seen, <=, 1);
        }
    }
}

static void
test_random(gconstpointer skip_holes)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterIo) io = NULL;
    g_autofree guint8 *content = make_file(fs, &io);
    g_autofree SinterQcow2Range *ranges = g_new(SinterQcow2Range, 200);
    g_autofree guint64 *starts = g_new(guint64, 200);
    SinterQcow2Reader reader = { .io = io,
                                 .file_bytes = FILE_BYTES,
                                 .skip_holes = GPOINTER_TO_INT(skip_holes) };

    for (guint round = 0; round < 12; round++) {
        g_autoptr(GError) error = NULL;
        guint n = random_ranges(ranges, starts, round % 3 ? 40 : 12);
        g_autofree guint8 *seen = g_malloc0(n ? starts[n - 1] + ranges[n - 1].bytes : 1);
        Expectation expectation = {
            .content = content, .seen = seen, .ranges = ranges, .starts = starts
        };

        g_assert_true(
            sinter_qcow2_reader_run(&reader, ranges, n, take_piece, &expectation, &error));
        g_assert_no_error(error);
        check_seen(&expectation, n, reader.skip_holes);
    }
}

static gboolean
count_failed(const GError *error, guint64 offset, guint64 bytes, gpointer user_data)
{
    Expectation *self = user_data;

    g_assert_nonnull(error);
    self->n_failed++;
    return TRUE;
}

/* @n ranges of 64 KiB with gaps between them: enough for the thread. */
static void
regular_ranges(SinterQcow2Range *ranges, guint64 *starts, guint n)
{
    for (guint i = 0; i < n; i++) {
        ranges[i] = (SinterQcow2Range){ (guint64)i * 100 * 1024, 64 * 1024 };
        starts[i] = (guint64)i * 64 * 1024;
    }
}

static void
test_faults(void)
{
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) fs = sinter_fs_fault_new(memory);
    g_autoptr(SinterIo) io = NULL;
    g_autofree guint8 *content = make_file(fs, &io);
    g_autofree guint8 *seen = g_malloc0(110 * 64 * 1024);
    SinterQcow2Range ranges[110];
    guint64 starts[110];
    SinterQcow2Reader reader = { .io = io, .file_bytes = FILE_BYTES };

    regular_ranges(ranges, starts, 110);
    for (guint nth = 1;; nth++) {
        g_autoptr(GError) error = NULL;
        Expectation expectation = {
            .content = content, .seen = seen, .ranges = ranges, .starts = starts
        };
        gboolean ok;

        memset(seen, 0, 110 * 64 * 1024);
        reader.failed = nth % 2 ? NULL : count_failed;
        reader.failed_data = &expectation;
        sinter_fs_fault_arm(fs, SINTER_FAULT_READ, nth % 3 ? SINTER_FAULT_EIO : SINTER_FAULT_SHORT,
                            nth, FALSE);
        ok = sinter_qcow2_reader_run(&reader, ranges, 110, take_piece, &expectation, &error);
        if (sinter_fs_fault_get_count(fs) < nth) {
            g_assert_true(ok);
            g_assert_cmpuint(nth, >, 5);
            break;
        }
        g_assert_true(ok == (reader.failed != NULL));
        g_assert_true(ok == (error == NULL));
        g_assert_cmpuint(expectation.n_failed, ==, ok);
    }
}

/* Whoever stops the walk, in whichever place, gets the thread back. */
static void
test_stopped(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterIo) io = NULL;
    g_autofree guint8 *content = make_file(fs, &io);
    g_autofree guint8 *seen = g_malloc0(110 * 64 * 1024);
    SinterQcow2Range ranges[110];
    guint64 starts[110];
    SinterQcow2Reader reader = { .io = io, .file_bytes = FILE_BYTES };

    regular_ranges(ranges, starts, 110);
    for (guint stop_after = 1; stop_after < 110; stop_after += 9) {
        g_autoptr(GError) error = NULL;
        Expectation expectation = { .content = content,
                                    .seen = seen,
                                    .ranges = ranges,
                                    .starts = starts,
                                    .stop_after = stop_after };

        g_assert_false(
            sinter_qcow2_reader_run(&reader, ranges, 110, take_piece, &expectation, &error));
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_FAILED);
        g_assert_cmpuint(expectation.n_pieces, ==, stop_after);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/reader/random", GINT_TO_POINTER(FALSE), test_random);
    g_test_add_data_func("/reader/random-holes", GINT_TO_POINTER(TRUE), test_random);
    g_test_add_func("/reader/faults", test_faults);
    g_test_add_func("/reader/stopped", test_stopped);
    return g_test_run();
}
