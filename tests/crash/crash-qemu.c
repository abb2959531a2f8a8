/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Copies the files of a state into a folder of the host's for the time of one check. */

#include "crash-qemu.h"

#include <glib/gstdio.h>

static void
dump_file(SinterFs *fs, const char *name, const char *folder)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, name, SINTER_IO_READ, NULL);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *content = NULL;
    SinterIoStat st;

    if (!io)
        return;
    g_assert_true(sinter_io_stat(io, &st, NULL));
    content = g_malloc(st.size_bytes + 1);
    g_assert_true(sinter_io_read(io, 0, content, st.size_bytes, NULL));
    g_assert_true(g_file_set_contents(path, content, (gssize)st.size_bytes, NULL));
}

static gboolean
is_qcow2(const char *path)
{
    g_autofree char *content = NULL;

    return g_file_get_contents(path, &content, NULL, NULL) && g_str_has_prefix(content, "QFI\xfb");
}

static char *
check_file(const char *program, const char *folder, const char *path)
{
    const char *args[] = { program, "check", "-q", "-f", "qcow2", path, NULL };
    g_autofree char *said = NULL;
    int status = 0;

    if (!is_qcow2(path))
        return NULL;
    g_assert_true(g_spawn_sync(folder, (char **)args, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                               NULL, &said, &status, NULL));
    /* 3: leaks and nothing else */
    if (g_spawn_check_wait_status(status, NULL) || (WIFEXITED(status) && WEXITSTATUS(status) == 3))
        return NULL;
    return g_strdup_printf("qemu-img check: %s", said);
}

char *
crash_qemu_check(SinterFs *fs, const char *const *names, const char *image)
{
    g_autofree char *program = g_find_program_in_path("qemu-img");
    g_autofree char *folder = program ? g_dir_make_tmp("sinter-crash-XXXXXX", NULL) : NULL;
    g_autofree char *path = NULL;
    char *trouble;

    if (!program)
        return NULL;
    for (gsize i = 0; names[i]; i++)
        dump_file(fs, names[i], folder);
    path = g_build_filename(folder, image, NULL);
    trouble = check_file(program, folder, path);
    for (gsize i = 0; names[i]; i++) {
        g_autofree char *name = g_build_filename(folder, names[i], NULL);

        g_unlink(name);
    }
    g_rmdir(folder);
    return trouble;
}

void
crash_say_count(const char *operation, guint64 states, guint64 lost)
{
    g_test_message("crash states of %s: %" G_GUINT64_FORMAT " distinct, %" G_GUINT64_FORMAT " lost",
                   operation, states, lost);
}
