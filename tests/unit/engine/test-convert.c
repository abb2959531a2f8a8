/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reading disks out: the copy holds what the guest sees, zeros are left out where they can be, a
 * failure at any single call leaves what stood there before, and a success was made durable.
 */

#include "sinter/convert.h"
#include "disk-fixture.h"
#include "io/sinter-fs-fault.h"
#include "io/sinter-fs-record.h"
#include "qcow2-build.h"
#include "sinter-error.h"

#include <string.h>
#include <unistd.h>

#define DISK_BYTES (4 * 1024 * 1024)
#define CLUSTER 65536

static const SinterCreateOptions raw = { .format = "raw" };

/* "top" over raw "base": data, a zero flag, a compressed cluster, holes, a tail of half a sector */
static void
make_sources(SinterFs *fs)
{
    const BuildOptions options = { .virtual_size = DISK_BYTES + 1536,
                                   .backing = "base",
                                   .backing_format = "raw" };
    Build build;

    disk_make_raw(fs, "base", DISK_BYTES);
    disk_fill(fs, "base", 0, 1, 3 * CLUSTER);
    disk_fill(fs, "base", 20 * CLUSTER + 5000, 2, 300);
    build_begin(&build, fs, "top", &options);
    build_map(&build, CLUSTER, (SinterQcow2L2Entry){ SINTER_QCOW2_ZERO, 0 });
    build_map(&build, 2 * CLUSTER, (SinterQcow2L2Entry){ build_data(&build, 3), 0 });
    build_map(&build, 4 * CLUSTER, build_compressed(&build, 4));
    /* written zeros, which the map does not tell */
    build_map(&build, 6 * CLUSTER, (SinterQcow2L2Entry){ build_data(&build, 0), 0 });
    build_map(&build, DISK_BYTES, (SinterQcow2L2Entry){ build_data(&build, 5), 0 });
    build_end(&build);
}

static gboolean
convert(SinterFs *fs, const char *source, const char *target, const SinterConvertOptions *options,
        GError **error)
{
    g_autoptr(SinterChain) chain = disk_open(fs, source);
    SinterConvertOptions full = options ? *options : (SinterConvertOptions){ 0 };

    full.fs = fs;
    return sinter_convert_to_image(&chain, 1, target, &raw, &full, error);
}

static void
assert_copy(SinterFs *fs, const char *source, const char *target)
{
    g_autoptr(SinterChain) chain = disk_open(fs, source);
    g_autoptr(GBytes) expected = disk_content(chain);
    g_autoptr(GBytes) found = disk_file(fs, target);

    g_assert_true(g_bytes_equal(expected, found));
}

static guint64
allocated(SinterFs *fs, const char *path)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ, NULL);
    SinterIoStat st;

    g_assert_true(sinter_io_stat(io, &st, NULL));
    return st.allocated_bytes;
}

static gboolean
exists(SinterFs *fs, const char *path)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ, NULL);

    return io != NULL;
}

static void
test_plain(gconstpointer threads)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    SinterConvertOptions options = { .n_threads = GPOINTER_TO_UINT(threads) };

    make_sources(fs);
    g_assert_true(convert(fs, "top", "copy", &options, NULL));
    assert_copy(fs, "top", "copy");
    /* 5 clusters of data, in which the written zeros have no part */
    g_assert_cmpuint(allocated(fs, "copy"), <=, 6 * CLUSTER);
    /* what is there is replaced */
    g_assert_true(convert(fs, "base", "copy", &options, NULL));
    assert_copy(fs, "base", "copy");
}

static void
test_unordered(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    SinterConvertOptions options = { .n_threads = 8, .flags = SINTER_CONVERT_UNORDERED };

    make_sources(fs);
    g_assert_true(convert(fs, "top", "copy", &options, NULL));
    assert_copy(fs, "top", "copy");
}

