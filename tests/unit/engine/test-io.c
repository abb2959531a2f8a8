/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The I/O drivers: what holds for one holds for all, so the same table of cases runs over the
 * host's files and those in memory; then what only one has (roots, faults, the record, locks).
 */

#include "io/sinter-fs-fault.h"
#include "io/sinter-fs-record.h"
#include "io/sinter-io.h"
#include "io/sinter-lock.h"
#include "sinter-error.h"
#include "sinter-file.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char *folder;
    SinterFs *fs;
} Place;

static char *
place_path(Place *place, const char *name)
{
    return g_build_filename(place->folder, name, NULL);
}

static void
place_set_up(Place *place, gconstpointer memory)
{
    g_autoptr(GError) error = NULL;

    place->folder = g_dir_make_tmp("sinter-io-XXXXXX", &error);
    g_assert_no_error(error);
    place->fs = memory ? sinter_fs_new_memory() : sinter_fs_new_host(NULL, &error);
    g_assert_no_error(error);
}

static void
place_tear_down(Place *place, gconstpointer memory)
{
    g_autoptr(GDir) dir = g_dir_open(place->folder, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = place_path(place, name);

        if (g_remove(path) < 0)
            g_test_message("'%s' stays behind", path);
    }
    g_rmdir(place->folder);
    sinter_fs_unref(place->fs);
    g_free(place->folder);
}

static SinterIo *
must_open(SinterFs *fs, const char *path, SinterIoFlags flags)
{
    g_autoptr(GError) error = NULL;
    SinterIo *io = sinter_fs_open(fs, path, flags, &error);

    g_assert_no_error(error);
    return io;
}

static void
must_write(SinterIo *io, guint64 offset, const char *text)
{
    g_autoptr(GError) error = NULL;

    sinter_io_write(io, offset, text, strlen(text), &error);
    g_assert_no_error(error);
}

