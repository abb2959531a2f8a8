/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One daemon a state folder, and nobody else's hand in it. */

#include "sinter-state-dir.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sinter-error.h"

typedef struct {
    char *parent;
    char *path;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    f->parent = g_dir_make_tmp("sinter-state-XXXXXX", NULL);
    f->path = g_build_filename(f->parent, "a", "state", NULL);
}

static void
remove_in(const char *dir, const char *name)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);

    g_remove(path);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    remove_in(f->path, "lock");
    g_remove(f->path);
    remove_in(f->parent, "a");
    g_rmdir(f->parent);
    g_free(f->path);
    g_free(f->parent);
}

static void
test_claim(Fixture *f, gconstpointer data)
{
    g_auto(SinterFd) first = -1;
    g_auto(SinterFd) second = -1;
    g_autoptr(GError) error = NULL;
    struct stat st;

    g_assert_true(sinter_state_dir_claim(f->path, &first, &error));
    g_assert_no_error(error);
    g_assert_cmpint(stat(f->path, &st), ==, 0);
    g_assert_cmpuint(st.st_mode & 0777, ==, 0700);
    g_assert_false(sinter_state_dir_claim(f->path, &second, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_BUSY);
    g_assert_nonnull(strstr(error->message, f->path));
    sinter_fd_clear(&first);
    g_clear_error(&error);
    g_assert_true(sinter_state_dir_claim(f->path, &second, &error));
}

static void
test_writable_by_others(Fixture *f, gconstpointer data)
{
    g_auto(SinterFd) lock = -1;
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(g_mkdir_with_parents(f->path, 0700), ==, 0);
    g_assert_cmpint(chmod(f->path, 0777), ==, 0);
    g_assert_false(sinter_state_dir_claim(f->path, &lock, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED);
}

/* A link in place of the lock is not followed to a file that somebody else chose. */
static void
test_link(Fixture *f, gconstpointer data)
{
    g_autofree char *lock_path = g_build_filename(f->path, "lock", NULL);
    g_autofree char *victim = g_build_filename(f->parent, "victim", NULL);
    g_auto(SinterFd) lock = -1;
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(g_mkdir_with_parents(f->path, 0700), ==, 0);
    g_assert_cmpint(symlink(victim, lock_path), ==, 0);
    g_assert_false(sinter_state_dir_claim(f->path, &lock, &error));
    g_assert_nonnull(error);
    g_assert_false(g_file_test(victim, G_FILE_TEST_EXISTS));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/state-dir/claim", Fixture, NULL, set_up, test_claim, tear_down);
    g_test_add("/state-dir/writable-by-others", Fixture, NULL, set_up, test_writable_by_others,
               tear_down);
    g_test_add("/state-dir/link", Fixture, NULL, set_up, test_link, tear_down);
    return g_test_run();
}
