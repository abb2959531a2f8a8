/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A set that keeps its first file: which openings get that file, and which one of their own.
 */

#include "io/sinter-io.h"
#include "sinter-error.h"

#define PATH "/dir/image"

static SinterFs *
new_set(SinterFs **ret_inner)
{
    static const char *const paths[] = { PATH, "/dir/other" };

    *ret_inner = sinter_fs_new_memory();
    for (gsize i = 0; i < G_N_ELEMENTS(paths); i++)
        sinter_io_unref(sinter_fs_open(*ret_inner, paths[i], SINTER_IO_CREATE, NULL));
    return sinter_fs_new_keeping(*ret_inner);
}

static void
test_rights(void)
{
    static const struct {
        SinterIoFlags first;
        SinterIoFlags then;
        gboolean is_same;
    } rows[] = {
        { SINTER_IO_READ, SINTER_IO_READ, TRUE },
        { SINTER_IO_READ, SINTER_IO_WRITE, FALSE },
        { SINTER_IO_WRITE, SINTER_IO_READ, TRUE },
        { SINTER_IO_WRITE, SINTER_IO_WRITE, TRUE },
        { SINTER_IO_WRITE, SINTER_IO_WRITE | SINTER_IO_EXCLUSIVE, FALSE },
        { SINTER_IO_WRITE | SINTER_IO_EXCLUSIVE, SINTER_IO_READ, TRUE },
        { SINTER_IO_READ, SINTER_IO_READ | SINTER_IO_DIRECT, FALSE },
        { SINTER_IO_READ | SINTER_IO_DIRECT, SINTER_IO_READ, FALSE },
        { SINTER_IO_READ, SINTER_IO_READ | SINTER_IO_NO_FOLLOW, FALSE },
        /* a file that is never locked must not stand for one that is */
        { SINTER_IO_READ | SINTER_IO_NO_LOCK, SINTER_IO_READ, FALSE },
        { SINTER_IO_READ, SINTER_IO_READ | SINTER_IO_NO_LOCK, TRUE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(SinterFs) inner = NULL;
        g_autoptr(SinterFs) fs = new_set(&inner);
        g_autoptr(SinterIo) first = sinter_fs_open(fs, PATH, rows[i].first, NULL);
        g_autoptr(SinterIo) then = sinter_fs_open(fs, PATH, rows[i].then, NULL);

        g_assert_nonnull(first);
        g_assert_nonnull(then);
        g_assert_cmpint(first == then, ==, rows[i].is_same);
    }
}

static void
test_names(void)
{
    g_autoptr(SinterFs) inner = NULL;
    g_autoptr(SinterFs) fs = new_set(&inner);
    g_autoptr(SinterIo) missing = sinter_fs_open(fs, "/dir/missing", SINTER_IO_READ, NULL);
    g_autoptr(SinterIo) first = sinter_fs_open(fs, PATH, SINTER_IO_READ, NULL);
    g_autoptr(SinterIo) other = sinter_fs_open(fs, "/dir/other", SINTER_IO_READ, NULL);
    g_autoptr(SinterIo) again = sinter_fs_open(fs, "/dir/other", SINTER_IO_READ, NULL);
    g_autoptr(SinterIo) created = NULL;
    g_autoptr(SinterIo) same = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_null(missing);
    g_assert_true(other != first && again != first && again != other);
    created = sinter_fs_open(fs, PATH, SINTER_IO_CREATE, &error);
    g_assert_null(created);
    g_assert_nonnull(error);
    /* the kept file is the one that was seen, not the one that has its name now */
    g_assert_true(sinter_fs_rename(fs, "/dir/other", PATH, TRUE, NULL));
    same = sinter_fs_open(fs, PATH, SINTER_IO_READ, NULL);
    g_assert_true(same == first);
    g_assert_false(sinter_io_is_same_file(same, other));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fs-keep/rights", test_rights);
    g_test_add_func("/fs-keep/names", test_names);
    return g_test_run();
}