static void
test_full(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    SinterConvertOptions options = { .flags = SINTER_CONVERT_FULL };

    make_sources(fs);
    g_assert_true(convert(fs, "top", "copy", &options, NULL));
    assert_copy(fs, "top", "copy");
    g_assert_cmpuint(allocated(fs, "copy"), >=, DISK_BYTES + 1536);
}

static guint64
written_bytes(GPtrArray *log)
{
    guint64 sum = 0;

    for (guint i = 0; i < log->len; i++) {
        const SinterRecord *record = g_ptr_array_index(log, i);

        sum += record->kind == SINTER_RECORD_WRITE ? record->length : 0;
    }
    return sum;
}

/* Runs of zeros shorter than what is asked for are written, longer ones are not. */
static void
test_sparse_bytes(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();

    disk_make_raw(fs, "disk", DISK_BYTES);
    for (guint64 at = 0; at < DISK_BYTES; at += 32768)
        disk_fill(fs, "disk", at, 7, 16384);
    /* data all over for the map */
    for (guint64 at = 16384; at < DISK_BYTES; at += 32768)
        disk_fill(fs, "disk", at, 0, 16384);
    for (guint64 sparse = 512; sparse <= 65536; sparse *= 2) {
        g_autoptr(SinterFs) record = sinter_fs_record_new(fs);
        SinterConvertOptions options = { .sparse_bytes = sparse };

        g_assert_true(convert(record, "disk", "copy", &options, NULL));
        assert_copy(fs, "disk", "copy");
        g_assert_cmpuint(written_bytes(sinter_fs_record_get_log(record)), ==,
                         sparse <= 16384 ? DISK_BYTES / 2 : DISK_BYTES);
    }
}

static void
test_existing(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    SinterConvertOptions options = { .flags = SINTER_CONVERT_EXISTING };
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) before = NULL;
    g_autoptr(GBytes) after = NULL;
    const guint8 *bytes;

    make_sources(fs);
    g_assert_false(convert(fs, "top", "copy", &options, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
    g_clear_error(&error);

    /* too small, and so not touched */
    disk_make_raw(fs, "small", 0);
    disk_fill(fs, "small", 0, 9, DISK_BYTES);
    before = disk_file(fs, "small");
    g_assert_false(convert(fs, "top", "small", &options, &error));
    g_assert_cmpstr(error->message, ==, "output file is smaller than input file");
    after = disk_file(fs, "small");
    g_assert_true(g_bytes_equal(before, after));
    g_clear_pointer(&after, g_bytes_unref);

    /* full of what must go where the disk is zero, and stay behind its end */
    disk_make_raw(fs, "large", 0);
    disk_fill(fs, "large", 0, 9, 2 * DISK_BYTES);
    g_assert_true(convert(fs, "top", "large", &options, NULL));
    after = disk_file(fs, "large");
    bytes = g_bytes_get_data(after, NULL);
    g_assert_cmpuint(g_bytes_get_size(after), ==, 2 * DISK_BYTES);
    g_assert_cmpuint(bytes[CLUSTER], ==, 0);
    g_assert_cmpuint(bytes[6 * CLUSTER + 1], ==, 0);
    g_assert_cmpuint(bytes[DISK_BYTES + 1535], ==, 5);
    g_assert_cmpuint(bytes[DISK_BYTES + 1536], ==, 9);
}

static void
test_target_is_zero(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    SinterConvertOptions options = { .flags =
                                         SINTER_CONVERT_EXISTING | SINTER_CONVERT_TARGET_IS_ZERO };
    g_autoptr(GBytes) after = NULL;
    const guint8 *bytes;

    make_sources(fs);
    disk_make_raw(fs, "copy", DISK_BYTES + 1536);
    g_assert_true(convert(fs, "top", "copy", &options, NULL));
    assert_copy(fs, "top", "copy");
    /* believed, even where it is not true */
    disk_fill(fs, "copy", CLUSTER, 9, 1);
    g_assert_true(convert(fs, "top", "copy", &options, NULL));
    after = disk_file(fs, "copy");
    bytes = g_bytes_get_data(after, NULL);
    g_assert_cmpuint(bytes[CLUSTER], ==, 9);
}

static void
test_several(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    SinterConvertOptions options = { .fs = fs };
    SinterChain *chains[3];
    g_autoptr(GByteArray) expected = g_byte_array_new();
    g_autoptr(GBytes) found = NULL;

    make_sources(fs);
    disk_make_raw(fs, "nothing", 0);
    chains[0] = disk_open(fs, "top");
    chains[1] = disk_open(fs, "nothing");
    chains[2] = disk_open(fs, "base");
    for (guint i = 0; i < 3; i++) {
        g_autoptr(GBytes) part = disk_content(chains[i]);

        if (g_bytes_get_size(part) > 0)
            g_byte_array_append(expected, g_bytes_get_data(part, NULL),
                                (guint)g_bytes_get_size(part));
    }
    g_assert_true(sinter_convert_to_image(chains, 3, "copy", &raw, &options, NULL));
    found = disk_file(fs, "copy");
    g_assert_cmpmem(g_bytes_get_data(found, NULL), g_bytes_get_size(found), expected->data,
                    expected->len);
    for (guint i = 0; i < 3; i++)
        sinter_chain_free(chains[i]);
}

/* No member of the chain may be written to, however it is spelled. */
static void
test_onto_itself(void)
{
    static const char *const targets[] = { "top", "base" };
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();

    make_sources(fs);
    for (gsize i = 0; i < G_N_ELEMENTS(targets); i++) {
        g_autoptr(GBytes) before = disk_file(fs, targets[i]);
        g_autoptr(GBytes) after = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_false(convert(fs, "top", targets[i], NULL, &error));
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_LOCKED);
        after = disk_file(fs, targets[i]);
        g_assert_true(g_bytes_equal(before, after));
    }
}

