/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Files that appear whole, on a real file system: who may read them, what becomes of the file that
 * stood there before, of links and of names, what is left of runs that are gone, and that nobody's
 * file is taken away.
 */

#include "ops/make/sinter-output.h"
#include "io/sinter-fs-fault.h"
#include "sinter-error.h"
#include "sinter-file.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

typedef struct {
    char *folder;
    char *path;
    SinterFs *fs;
    mode_t umask;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    f->folder = g_dir_make_tmp("sinter-output-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "disk.raw", NULL);
    f->fs = sinter_fs_new_host(NULL, NULL);
    f->umask = umask(022);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    GDir *dir = g_dir_open(f->folder, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(f->folder, name, NULL);

        g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_dir_close(dir);
    g_assert_cmpint(g_rmdir(f->folder), ==, 0);
    umask(f->umask);
    sinter_fs_unref(f->fs);
    g_free(f->path);
    g_free(f->folder);
}

static guint
count_names(Fixture *f)
{
    g_autoptr(GDir) dir = g_dir_open(f->folder, 0, NULL);
    guint n = 0;

    while (g_dir_read_name(dir))
        n++;
    return n;
}

static struct stat
stat_of(const char *path)
{
    struct stat st;

    g_assert_cmpint(stat(path, &st), ==, 0);
    return st;
}

static void
put(const char *path, const char *text, mode_t mode)
{
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_cmpint(chmod(path, mode), ==, 0);
}

static void
assert_text(const char *path, const char *expected)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, expected);
}

/* Writes "new" to @path. @ret: what stood under the name before it was committed. */
static void
write_new(Fixture *f, const char *path, SinterOutputFlags flags, gboolean readable)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterOutput) output = sinter_output_open(f->fs, path, flags, readable, &error);

    g_assert_no_error(error);
    g_assert_true(sinter_io_write(sinter_output_get_io(output), 0, "new", 3, NULL));
    g_assert_true(sinter_output_commit(output, &error));
    g_assert_no_error(error);
}

static void
test_new(Fixture *f, gconstpointer data)
{
    write_new(f, f->path, SINTER_OUTPUT_DEFAULT, FALSE);
    g_assert_cmpint(stat_of(f->path).st_mode & 07777, ==, 0600);
    assert_text(f->path, "new");
    g_assert_cmpint(g_unlink(f->path), ==, 0);
    write_new(f, f->path, SINTER_OUTPUT_DEFAULT, TRUE);
    g_assert_cmpint(stat_of(f->path).st_mode & 07777, ==, 0644);
    g_assert_cmpint(g_unlink(f->path), ==, 0);
    umask(027);
    write_new(f, f->path, SINTER_OUTPUT_DEFAULT, TRUE);
    g_assert_cmpint(stat_of(f->path).st_mode & 07777, ==, 0640);
    g_assert_cmpuint(count_names(f), ==, 1);
}

/* A set of files that has none without a name, the next time it is asked. */
static SinterFs *
named_files(Fixture *f)
{
    SinterFs *fs = sinter_fs_fault_new(f->fs);

    sinter_fs_fault_arm(fs, SINTER_FAULT_OPEN_UNNAMED, SINTER_FAULT_EIO, 1, TRUE);
    return fs;
}

static SinterOutput *
must_begin(SinterFs *fs, const char *path)
{
    g_autoptr(GError) error = NULL;
    SinterOutput *output = sinter_output_open(fs, path, SINTER_OUTPUT_DEFAULT, FALSE, &error);

    g_assert_no_error(error);
    g_assert_true(sinter_output_is_zero(output));
    return output;
}

/* Until it is committed there is no name at all, unless one is asked for. */
static void
test_unnamed(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterIo) probe = sinter_fs_open_unnamed(f->fs, f->path, SINTER_IO_READ, NULL);
    g_autoptr(SinterOutput) output = must_begin(f->fs, f->path);
    const char *name;
    SinterIoStat st;

    if (!probe) {
        g_test_skip("this file system has no files without a name");
        return;
    }
    g_assert_cmpuint(count_names(f), ==, 0);
    g_assert_true(sinter_io_stat(sinter_output_get_io(output), &st, NULL));
    g_assert_cmpuint(st.mode, ==, 0600);
    name = sinter_output_get_name(output, NULL);
    g_assert_cmpuint(count_names(f), ==, 1);
    g_assert_cmpint(stat_of(name).st_mode & 07777, ==, 0600);
    sinter_output_free(g_steal_pointer(&output));
    g_assert_cmpuint(count_names(f), ==, 0);
}