static void
assert_reads(SinterIo *io, guint64 offset, const char *text)
{
    g_autoptr(GError) error = NULL;
    gsize len = strlen(text);
    g_autofree char *buf = g_malloc0(len + 1);

    sinter_io_read(io, offset, buf, len, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(buf, ==, text);
}

static void
test_read_write(Place *place, gconstpointer memory)
{
    g_autofree char *path = place_path(place, "a");
    g_autoptr(SinterIo) io = must_open(place->fs, path, SINTER_IO_CREATE);
    g_autoptr(SinterIo) reader = NULL;
    g_autoptr(GError) error = NULL;
    guint8 buf[16] = { 1, 2, 3 };
    gsize n = 99;
    SinterIoStat st;

    must_write(io, 70000, "hello");
    must_write(io, 65534, "abcd");
    g_assert_true(sinter_io_flush(io, &error));
    reader = must_open(place->fs, path, SINTER_IO_READ);
    assert_reads(reader, 65534, "abcd");
    g_assert_true(sinter_io_stat(reader, &st, &error));
    g_assert_cmpuint(st.size_bytes, ==, 70005);
    g_assert_true(sinter_io_read_some(reader, 70003, buf, 16, &n, &error));
    g_assert_cmpuint(n, ==, 2);
    g_assert_true(sinter_io_read_padded(reader, 70003, buf, 4, &error));
    g_assert_cmpmem(buf, 4, "lo\0\0", 4);
    g_assert_true(sinter_io_read_padded(reader, G_GUINT64_CONSTANT(1) << 60, buf, 4, &error));
    g_assert_cmpmem(buf, 4, "\0\0\0\0", 4);
    g_assert_false(sinter_io_read(reader, 70003, buf, 4, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    g_clear_error(&error);
    g_assert_false(sinter_io_read(reader, G_MAXUINT64 - 2, buf, 4, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    g_clear_error(&error);
    g_assert_false(sinter_io_write(reader, 0, "x", 1, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED);
}

static void
test_holes(Place *place, gconstpointer memory)
{
    g_autofree char *path = place_path(place, "a");
    g_autoptr(SinterIo) io = must_open(place->fs, path, SINTER_IO_CREATE);
    g_autoptr(GError) error = NULL;
    SinterIoExtent extent;

    g_assert_true(sinter_io_truncate(io, 1 << 20, &error));
    must_write(io, 524288, "data");
    g_assert_true(sinter_io_extent(io, 0, G_MAXINT64, &extent, &error));
    g_assert_true(extent.is_hole);
    g_assert_cmpuint(extent.length_bytes, ==, 524288);
    g_assert_true(sinter_io_extent(io, 524290, G_MAXINT64 - 524290, &extent, &error));
    g_assert_false(extent.is_hole);
    g_assert_cmpuint(extent.length_bytes, <=, 65534);
    g_assert_true(sinter_io_extent(io, 2 << 20, 77, &extent, &error));
    g_assert_true(extent.is_hole);
    g_assert_cmpuint(extent.length_bytes, ==, 77);
    /* in part, then whole; never beyond the end */
    g_assert_true(sinter_io_discard(io, 524289, 2, &error));
    assert_reads(io, 524291, "a");
    g_assert_true(sinter_io_discard(io, 524288, G_MAXINT64 - 524288, &error));
    g_assert_true(sinter_io_extent(io, 0, G_MAXINT64, &extent, &error));
    g_assert_true(extent.is_hole);
    g_assert_cmpuint(extent.length_bytes, >=, 1 << 20); /* beyond the end all is hole, too */
    must_write(io, 1000, "tail");
    g_assert_true(sinter_io_truncate(io, 1001, &error));
    g_assert_true(sinter_io_truncate(io, 2000, &error));
    assert_reads(io, 1000, "t");
    g_assert_false(sinter_io_truncate(io, G_MAXUINT64, &error));
}

static void
test_names(Place *place, gconstpointer memory)
{
    g_autofree char *a = place_path(place, "a");
    g_autofree char *b = place_path(place, "b");
    g_autoptr(SinterIo) io = must_open(place->fs, a, SINTER_IO_CREATE);
    g_autoptr(SinterIo) again = NULL;
    g_autoptr(GError) error = NULL;
    SinterIoStat st1;
    SinterIoStat st2;

    must_write(io, 0, "one");
    g_assert_null(sinter_fs_open(place->fs, a, SINTER_IO_CREATE, &error));
    g_clear_error(&error);
    g_assert_null(sinter_fs_open(place->fs, b, SINTER_IO_READ, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_true(sinter_fs_rename(place->fs, a, b, TRUE, &error));
    g_assert_true(sinter_fs_sync_folder(place->fs, b, &error));
    again = must_open(place->fs, b, SINTER_IO_READ);
    g_assert_true(sinter_io_stat(io, &st1, &error) && sinter_io_stat(again, &st2, &error));
    g_assert_true(st1.device == st2.device && st1.inode == st2.inode);
    g_assert_true(sinter_fs_remove(place->fs, b, &error));
    assert_reads(again, 0, "one");
    g_clear_pointer(&again, sinter_io_unref);
    again = must_open(place->fs, a, SINTER_IO_CREATE);
    must_write(again, 0, "two");
    sinter_io_unref(must_open(place->fs, b, SINTER_IO_CREATE));
    g_assert_false(sinter_fs_rename(place->fs, a, b, FALSE, &error));
    g_assert_nonnull(strstr(error->message, "File exists"));
    g_clear_error(&error);
    g_assert_true(sinter_fs_remove(place->fs, b, &error));
    g_assert_true(sinter_fs_rename(place->fs, a, b, FALSE, &error));
    g_assert_true(sinter_fs_remove(place->fs, b, &error));
    assert_reads(again, 0, "two");
    g_assert_false(sinter_fs_remove(place->fs, b, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
}

static void
test_direct(Place *place, gconstpointer memory)
{
    g_autofree char *path = place_path(place, "a");
    g_autoptr(SinterIo) io = must_open(place->fs, path, SINTER_IO_CREATE | SINTER_IO_DIRECT);
    g_autoptr(GError) error = NULL;
    guint8 *aligned = aligned_alloc(4096, 8192);

    memset(aligned, 'x', 8192);
    g_assert_true(sinter_io_write(io, 4096, aligned, 8192, &error));
    must_write(io, 4100, "abc");
    memset(aligned, 0, 8192);
    /* aligned, and over the end of the file */
    g_assert_true(sinter_io_read_padded(io, 8192, aligned, 8192, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(aligned[4095], ==, 'x');
    g_assert_cmpuint(aligned[4096], ==, 0);
    assert_reads(io, 4099, "xabcx");
    free(aligned);
}

static guint
count_names(SinterFs *fs, const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) names = sinter_fs_list(fs, path, &error);
    guint n = 0;

    g_assert_no_error(error);
    for (guint i = 0; i < names->len; i++)
        n += !g_str_has_prefix(g_ptr_array_index(names, i), ".");
    return n;
}

/* It is there for who has it open, and under its name when it gets one. */
static void
test_unnamed(Place *place, gconstpointer memory)
{
    g_autofree char *path = place_path(place, "a");
    g_autofree char *other = place_path(place, "b");
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterIo) io = sinter_fs_open_unnamed(place->fs, path, SINTER_IO_READ, &error);
    g_autoptr(SinterIo) reader = NULL;
    SinterIoStat here;
    SinterIoStat there;

    if (!io) {
        g_test_skip(error->message);
        return;
    }
    g_assert_cmpuint(count_names(place->fs, path), ==, 0);
    must_write(io, 0, "text");
    assert_reads(io, 0, "text");
    g_assert_true(sinter_io_lock(io, SINTER_IO_LOCK_ALONE, &error));
    g_assert_true(sinter_fs_link(place->fs, io, path, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(count_names(place->fs, other), ==, 1);
    reader = must_open(place->fs, path, SINTER_IO_READ);
    assert_reads(reader, 0, "text");
    g_assert_true(sinter_io_stat(io, &here, NULL) && sinter_io_stat(reader, &there, NULL));
    g_assert_cmpuint(here.inode, ==, there.inode);
    /* the name must be free */
    sinter_io_unref(must_open(place->fs, other, SINTER_IO_CREATE));
    g_clear_pointer(&io, sinter_io_unref);
    io = sinter_fs_open_unnamed(place->fs, path, SINTER_IO_READ, NULL);
    g_assert_false(sinter_fs_link(place->fs, io, other, &error));
    g_assert_nonnull(error);
}

static void
test_refused(Place *place, gconstpointer memory)
{
    g_autofree char *pipe_path = place_path(place, "pipe");
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(mkfifo(pipe_path, 0600), ==, 0);
    g_assert_null(sinter_fs_open(place->fs, pipe_path, SINTER_IO_READ, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    g_assert_null(sinter_fs_open(place->fs, place->folder, SINTER_IO_READ, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
}

static void
test_roots(Place *place, gconstpointer memory)
{
    const char *roots[] = { place->folder, NULL };
    const char *wrong[] = { "relative", NULL };
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterFs) fs = sinter_fs_new_host(roots, &error);
    g_autofree char *inside = place_path(place, "in");
    g_autofree char *link = place_path(place, "link");
    g_autofree char *link_out = place_path(place, "link-out");
    g_autofree char *up = g_strdup_printf("%s/../../etc/passwd", place->folder);
    g_autofree char *sibling = g_strconcat(place->folder, "x", NULL);

    g_assert_no_error(error);
    sinter_io_unref(must_open(fs, inside, SINTER_IO_CREATE));
    g_assert_cmpint(symlink("in", link), ==, 0);
    g_assert_cmpint(symlink("/etc/passwd", link_out), ==, 0);
    sinter_io_unref(must_open(fs, link, SINTER_IO_WRITE));
    for (const char *const *path =
             (const char *const[]){ link_out, up, "/etc/passwd", sibling, NULL };
         *path; path++) {
        g_assert_null(sinter_fs_open(fs, *path, SINTER_IO_READ, &error));
        g_assert_true(error->code == SINTER_ERROR_NOT_AUTHORIZED ||
                      error->code == SINTER_ERROR_NOT_FOUND);
        g_clear_error(&error);
    }
    g_assert_false(sinter_fs_rename(fs, inside, sibling, TRUE, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED);
    g_clear_error(&error);
    g_assert_null(sinter_fs_new_host(wrong, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
}

static void
test_fd(Place *place, gconstpointer memory)
{
    g_autofree char *path = place_path(place, "a");
    g_auto(SinterFd) fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    g_auto(SinterFd) reading = open(path, O_RDONLY | O_CLOEXEC);
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterIo) io = sinter_io_new_fd(fd, "named", SINTER_IO_WRITE, &error);

    g_assert_no_error(error);
    sinter_fd_clear(&fd);
    must_write(io, 0, "text");
    assert_reads(io, 0, "text");
    g_assert_cmpstr(sinter_io_get_path(io), ==, "named");
    /* no file of that name: what was handed in counts */
    g_assert_true(sinter_io_lock(io, SINTER_IO_LOCK_ALONE, &error));
    g_assert_null(sinter_io_new_fd(reading, "named", SINTER_IO_WRITE, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
}

/* Every call fails once; the one before and the one after it do not. */
static void
test_fault(void)
{
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) fs = sinter_fs_fault_new(memory);
    g_autoptr(SinterIo) io = must_open(fs, "a", SINTER_IO_CREATE);
    g_autoptr(GError) error = NULL;
    char buf[4] = { 0 };

    must_write(io, 0, "abcd");
    must_write(io, 510, "abcd");
    sinter_fs_fault_arm(fs, SINTER_FAULT_READ, SINTER_FAULT_EIO, 2, FALSE);
    assert_reads(io, 0, "abcd");
    g_assert_false(sinter_io_read(io, 0, buf, 4, &error));
    g_assert_nonnull(strstr(error->message, "Input/output error"));
    g_clear_error(&error);
    assert_reads(io, 0, "abcd");
    g_assert_cmpuint(sinter_fs_fault_get_count(fs), ==, 3);
    /* a short read inside the file is not taken for its end */
    sinter_fs_fault_arm(fs, SINTER_FAULT_READ, SINTER_FAULT_SHORT, 1, FALSE);
    g_assert_false(sinter_io_read_padded(io, 0, buf, 4, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_SHORT_READ);
    g_clear_error(&error);
    sinter_fs_fault_arm(fs, SINTER_FAULT_WRITE, SINTER_FAULT_SHORT, 1, FALSE);
    g_assert_false(sinter_io_write(io, 510, "WXYZ", 4, &error));
    g_clear_error(&error);
    assert_reads(io, 510, "WXcd");
    sinter_fs_fault_arm(fs, SINTER_FAULT_WRITE | SINTER_FAULT_FLUSH, SINTER_FAULT_ENOSPC, 1, TRUE);
    g_assert_false(sinter_io_write(io, 0, "....", 4, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE);
    g_clear_error(&error);
    g_assert_false(sinter_io_flush(io, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE);
    g_clear_error(&error);
    assert_reads(io, 510, "WXcd");
    sinter_fs_fault_arm(fs, SINTER_FAULT_OPEN, SINTER_FAULT_EIO, 1, FALSE);
    g_assert_null(sinter_fs_open(fs, "a", SINTER_IO_READ, &error));
}

static void
test_record(void)
{
    static const SinterRecordKind kinds[] = {
        SINTER_RECORD_CREATE,   SINTER_RECORD_CREATE, SINTER_RECORD_WRITE,
        SINTER_RECORD_TRUNCATE, SINTER_RECORD_WRITE,  SINTER_RECORD_FLUSH,
        SINTER_RECORD_DISCARD,  SINTER_RECORD_RENAME, SINTER_RECORD_SYNC_FOLDER,
        SINTER_RECORD_REMOVE,
    };
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) fs = sinter_fs_record_new(memory);
    g_autoptr(SinterIo) a = must_open(fs, "a", SINTER_IO_CREATE);
    g_autoptr(SinterIo) b = must_open(fs, "b", SINTER_IO_CREATE);
    g_autoptr(GError) error = NULL;
    GPtrArray *log = sinter_fs_record_get_log(fs);
    const SinterRecord *record;

    must_write(a, 5, "abc");
    g_assert_true(sinter_io_truncate(b, 100, &error));
    must_write(b, 0, "x");
    g_assert_false(sinter_io_write(a, G_MAXUINT64, "x", 1, NULL)); /* failed: not recorded */
    g_assert_true(sinter_io_flush(a, &error));
    g_assert_true(sinter_io_discard(a, 0, 2, &error));
    g_assert_true(sinter_fs_rename(fs, "a", "c", TRUE, &error));
    g_assert_true(sinter_fs_sync_folder(fs, "c", &error));
    g_assert_true(sinter_fs_remove(fs, "b", &error));
    g_assert_no_error(error);
    g_assert_cmpuint(log->len, ==, G_N_ELEMENTS(kinds));
    for (guint i = 0; i < log->len; i++)
        g_assert_cmpint(((SinterRecord *)g_ptr_array_index(log, i))->kind, ==, kinds[i]);
    record = g_ptr_array_index(log, 2);
    g_assert_cmpstr(record->path, ==, "a");
    g_assert_cmpuint(record->offset, ==, 5);
    g_assert_cmpmem(g_bytes_get_data(record->data, NULL), g_bytes_get_size(record->data), "abc", 3);
    record = g_ptr_array_index(log, 7);
    g_assert_cmpstr(record->to, ==, "c");
    g_assert_cmpuint(((SinterRecord *)g_ptr_array_index(log, 5))->inode, ==,
                     ((SinterRecord *)g_ptr_array_index(log, 0))->inode);
}

/* What was flushed without a name counts as not flushed. */
static void
test_record_unnamed(void)
{
    static const SinterRecordKind kinds[] = { SINTER_RECORD_WRITE, SINTER_RECORD_LINK,
                                              SINTER_RECORD_FLUSH };
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) fs = sinter_fs_record_new(memory);
    g_autoptr(SinterIo) io = sinter_fs_open_unnamed(fs, "a", SINTER_IO_READ, NULL);
    GPtrArray *log = sinter_fs_record_get_log(fs);

    must_write(io, 5, "abc");
    g_assert_true(sinter_io_flush(io, NULL));
    g_assert_true(sinter_fs_link(fs, io, "b", NULL));
    g_assert_true(sinter_io_flush(io, NULL));
    g_assert_cmpuint(log->len, ==, G_N_ELEMENTS(kinds));
    for (guint i = 0; i < log->len; i++) {
        const SinterRecord *record = g_ptr_array_index(log, i);

        g_assert_cmpint(record->kind, ==, kinds[i]);
        g_assert_cmpuint(record->inode, ==, ((SinterRecord *)g_ptr_array_index(log, 0))->inode);
    }
    g_assert_cmpstr(((SinterRecord *)g_ptr_array_index(log, 1))->path, ==, "b");
}

/* Which second claim is allowed beside a first one. */
static void
test_lock_table(Place *place, gconstpointer memory)
{
    static const struct {
        SinterIoLock first;
        SinterIoLock second;
        gboolean both;
    } table[] = {
        { SINTER_IO_LOCK_NONE, SINTER_IO_LOCK_ALONE, TRUE },
        { SINTER_IO_LOCK_SHARED, SINTER_IO_LOCK_SHARED, TRUE },
        { SINTER_IO_LOCK_SHARED, SINTER_IO_LOCK_WRITE, FALSE },
        { SINTER_IO_LOCK_SHARED, SINTER_IO_LOCK_ALONE, FALSE },
        { SINTER_IO_LOCK_WRITE, SINTER_IO_LOCK_SHARED, FALSE },
        { SINTER_IO_LOCK_WRITE, SINTER_IO_LOCK_WRITE, FALSE },
        { SINTER_IO_LOCK_ALONE, SINTER_IO_LOCK_SHARED, FALSE },
    };
    g_autofree char *path = place_path(place, "a");
    g_autofree char *self = g_strdup_printf("process %d (", getpid());

    sinter_io_unref(must_open(place->fs, path, SINTER_IO_CREATE));
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(SinterIo) a = must_open(place->fs, path, SINTER_IO_WRITE);
        g_autoptr(SinterIo) b = must_open(place->fs, path, SINTER_IO_WRITE);
        g_autoptr(SinterIo) c = must_open(place->fs, path, SINTER_IO_READ | SINTER_IO_NO_LOCK);
        g_autoptr(GError) error = NULL;

        g_assert_true(sinter_io_lock(a, table[i].first, &error));
        g_assert_true(sinter_io_lock(b, table[i].second, &error) == table[i].both);
        g_assert_true(sinter_io_lock(c, SINTER_IO_LOCK_ALONE, NULL));
        if (table[i].both)
            continue;
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_LOCKED);
        g_assert_nonnull(strstr(error->message, self));
        g_clear_error(&error);
        /* what failed left nothing behind, and what is given up is free */
        g_assert_true(sinter_io_lock(a, SINTER_IO_LOCK_NONE, &error));
        g_assert_true(sinter_io_lock(b, table[i].second, &error));
        g_assert_no_error(error);
    }
}

static void
test_lock_switch(Place *place, gconstpointer memory)
{
    g_autofree char *path = place_path(place, "a");
    g_autofree char *other = place_path(place, "b");
    g_autoptr(SinterIo) a = must_open(place->fs, path, SINTER_IO_CREATE);
    g_autoptr(SinterIo) b = must_open(place->fs, path, SINTER_IO_WRITE);
    g_autoptr(GPtrArray) holders = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(sinter_io_lock(a, SINTER_IO_LOCK_SHARED, &error));
    g_assert_true(sinter_io_lock(b, SINTER_IO_LOCK_SHARED, &error));
    g_assert_false(sinter_io_lock(a, SINTER_IO_LOCK_ALONE, &error));
    g_clear_error(&error);
    /* the former lock stands: b cannot write either */
    g_assert_false(sinter_io_lock(b, SINTER_IO_LOCK_WRITE, &error));
    g_clear_error(&error);
    g_assert_true(sinter_io_lock(b, SINTER_IO_LOCK_NONE, &error));
    g_assert_true(sinter_io_lock(a, SINTER_IO_LOCK_ALONE, &error));
    g_assert_true(sinter_io_lock(a, SINTER_IO_LOCK_SHARED, &error));
    holders = sinter_lock_list(path, &error);
    g_assert_cmpuint(holders->len, ==, 1);
    g_assert_cmpuint(((SinterLockHolder *)g_ptr_array_index(holders, 0))->uses, ==, 1);
    g_assert_cmpuint(((SinterLockHolder *)g_ptr_array_index(holders, 0))->unshared, ==, 10);
    /* a name that means another file by now */
    g_assert_true(sinter_io_lock(a, SINTER_IO_LOCK_NONE, &error));
    g_assert_true(sinter_fs_rename(place->fs, path, other, TRUE, &error));
    g_assert_false(sinter_io_lock(a, SINTER_IO_LOCK_SHARED, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED);
}

/*
 * Bulk that passes by the page cache, between writes that do not: each sees the other. What is
 * short or not aligned goes the common way.
 */
static void
test_overwrite(Place *place, gconstpointer memory)
{
    const gsize part = 64 * 1024;
    g_autofree char *path = place_path(place, "a");
    g_autoptr(SinterIo) io = must_open(place->fs, path, SINTER_IO_CREATE);
    g_autoptr(SinterIo) reader = NULL;
    g_autoptr(GError) error = NULL;
    guint8 *bulk = g_aligned_alloc(3, part, 4096);
    guint8 *got = g_malloc(3 * part);

    memset(bulk, 'a', 3 * part);
    g_assert_true(sinter_io_write(io, 0, bulk, 3 * part, NULL));
    memset(bulk, 'b', 3 * part);
    for (guint i = 0; i < 3; i++) {
        guint64 at = i * (part / 2 + (i == 2 ? 3 : 0));

        g_assert_true(sinter_io_overwrite(io, at, bulk + at, part, &error));
        g_assert_no_error(error);
    }
    must_write(io, 100, "short");
    g_assert_true(sinter_io_overwrite(io, 200, "text", 4, NULL));
    g_assert_true(sinter_io_flush(io, NULL));
    reader = must_open(place->fs, path, SINTER_IO_READ);
    g_assert_true(sinter_io_read(reader, 0, got, 3 * part, NULL));
    memcpy(bulk + 100, "short", 5);
    memcpy(bulk + 200, "text", 4);
    memset(bulk + 2 * part + 6, 'a', part - 6);
    g_assert_cmpmem(got, 3 * part, bulk, 3 * part);
    g_assert_false(sinter_io_overwrite(reader, 0, bulk, part, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED);
    g_aligned_free(bulk);
    g_free(got);
}

#define ADD(name, memory, func)                                                                    \
    g_test_add(name, Place, GINT_TO_POINTER(memory), place_set_up, func, place_tear_down)

/* Fills @n bytes with what tells places apart. */
static void
make_pattern(guint8 *bytes, gsize n)
{
    for (gsize i = 0; i < n; i++)
        bytes[i] = (guint8)(i / 4096 * 7 + i % 251);
}

static void
must_copy(SinterIo *to, guint64 offset, SinterIo *from, guint64 from_offset, guint64 len)
{
    g_autoptr(GError) error = NULL;

    sinter_io_copy(to, offset, from, from_offset, len, &error);
    g_assert_no_error(error);
}

/* Whole blocks, odd places, into the middle and beyond the end; asked twice, for what a file
 * system refuses is remembered. */
static void
test_copy(Place *place, gconstpointer memory)
{
    g_autofree char *from_path = place_path(place, "from");
    g_autofree char *to_path = place_path(place, "to");
    g_autoptr(SinterIo) from = must_open(place->fs, from_path, SINTER_IO_CREATE);
    g_autoptr(SinterIo) to = must_open(place->fs, to_path, SINTER_IO_CREATE);
    gsize size = 3 * 1024 * 1024;
    g_autofree guint8 *bytes = g_malloc(size);
    g_autofree guint8 *got = g_malloc0(size);
    g_autoptr(GError) error = NULL;
    SinterIoStat st;

    make_pattern(bytes, size);
    g_assert_true(sinter_io_write(from, 0, bytes, size, NULL));
    for (guint again = 0; again < 2; again++) {
        must_copy(to, 65536, from, 131072, 262144);
        must_copy(to, 1001, from, 5, 3333);
        must_copy(to, size - 5000, from, size - 4000, 4000);
        must_copy(to, 0, from, size, 0);
        g_assert_true(sinter_io_stat(to, &st, NULL));
        g_assert_cmpuint(st.size_bytes, ==, size - 1000);
        g_assert_true(sinter_io_read(to, 0, got, size - 1000, NULL));
        g_assert_cmpmem(got + 65536, 262144, bytes + 131072, 262144);
        g_assert_cmpmem(got + 1001, 3333, bytes + 5, 3333);
        g_assert_cmpmem(got + size - 5000, 4000, bytes + size - 4000, 4000);
        g_assert_cmpuint(got[1000], ==, 0);
        g_assert_cmpuint(got[1001 + 3333], ==, 0);
    }
    g_assert_false(sinter_io_copy(to, 0, from, size - 100, 101, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    g_clear_error(&error);
    g_assert_false(sinter_io_copy(to, 0, from, G_MAXUINT64 - 1, 10, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    g_clear_error(&error);
    g_clear_pointer(&to, sinter_io_unref);
    to = must_open(place->fs, to_path, SINTER_IO_READ);
    g_assert_false(sinter_io_copy(to, 0, from, 0, 10, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED);
}

/* Layers that watch see a copy as what it is made of. */
static void
test_copy_recorded(void)
{
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) record = sinter_fs_record_new(memory);
    g_autoptr(SinterIo) from = must_open(record, "from", SINTER_IO_CREATE);
    g_autoptr(SinterIo) to = must_open(record, "to", SINTER_IO_CREATE);
    GPtrArray *log = sinter_fs_record_get_log(record);
    const SinterRecord *last;
    guint8 bytes[5000];

    make_pattern(bytes, sizeof bytes);
    g_assert_true(sinter_io_write(from, 0, bytes, sizeof bytes, NULL));
    must_copy(to, 700, from, 300, 4000);
    last = g_ptr_array_index(log, log->len - 1);
    g_assert_cmpint(last->kind, ==, SINTER_RECORD_WRITE);
    g_assert_cmpstr(last->path, ==, "to");
    g_assert_cmpuint(last->offset, ==, 700);
    g_assert_cmpmem(g_bytes_get_data(last->data, NULL), g_bytes_get_size(last->data), bytes + 300,
                    4000);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/io/file/read-write", FALSE, test_read_write);
    ADD("/io/memory/read-write", TRUE, test_read_write);
    ADD("/io/file/holes", FALSE, test_holes);
    ADD("/io/memory/holes", TRUE, test_holes);
    ADD("/io/file/copy", FALSE, test_copy);
    ADD("/io/memory/copy", TRUE, test_copy);
    ADD("/io/file/names", FALSE, test_names);
    ADD("/io/memory/names", TRUE, test_names);
    ADD("/io/file/unnamed", FALSE, test_unnamed);
    ADD("/io/memory/unnamed", TRUE, test_unnamed);
    ADD("/io/file/direct", FALSE, test_direct);
    ADD("/io/file/overwrite", FALSE, test_overwrite);
    ADD("/io/memory/overwrite", TRUE, test_overwrite);
    ADD("/io/file/refused", FALSE, test_refused);
    ADD("/io/file/roots", FALSE, test_roots);
    ADD("/io/file/fd", FALSE, test_fd);
    ADD("/io/lock/table", FALSE, test_lock_table);
    ADD("/io/lock/switch", FALSE, test_lock_switch);
    g_test_add_func("/io/fault", test_fault);
    g_test_add_func("/io/record", test_record);
    g_test_add_func("/io/record-unnamed", test_record_unnamed);
    g_test_add_func("/io/copy-recorded", test_copy_recorded);
    return g_test_run();
}
