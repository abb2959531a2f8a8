/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The host's files, all of them or those below some folders. Invariant with roots: a descriptor is
 * returned only for a path that the kernel itself resolved below a root without following a
 * symbolic link. Links are resolved beforehand, so a link that is swapped in between makes the open
 * fail, but never escapes the roots.
 */

#include "sinter-io-file.h"
#include "sinter-error.h"
#include "sinter-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct {
    SinterFs fs;
    char **roots; /* resolved; NULL: the whole host */
} SinterFsHost;

static char *
resolve(const char *path, GError **error)
{
    g_autofree char *folder = NULL;
    g_autofree char *base = NULL;
    char *real = realpath(path, NULL);
    char *out;

    if (!real && errno == ENOENT) {
        /* a file that does not exist yet: its folder must exist */
        folder = g_path_get_dirname(path);
        base = g_path_get_basename(path);
        real = realpath(folder, NULL);
        if (!real)
            goto fail;
        out = g_build_filename(real, base, NULL);
        free(real);
        return out;
    }
    if (!real)
        goto fail;
    out = g_strdup(real);
    free(real);
    return out;

fail:
    sinter_error_set_open_errno(error, errno, path);
    return NULL;
}

/* Returns the part of @real below @root, or NULL. */
static const char *
below_root(const char *real, const char *root)
{
    gsize len = strlen(root);

    if (strncmp(real, root, len) != 0)
        return NULL;
    if (len > 0 && root[len - 1] == '/')
        return real + len;
    return real[len] == '/' ? real + len + 1 : NULL;
}

static const char *
host_root_of(SinterFsHost *self, const char *real, const char **ret_rest)
{
    for (gsize i = 0; self->roots[i]; i++) {
        const char *rest = below_root(real, self->roots[i]);

        if (rest && *rest != '\0') {
            *ret_rest = rest;
            return self->roots[i];
        }
    }
    return NULL;
}

static int
open_beneath(const char *root, const char *rest, guint64 flags, guint64 mode)
{
    struct open_how how = { .flags = flags,
                            .mode = mode,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
    g_auto(SinterFd) dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

    return dir < 0 ? -1 : (int)syscall(SYS_openat2, dir, rest, &how, sizeof how);
}

static int
host_open_fd(SinterFsHost *self, const char *path, int open_flags, mode_t mode, GError **error)
{
    g_autofree char *real = NULL;
    const char *rest = NULL;
    const char *root;
    int fd;

    if (!self->roots) {
        fd = open(path, open_flags, mode);
    } else {
        real = resolve(path, error);
        if (!real)
            return -1;
        if (open_flags & O_NOFOLLOW && g_file_test(path, G_FILE_TEST_IS_SYMLINK)) {
            sinter_error_set_open_errno(error, ELOOP, path);
            return -1;
        }
        root = host_root_of(self, real, &rest);
        if (!root) {
            sinter_error_set_open(error, SINTER_ERROR_NOT_AUTHORIZED, path,
                                  "it is '%s', which is not below an allowed directory", real);
            return -1;
        }
        fd = open_beneath(root, rest, (guint64)open_flags, mode);
    }
    if (fd < 0)
        sinter_error_set_open_errno(error, errno, path);
    return fd;
}

/*
 * Checks the file type before it opens the file: an image may name any path, and opening some
 * devices has side effects (it starts a watchdog, rewinds a tape).
 */
static int
host_open_existing(SinterFsHost *self, const char *path, int open_flags, int follow_flags,
                   GError **error)
{
    g_auto(SinterFd) seen = host_open_fd(self, path, O_PATH | O_CLOEXEC | follow_flags, 0, error);
    g_autofree char *link = NULL;
    struct stat st;
    int fd;

    if (seen < 0 || !sinter_io_file_check_kind(seen, path, &st, error))
        return -1;
    link = g_strdup_printf("/proc/self/fd/%d", seen);
    fd = open(link, open_flags);
    if (fd < 0)
        sinter_error_set_open_errno(error, errno, path);
    return fd;
}

static SinterIo *
host_open(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error)
{
    SinterFsHost *self = (SinterFsHost *)fs;
    int open_flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd;

    open_flags |= flags & (SINTER_IO_WRITE | SINTER_IO_CREATE) ? O_RDWR : O_RDONLY;
    if (flags & SINTER_IO_EXCLUSIVE)
        open_flags |= O_EXCL;
    if (flags & SINTER_IO_CREATE)
        fd = host_open_fd(self, path, open_flags | O_CREAT | O_EXCL, 0600, error);
    else
        fd = host_open_existing(self, path, open_flags,
                                flags & SINTER_IO_NO_FOLLOW ? O_NOFOLLOW : 0, error);
    return fd < 0 ? NULL : sinter_io_file_new(fd, path, flags, TRUE, error);
}

/* Names also change only inside the roots. */
static gboolean
host_check_name(SinterFsHost *self, const char *path, GError **error)
{
    g_autofree char *folder = NULL;
    g_autofree char *real_folder = NULL;
    g_autofree char *base = NULL;
    g_autofree char *real = NULL;
    const char *rest;

    if (!self->roots)
        return TRUE;
    folder = g_path_get_dirname(path);
    real_folder = resolve(folder, error);
    if (!real_folder)
        return FALSE;
    base = g_path_get_basename(path);
    real = g_build_filename(real_folder, base, NULL);
    if (host_root_of(self, real, &rest))
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED,
                "'%s' is not below an allowed directory", path);
    return FALSE;
}