/* Where everything has a name: there is nothing under the file's own, and nobody can read it. */
static void
test_hidden(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterFs) fs = named_files(f);
    g_autoptr(SinterOutput) output = must_begin(fs, f->path);

    g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
    g_assert_cmpint(stat_of(sinter_io_get_path(sinter_output_get_io(output))).st_mode & 07777, ==,
                    0600);
    g_assert_cmpuint(count_names(f), ==, 1);
    sinter_output_free(g_steal_pointer(&output));
    g_assert_cmpuint(count_names(f), ==, 0);
    output = must_begin(fs, f->path);
    g_assert_true(sinter_io_write(sinter_output_get_io(output), 0, "new", 3, NULL));
    g_assert_true(sinter_output_commit(output, NULL));
    assert_text(f->path, "new");
    g_assert_cmpuint(count_names(f), ==, 1);
}

/* What a run that is gone has left goes; what somebody has locked, or looks otherwise, stays. */
static void
test_swept(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *name;
        gboolean goes;
    } files[] = {
        { ".disk.raw.0123456789abcdef.part", TRUE },
        { ".disk.raw.00000000ffffffff.part", TRUE },
        { ".disk.raw.0123456789abcde.part", FALSE },
        { ".disk.raw.0123456789abcdeg.part", FALSE },
        { ".disk.raw.0123456789abcdef.parts", FALSE },
        { ".disk.0123456789abcdef.part", FALSE },
        { "disk.raw.0123456789abcdef.part", FALSE },
        { ".other.raw.0123456789abcdef.part", FALSE },
    };
    g_autofree char *used = g_build_filename(f->folder, ".disk.raw.aaaaaaaabbbbbbbb.part", NULL);
    g_autoptr(SinterIo) user = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(f->folder, files[i].name, NULL);

        put(path, "left over", 0600);
    }
    put(used, "in use", 0600);
    user = sinter_fs_open(f->fs, used, SINTER_IO_WRITE, NULL);
    g_assert_true(sinter_io_lock(user, SINTER_IO_LOCK_WRITE, NULL));
    write_new(f, f->path, SINTER_OUTPUT_DEFAULT, FALSE);
    for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(f->folder, files[i].name, NULL);

        g_test_message("%s", files[i].name);
        g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS) != files[i].goes);
    }
    assert_text(used, "in use");
    g_clear_pointer(&user, sinter_io_unref);
    write_new(f, f->path, SINTER_OUTPUT_DEFAULT, FALSE);
    g_assert_false(g_file_test(used, G_FILE_TEST_EXISTS));
    assert_text(f->path, "new");
}

/* A link of such a name leads to what is somebody's: it is not even locked. */
static void
test_swept_links(Fixture *f, gconstpointer data)
{
    g_autofree char *soft = g_build_filename(f->folder, ".disk.raw.0123456789abcdef.part", NULL);
    g_autofree char *hard = g_build_filename(f->folder, ".disk.raw.0123456789abcdee.part", NULL);
    g_autofree char *other = g_build_filename(f->folder, "other", NULL);

    put(other, "somebody's", 0600);
    g_assert_cmpint(symlink("other", soft), ==, 0);
    g_assert_cmpint(link(other, hard), ==, 0);
    write_new(f, f->path, SINTER_OUTPUT_DEFAULT, FALSE);
    assert_text(soft, "somebody's");
    assert_text(hard, "somebody's");
}

/* Makes outputs of one file, and gives them up. */
static gpointer
begin_often(gpointer data)
{
    Fixture *f = data;

    for (guint i = 0; i < 300; i++) {
        g_autoptr(SinterFs) fs = named_files(f);
        g_autoptr(SinterOutput) output = must_begin(fs, f->path);

        /* whoever sweeps meanwhile, it has its name */
        g_assert_cmpint(stat_of(sinter_output_get_name(output, NULL)).st_mode & 07777, ==, 0600);
    }
    return NULL;
}

static void
test_living(Fixture *f, gconstpointer data)
{
    GThread *threads[3];

    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("begin", begin_often, f);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    g_assert_cmpuint(count_names(f), ==, 0);
}

static void
test_replaced(Fixture *f, gconstpointer data)
{
    g_autofree char *label = NULL;
    struct stat before;
    struct stat after;
    gboolean labelled;

    put(f->path, "old content", 0620);
    labelled = setxattr(f->path, "user.sinter", "label", 5, 0) == 0;
    before = stat_of(f->path);
    {
        g_autoptr(SinterOutput) output =
            sinter_output_open(f->fs, f->path, SINTER_OUTPUT_DEFAULT, TRUE, NULL);

        g_assert_true(sinter_io_write(sinter_output_get_io(output), 0, "new", 3, NULL));
        assert_text(f->path, "old content");
    }
    /* it was given up */
    assert_text(f->path, "old content");
    g_assert_cmpuint(count_names(f), ==, 1);

    write_new(f, f->path, SINTER_OUTPUT_DEFAULT, TRUE);
    after = stat_of(f->path);
    assert_text(f->path, "new");
    g_assert_cmpuint(after.st_ino, !=, before.st_ino);
    g_assert_cmpuint(after.st_mode, ==, before.st_mode);
    g_assert_cmpuint(after.st_uid, ==, before.st_uid);
    if (labelled) {
        label = g_malloc0(16);
        g_assert_cmpint(getxattr(f->path, "user.sinter", label, 15), ==, 5);
        g_assert_cmpstr(label, ==, "label");
    } else {
        g_test_message("no extended attributes here: they were not looked at");
    }
}