static gboolean
was_renamed(GPtrArray *log)
{
    for (guint i = 0; i < log->len; i++) {
        if (((const SinterRecord *)g_ptr_array_index(log, i))->kind == SINTER_RECORD_RENAME)
            return TRUE;
    }
    return FALSE;
}

static const SinterCreateOptions allocated_raw = { .format = "raw",
                                                   .preallocation = SINTER_PREALLOCATION_FALLOC };

/* Each call fails once: the target is then what it was, and nothing is left beside it. */
static void
test_faults(gconstpointer was_there)
{
    guint n_failures = 0;

    for (guint64 nth = 1;; nth++) {
        g_autoptr(SinterFs) files = sinter_fs_new_memory();
        g_autoptr(SinterFs) record = sinter_fs_record_new(files);
        g_autoptr(SinterFs) fs = sinter_fs_fault_new(record);
        SinterConvertOptions options = { .fs = fs, .n_threads = 2 };
        g_autoptr(SinterChain) chain = NULL;
        g_autoptr(GError) error = NULL;

        make_sources(files);
        if (was_there)
            disk_fill((disk_make_raw(files, "copy", 100), files), "copy", 0, 9, 100);
        chain = disk_open(fs, "top");
        sinter_fs_fault_arm(fs, SINTER_FAULT_ALL, SINTER_FAULT_EIO, nth, FALSE);
        if (sinter_convert_to_image(&chain, 1, "copy", &allocated_raw, &options, &error)) {
            assert_copy(files, "top", "copy");
            if (sinter_fs_fault_get_count(fs) < nth)
                break;
            continue;
        }
        n_failures++;
        g_assert_nonnull(error);
        g_assert_cmpuint(disk_count_hidden(files), ==, 0);
        if (was_renamed(sinter_fs_record_get_log(record))) {
            /* whole, only not known to be durable */
            assert_copy(files, "top", "copy");
            continue;
        }
        g_assert_cmpint(exists(files, "copy"), ==, was_there != NULL);
        if (was_there) {
            g_autoptr(GBytes) bytes = disk_file(files, "copy");

            g_assert_cmpuint(g_bytes_get_size(bytes), ==, 100);
            g_assert_cmpuint(*(const guint8 *)g_bytes_get_data(bytes, NULL), ==, 9);
        }
    }
    g_assert_cmpuint(n_failures, >, 10);
}

