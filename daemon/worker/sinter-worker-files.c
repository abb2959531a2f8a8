/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Makes files that the engine can use from the file descriptors passed by sinterd. */

#include "sinter-worker-files.h"

#include "sinter-error.h"

#include <unistd.h>

static gboolean
take_file(SinterFs *fs, const SinterWorkerFile *file, GError **error)
{
    if (!sinter_fs_add_descriptor(fs, file->path, (int)file->fd, error))
        return FALSE;
    close((int)file->fd);
    if (file->direct_fd == 0)
        return TRUE;
    if (!sinter_fs_add_direct_descriptor(fs, file->path, (int)file->direct_fd, error))
        return FALSE;
    close((int)file->direct_fd);
    return TRUE;
}

SinterFs *
sinter_worker_files_take(const SinterWorkerRequest *request, GError **error)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_descriptors(SINTER_IO_NO_LOCK);

    for (guint i = 0; i < request->files->len; i++) {
        if (!take_file(fs, g_ptr_array_index(request->files, i), error))
            return NULL;
    }
    return g_steal_pointer(&fs);
}

/* FUSE without allow_other refuses every user but the one that mounted it, including root. */
static gboolean
check_file(SinterFs *fs, const char *path, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ, &local);

    if (io)
        return TRUE;
    if (g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED))
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED,
                    "the file system of '%s' denies access to user %u, as which the worker runs: "
                    "if it is a FUSE file system, mount it with allow_other",
                    path, getuid());
    else
        g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
sinter_worker_files_check(SinterFs *fs, const SinterWorkerRequest *request, GError **error)
{
    for (guint i = 0; i < request->files->len; i++) {
        const SinterWorkerFile *file = g_ptr_array_index(request->files, i);

        if (!check_file(fs, file->path, error))
            return FALSE;
    }
    return TRUE;
}
