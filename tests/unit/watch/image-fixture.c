/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Images on the file system, by the engine's own builder. */

#include "image-fixture.h"
#include "qcow2-build.h"

#include <glib/gstdio.h>

char *
fixture_make_folder(void)
{
    g_autoptr(GError) error = NULL;
    char *folder = g_dir_make_tmp("sinter-watch-XXXXXX", &error);

    g_assert_no_error(error);
    return folder;
}

void
fixture_remove_folder(char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = fixture_path(folder, name);

        if (g_file_test(path, G_FILE_TEST_IS_DIR) && !g_file_test(path, G_FILE_TEST_IS_SYMLINK))
            fixture_remove_folder(g_steal_pointer(&path));
        else
            g_assert_cmpint(g_unlink(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(folder), ==, 0);
    g_free(folder);
}

char *
fixture_path(const char *folder, const char *name)
{
    return g_build_filename(folder, name, NULL);
}

void
fixture_qcow2(const char *folder, const char *name, const char *backing, const char *backing_format)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = fixture_path(folder, name);
    g_autoptr(SinterFs) fs = sinter_fs_new_host(NULL, &error);
    Build build;

    g_assert_no_error(error);
    build_begin(&build, fs, path,
                &(BuildOptions){ .backing = backing, .backing_format = backing_format });
    build_end(&build);
}

void
fixture_file(const char *folder, const char *name, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = fixture_path(folder, name);

    g_file_set_contents(path, text, -1, &error);
    g_assert_no_error(error);
}
