/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The durable replace leaves the old or the new content, and no litter. */

#include "sinter-error.h"
#include "sinter-file.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

typedef struct {
    char *dir;
    char *path;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    f->dir = g_dir_make_tmp("sinter-file-XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "record", NULL);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_unlink(f->path);
    g_assert_cmpint(g_rmdir(f->dir), ==, 0); /* fails when a temporary file is left */
    g_free(f->path);
    g_free(f->dir);
}

static void
test_replace(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *content = NULL;
    struct stat st;
    gsize len;

    g_assert_true(sinter_file_replace_durably(f->path, "one", 3, 0640, &error));
    g_assert_true(sinter_file_replace_durably(f->path, "twofold", 7, 0640, &error));
    g_assert_no_error(error);
    content = sinter_file_read_bounded(f->path, 7, &len, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(content, ==, "twofold");
    g_assert_cmpuint(len, ==, 7);
    g_assert_cmpint(stat(f->path, &st), ==, 0);
    g_assert_cmpuint(st.st_mode & 07777, ==, 0640);
}

static void
test_replace_fails_whole(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *below = g_build_filename(f->path, "x", NULL);

    g_assert_cmpint(g_mkdir(f->path, 0755), ==, 0);
    g_assert_false(sinter_file_replace_durably(f->path, "one", 3, 0600, &error));
    g_assert_nonnull(strstr(error->message, f->path));
    g_rmdir(f->path);
    g_clear_error(&error);
    g_assert_false(sinter_file_replace_durably(below, "one", 3, 0600, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
}

static void
test_read_is_bounded(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(sinter_file_replace_durably(f->path, "12345", 5, 0600, &error));
    g_assert_null(sinter_file_read_bounded(f->path, 4, NULL, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    g_assert_null(sinter_file_read_bounded(f->dir, 1000, NULL, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
}

static void
test_remove(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(sinter_file_replace_durably(f->path, "1", 1, 0600, &error));
    g_assert_true(sinter_file_remove_durably(f->path, &error));
    g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
    g_assert_true(sinter_file_remove_durably(f->path, &error));
    g_assert_no_error(error);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/file/replace", Fixture, NULL, set_up, test_replace, tear_down);
    g_test_add("/file/replace-fails-whole", Fixture, NULL, set_up, test_replace_fails_whole,
               tear_down);
    g_test_add("/file/read-is-bounded", Fixture, NULL, set_up, test_read_is_bounded, tear_down);
    g_test_add("/file/remove", Fixture, NULL, set_up, test_remove, tear_down);
    return g_test_run();
}