/* A file under several names stays one file. */
static void
test_hard_link(Fixture *f, gconstpointer data)
{
    g_autofree char *other = g_build_filename(f->folder, "other", NULL);

    put(f->path, "old content", 0600);
    g_assert_cmpint(link(f->path, other), ==, 0);
    write_new(f, f->path, SINTER_OUTPUT_DEFAULT, FALSE);
    assert_text(f->path, "new");
    assert_text(other, "new");
    g_assert_cmpuint(stat_of(f->path).st_ino, ==, stat_of(other).st_ino);
}

/* A link goes on leading to the file. */
static void
test_symbolic_link(Fixture *f, gconstpointer data)
{
    g_autofree char *name = g_build_filename(f->folder, "link", NULL);
    g_autofree char *nowhere = g_build_filename(f->folder, "nowhere", NULL);
    g_autoptr(GError) error = NULL;

    put(f->path, "old content", 0600);
    g_assert_cmpint(symlink("disk.raw", name), ==, 0);
    write_new(f, name, SINTER_OUTPUT_DEFAULT, FALSE);
    g_assert_true(g_file_test(name, G_FILE_TEST_IS_SYMLINK));
    assert_text(f->path, "new");
    g_assert_cmpint(symlink("not-there", nowhere), ==, 0);
    g_assert_null(sinter_output_open(f->fs, nowhere, SINTER_OUTPUT_DEFAULT, FALSE, &error));
    g_assert_nonnull(strstr(error->message, "it is a link to a file that does not exist"));
}