/* The name comes last: written, flushed, renamed, and the folder synced. */
static void
test_durable(void)
{
    g_autoptr(SinterFs) files = sinter_fs_new_memory();
    g_autoptr(SinterFs) fs = sinter_fs_record_new(files);
    GPtrArray *log = sinter_fs_record_get_log(fs);
    const SinterRecord *last[3];

    make_sources(files);
    g_assert_true(convert(fs, "top", "copy", NULL, NULL));
    for (guint i = 0; i < 3; i++)
        last[i] = g_ptr_array_index(log, log->len - 3 + i);
    g_assert_cmpint(last[0]->kind, ==, SINTER_RECORD_FLUSH);
    g_assert_cmpint(last[1]->kind, ==, SINTER_RECORD_RENAME);
    g_assert_cmpstr(last[1]->to, ==, "copy");
    g_assert_cmpint(last[2]->kind, ==, SINTER_RECORD_SYNC_FOLDER);
    for (guint i = 0; i < log->len; i++)
        g_assert_cmpstr(((const SinterRecord *)g_ptr_array_index(log, i))->path, !=, "top");
}

typedef struct {
    guint n;
    guint64 first;
    guint64 bytes;
} Salvaged;

static void
note_salvaged(guint64 offset, guint64 length, const GError *error, gpointer user_data)
{
    Salvaged *self = user_data;

    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    self->first = self->n++ ? MIN(self->first, offset) : offset;
    self->bytes += length;
}

/* Data and a table that lie beyond the end of the file: what they held is zeros, the rest is had.
 */