/*
 * With roots, not directly in a root: the root folder itself is not below any root. Checks now,
 * before the data is written, whether the file can be named later.
 */
static SinterIo *
host_open_unnamed(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_auto(SinterFd) fd =
        host_open_fd((SinterFsHost *)fs, folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600, error);
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);

    if (fd < 0)
        return NULL;
    if (access(link, F_OK) == 0)
        return sinter_io_file_new(sinter_fd_steal(&fd), path, flags | SINTER_IO_CREATE, FALSE,
                                  error);
    sinter_error_set_errno(error, errno, "creating an unnamed file in '%s'", folder);
    return NULL;
}

static gboolean
host_link(SinterFs *fs, SinterIo *io, const char *path, GError **error)
{
    return host_check_name((SinterFsHost *)fs, path, error) && sinter_io_file_link(io, path, error);
}

static GPtrArray *
host_list(SinterFs *fs, const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const struct dirent *entry;
    DIR *dir;

    if (!host_check_name((SinterFsHost *)fs, path, error))
        return NULL;
    dir = opendir(folder);
    if (!dir) {
        sinter_error_set_errno(error, errno, "listing '%s'", folder);
        return NULL;
    }
    while ((entry = readdir(dir)))
        g_ptr_array_add(names, g_strdup(entry->d_name));
    closedir(dir);
    return g_steal_pointer(&names);
}

/*
 * If the file system has no rename that fails for an existing target, the target is checked first.
 */
static int
rename_to(const char *from, const char *to, gboolean replaces)
{
    struct stat st;

    if (replaces)
        return rename(from, to);
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (lstat(to, &st) < 0)
        return errno == ENOENT ? rename(from, to) : -1;
    errno = EEXIST;
    return -1;
}

static gboolean
host_rename(SinterFs *fs, const char *from, const char *to, gboolean replaces, GError **error)
{
    SinterFsHost *self = (SinterFsHost *)fs;

    if (!host_check_name(self, from, error) || !host_check_name(self, to, error))
        return FALSE;
    if (rename_to(from, to, replaces) == 0)
        return TRUE;
    sinter_error_set_errno(error, errno, "renaming '%s' to '%s'", from, to);
    return FALSE;
}

static gboolean
host_remove(SinterFs *fs, const char *path, GError **error)
{
    if (!host_check_name((SinterFsHost *)fs, path, error))
        return FALSE;
    if (unlink(path) == 0)
        return TRUE;
    sinter_error_set_errno(error, errno, "removing '%s'", path);
    return FALSE;
}

static gboolean
host_sync_folder(SinterFs *fs, const char *path, GError **error)
{
    return sinter_file_sync_parent(path, error);
}

static char *
host_resolve(SinterFs *fs, const char *path, GError **error)
{
    char *real = realpath(path, NULL);
    int errnum = errno;
    char *out = g_strdup(real);

    if (!real && errnum == ENOENT && g_file_test(path, G_FILE_TEST_IS_SYMLINK))
        sinter_error_set_open(error, SINTER_ERROR_UNSUPPORTED, path,
                              "it is a link to a file that does not exist");
    else if (!real)
        sinter_error_set_open_errno(error, errnum, path);
    free(real);
    return out;
}

static void
host_finalize(SinterFs *fs)
{
    g_strfreev(((SinterFsHost *)fs)->roots);
}

static const SinterFsClass host_class = {
    .driver = "host",
    .instance_bytes = sizeof(SinterFsHost),
    .open = host_open,
    .open_unnamed = host_open_unnamed,
    .link = host_link,
    .list = host_list,
    .rename = host_rename,
    .remove = host_remove,
    .sync_folder = host_sync_folder,
    .resolve = host_resolve,
    .finalize = host_finalize,
};

SinterFs *
sinter_fs_new_host(const char *const *allowed_roots, GError **error)
{
    g_autoptr(SinterFs) fs = sinter_fs_alloc(&host_class);
    g_autoptr(GPtrArray) roots = NULL;

    if (!allowed_roots)
        return g_steal_pointer(&fs);
    roots = g_ptr_array_new_with_free_func(g_free);
    for (; *allowed_roots; allowed_roots++) {
        char *real = g_path_is_absolute(*allowed_roots) ? realpath(*allowed_roots, NULL) : NULL;

        if (!real) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                        "'%s' is not the absolute path of an existing directory", *allowed_roots);
            return NULL;
        }
        g_ptr_array_add(roots, g_strdup(real));
        free(real);
    }
    g_ptr_array_add(roots, NULL);
    ((SinterFsHost *)fs)->roots = (char **)g_ptr_array_free(g_steal_pointer(&roots), FALSE);
    return g_steal_pointer(&fs);
}