static void
test_existing(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    ino_t inode;

    g_assert_null(sinter_output_open(f->fs, f->path, SINTER_OUTPUT_EXISTING, FALSE, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
    g_assert_cmpuint(count_names(f), ==, 0);
    put(f->path, "old content", 0600);
    inode = stat_of(f->path).st_ino;
    write_new(f, f->path, SINTER_OUTPUT_EXISTING, FALSE);
    assert_text(f->path, "new content");
    g_assert_cmpuint(stat_of(f->path).st_ino, ==, inode);
}

/* Somebody reads or writes it: neither is it replaced nor written to. */
static void
test_locked(Fixture *f, gconstpointer data)
{
    static const SinterIoLock modes[] = { SINTER_IO_LOCK_SHARED, SINTER_IO_LOCK_WRITE };

    put(f->path, "old content", 0600);
    for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
        g_autoptr(SinterIo) user = sinter_fs_open(f->fs, f->path, SINTER_IO_WRITE, NULL);

        g_assert_true(sinter_io_lock(user, modes[i], NULL));
        for (SinterOutputFlags flags = 0; flags <= SINTER_OUTPUT_EXISTING; flags++) {
            g_autoptr(GError) error = NULL;

            g_assert_null(sinter_output_open(f->fs, f->path, flags, FALSE, &error));
            g_assert_error(error, SINTER_ERROR, SINTER_ERROR_LOCKED);
        }
        assert_text(f->path, "old content");
    }
    g_assert_cmpuint(count_names(f), ==, 1);
}

/* What is being written, and what it will replace, is locked all the time. */
static void
test_locks(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterOutput) output = NULL;
    g_autoptr(SinterIo) other = NULL;
    g_autoptr(GError) error = NULL;

    put(f->path, "old content", 0600);
    output = sinter_output_open(f->fs, f->path, SINTER_OUTPUT_DEFAULT, FALSE, NULL);
    other = sinter_fs_open(f->fs, f->path, SINTER_IO_READ, NULL);
    g_assert_false(sinter_io_lock(other, SINTER_IO_LOCK_SHARED, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_LOCKED);
    g_clear_error(&error);
    g_assert_true(sinter_output_commit(output, NULL));
    sinter_io_unref(other);
    other = sinter_fs_open(f->fs, f->path, SINTER_IO_READ, NULL);
    g_assert_false(sinter_io_lock(other, SINTER_IO_LOCK_SHARED, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_LOCKED);
}

/* A folder that takes no new file: the old one is written in place. */
static void
test_closed_folder(Fixture *f, gconstpointer data)
{
    ino_t inode;

    if (geteuid() == 0) {
        g_test_skip("root may write to any folder");
        return;
    }
    put(f->path, "old content", 0600);
    inode = stat_of(f->path).st_ino;
    g_assert_cmpint(chmod(f->folder, 0500), ==, 0);
    write_new(f, f->path, SINTER_OUTPUT_DEFAULT, FALSE);
    g_assert_cmpint(chmod(f->folder, 0700), ==, 0);
    assert_text(f->path, "new");
    g_assert_cmpuint(stat_of(f->path).st_ino, ==, inode);
}

/* The file that was to be replaced has gone elsewhere, and another one stands in its place. */
static void
test_swapped_meanwhile(Fixture *f, gconstpointer data)
{
    g_autofree char *aside = g_build_filename(f->folder, "aside", NULL);
    g_autoptr(SinterOutput) output = NULL;
    g_autoptr(GError) error = NULL;

    put(f->path, "old content", 0600);
    output = must_begin(f->fs, f->path);
    g_assert_true(sinter_io_write(sinter_output_get_io(output), 0, "new", 3, NULL));
    g_assert_cmpint(rename(f->path, aside), ==, 0);
    put(f->path, "somebody's", 0600);
    g_assert_false(sinter_output_commit(output, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED);
    sinter_output_free(g_steal_pointer(&output));
    assert_text(f->path, "somebody's");
    assert_text(aside, "old content");
    g_assert_cmpuint(count_names(f), ==, 2);
}

/* A name that was taken away ahead is free: what somebody puts there stays as well. */
static void
test_freed_meanwhile(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterOutput) output = NULL;

    put(f->path, "old content", 0600);
    output = must_begin(f->fs, f->path);
    g_assert_true(sinter_output_remove_former(output, NULL));
    g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
    put(f->path, "somebody's", 0600);
    g_assert_false(sinter_output_commit(output, NULL));
    sinter_output_free(g_steal_pointer(&output));
    assert_text(f->path, "somebody's");
}

/* Where a new file cannot be had for a reason that may pass, the former one keeps its content. */
static void
test_no_draft(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterFs) fault = sinter_fs_fault_new(f->fs);
    g_autoptr(GError) error = NULL;

    put(f->path, "old content", 0600);
    /* the first one to be opened is the former file */
    sinter_fs_fault_arm(fault, SINTER_FAULT_OPEN | SINTER_FAULT_OPEN_UNNAMED, SINTER_FAULT_ENOSPC,
                        2, TRUE);
    g_assert_null(sinter_output_open(fault, f->path, SINTER_OUTPUT_DEFAULT, FALSE, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE);
    assert_text(f->path, "old content");
}

/* A file that somebody makes in the meantime is not ours to replace. */
static void
test_made_meanwhile(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterOutput) output = must_begin(f->fs, f->path);
    g_autoptr(GError) error = NULL;

    g_assert_true(sinter_io_write(sinter_output_get_io(output), 0, "new", 3, NULL));
    put(f->path, "somebody's", 0600);
    g_assert_false(sinter_output_commit(output, &error));
    g_assert_nonnull(strstr(error->message, "File exists"));
    sinter_output_free(g_steal_pointer(&output));
    assert_text(f->path, "somebody's");
    g_assert_cmpuint(count_names(f), ==, 1);
}

static void
test_errors(Fixture *f, gconstpointer data)
{
    g_autofree char *nowhere = g_build_filename(f->folder, "no", "disk.raw", NULL);
    g_autofree char *expected =
        g_strdup_printf("Could not create '%s': No such file or directory", nowhere);
    g_autofree char *folder = g_strdup_printf("Could not create '%s': Is a directory", f->folder);
    g_autoptr(GError) error = NULL;

    g_assert_null(sinter_output_open(f->fs, nowhere, SINTER_OUTPUT_DEFAULT, FALSE, &error));
    g_assert_cmpstr(error->message, ==, expected);
    g_clear_error(&error);
    g_assert_null(sinter_output_open(f->fs, f->folder, SINTER_OUTPUT_DEFAULT, FALSE, &error));
    g_assert_cmpstr(error->message, ==, folder);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*test)(Fixture *, gconstpointer);
    } tests[] = {
        { "/output/new", test_new },
        { "/output/unnamed", test_unnamed },
        { "/output/hidden", test_hidden },
        { "/output/swept", test_swept },
        { "/output/swept-links", test_swept_links },
        { "/output/living", test_living },
        { "/output/replaced", test_replaced },
        { "/output/hard-link", test_hard_link },
        { "/output/symbolic-link", test_symbolic_link },
        { "/output/existing", test_existing },
        { "/output/locked", test_locked },
        { "/output/locks", test_locks },
        { "/output/closed-folder", test_closed_folder },
        { "/output/made-meanwhile", test_made_meanwhile },
        { "/output/swapped-meanwhile", test_swapped_meanwhile },
        { "/output/freed-meanwhile", test_freed_meanwhile },
        { "/output/no-draft", test_no_draft },
        { "/output/errors", test_errors },
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].test, tear_down);
    return g_test_run();
}