static void
test_salvage(void)
{
    const BuildOptions options = { .virtual_size = DISK_BYTES, .cluster_bits = 12 };
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    Salvaged salvaged = { 0 };
    SinterConvertOptions how = { .flags = SINTER_CONVERT_SALVAGE,
                                 .salvaged = note_salvaged,
                                 .salvaged_data = &salvaged };
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) found = NULL;
    const guint8 *bytes;
    Build build;

    build_begin(&build, fs, "torn", &options);
    for (guint64 at = 0; at < 16; at++)
        build_map(&build, at * 4096, (SinterQcow2L2Entry){ build_data(&build, (guint8)at + 1), 0 });
    build_map(&build, 5 * 4096, (SinterQcow2L2Entry){ build.end + (1 << 20), 0 });
    /* an L2 table maps 2 MiB */
    build_poke64(&build, build.l1_offset + 8, build.end + (2 << 20));
    build_end(&build);
    g_assert_false(convert(fs, "torn", "copy", NULL, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    g_assert_false(exists(fs, "copy"));

    g_assert_true(convert(fs, "torn", "copy", &how, NULL));
    found = disk_file(fs, "copy");
    bytes = g_bytes_get_data(found, NULL);
    for (guint64 at = 0; at < 16; at++)
        g_assert_cmpuint(bytes[at * 4096], ==, at == 5 ? 0 : at + 1);
    g_assert_cmpuint(salvaged.first, ==, 5 * 4096);
    g_assert_cmpuint(salvaged.bytes, ==, 4096 + DISK_BYTES / 2);
}

static void
test_cancel(void)
{
    g_autoptr(SinterFs) files = sinter_fs_new_memory();
    g_autoptr(SinterFs) fs = sinter_fs_record_new(files);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    SinterConvertOptions options = { .cancellable = cancellable };
    g_autoptr(GError) error = NULL;

    make_sources(files);
    g_cancellable_cancel(cancellable);
    g_assert_false(convert(fs, "top", "copy", &options, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CANCELLED);
    g_assert_false(exists(files, "copy"));
    g_assert_cmpuint(disk_count_hidden(fs), ==, 0);
}

/* As much as the rate allows and no faster. */
static void
test_rate(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    SinterConvertOptions options = { .rate_bytes_per_sec = 16 * 1024 * 1024 };
    gint64 began_usec = g_get_monotonic_time();

    disk_make_raw(fs, "disk", DISK_BYTES);
    disk_fill(fs, "disk", 0, 1, DISK_BYTES);
    g_assert_true(convert(fs, "disk", "copy", &options, NULL));
    assert_copy(fs, "disk", "copy");
    g_assert_cmpint(g_get_monotonic_time() - began_usec, >=, G_USEC_PER_SEC / 4);
}

typedef struct {
    int fd;
    GByteArray *bytes;
} Drain;

static gpointer
drain(gpointer data)
{
    Drain *self = data;
    guint8 buf[4096];
    ssize_t n;

    while ((n = read(self->fd, buf, sizeof buf)) > 0)
        g_byte_array_append(self->bytes, buf, (guint)n);
    close(self->fd);
    return NULL;
}

static void
test_stream(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(GBytes) expected = NULL;
    SinterConvertOptions options = { .n_threads = 4, .flags = SINTER_CONVERT_UNORDERED };
    Drain drained;
    GThread *thread;
    int ends[2];

    make_sources(fs);
    chain = disk_open(fs, "top");
    expected = disk_content(chain);
    g_assert_cmpint(pipe(ends), ==, 0);
    drained = (Drain){ ends[0], g_byte_array_new() };
    thread = g_thread_new("drain", drain, &drained);
    g_assert_true(sinter_convert_to_stream(&chain, 1, ends[1], "pipe", &options, NULL));
    close(ends[1]);
    g_thread_join(thread);
    g_assert_cmpmem(drained.bytes->data, drained.bytes->len, g_bytes_get_data(expected, NULL),
                    g_bytes_get_size(expected));
    g_byte_array_unref(drained.bytes);
}

static void
test_stream_closed(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(GError) error = NULL;
    int ends[2];

    make_sources(fs);
    chain = disk_open(fs, "top");
    g_assert_cmpint(pipe(ends), ==, 0);
    close(ends[0]);
    g_assert_false(sinter_convert_to_stream(&chain, 1, ends[1], "pipe", NULL, &error));
    g_assert_cmpstr(error->message, ==,
                    "error while writing at byte 0: writing 'pipe': Broken pipe");
    close(ends[1]);
}

int
main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/convert/plain/1", GUINT_TO_POINTER(1), test_plain);
    g_test_add_data_func("/convert/plain/2", GUINT_TO_POINTER(2), test_plain);
    g_test_add_data_func("/convert/plain/8", GUINT_TO_POINTER(8), test_plain);
    g_test_add_func("/convert/unordered", test_unordered);
    g_test_add_func("/convert/full", test_full);
    g_test_add_func("/convert/sparse-bytes", test_sparse_bytes);
    g_test_add_func("/convert/existing", test_existing);
    g_test_add_func("/convert/target-is-zero", test_target_is_zero);
    g_test_add_func("/convert/several", test_several);
    g_test_add_func("/convert/onto-itself", test_onto_itself);
    g_test_add_data_func("/convert/faults/new", NULL, test_faults);
    g_test_add_data_func("/convert/faults/replaced", "there", test_faults);
    g_test_add_func("/convert/durable", test_durable);
    g_test_add_func("/convert/salvage", test_salvage);
    g_test_add_func("/convert/cancel", test_cancel);
    g_test_add_func("/convert/rate", test_rate);
    g_test_add_func("/convert/stream", test_stream);
    g_test_add_func("/convert/stream-closed", test_stream_closed);
    return g_test_run();
}
