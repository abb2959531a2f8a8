/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Small file helpers: descriptors that are closed automatically, and the only durable way to
 * replace or remove a file. Invariant: a function here that returns TRUE has synced both the file
 * and the folder that contains it.
 */

#include "sinter-file.h"
#include "sinter-error.h"
#include "sinter-point.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
sinter_fd_clear(SinterFd *fd)
{
    int saved = errno;

    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}

int
sinter_fd_steal(SinterFd *fd)
{
    int stolen = *fd;

    *fd = -1;
    return stolen;
}

gboolean
sinter_file_sync_parent(const char *path, GError **error)
{
    g_autofree char *dir = g_path_get_dirname(path);
    g_auto(SinterFd) fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd) < 0) {
        sinter_error_set_errno(error, errno, "syncing folder '%s'", dir);
        return FALSE;
    }
    return TRUE;
}

static gboolean
write_all(int fd, const char *data, gsize len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0)
                errno = EIO;
            return FALSE;
        }
        data += n;
        len -= (gsize)n;
    }
    return TRUE;
}

static int
rename_at_point(const char *tmp, const char *path)
{
    SINTER_POINT("file-written");
    return rename(tmp, path);
}

gboolean
sinter_file_replace_durably(const char *path, const void *data, gsize len, guint mode,
                            GError **error)
{
    g_autofree char *tmp = g_strdup_printf("%s.XXXXXX", path);
    g_auto(SinterFd) fd = g_mkstemp_full(tmp, O_WRONLY | O_CLOEXEC, 0600);

    if (fd < 0) {
        sinter_error_set_errno(error, errno, "creating a temporary file for '%s'", path);
        return FALSE;
    }
    if (!write_all(fd, data, len) || fchmod(fd, mode) < 0 || fsync(fd) < 0 ||
        rename_at_point(tmp, path) < 0) {
        sinter_error_set_errno(error, errno, "writing '%s'", path);
        unlink(tmp);
        return FALSE;
    }
    SINTER_POINT("file-renamed");
    return sinter_file_sync_parent(path, error);
}

gboolean
sinter_file_remove_durably(const char *path, GError **error)
{
    SINTER_POINT("file-removing");
    if (unlink(path) < 0 && errno != ENOENT) {
        sinter_error_set_errno(error, errno, "removing '%s'", path);
        return FALSE;
    }
    SINTER_POINT("file-removed");
    return sinter_file_sync_parent(path, error);
}

char *
sinter_file_read_bounded(const char *path, gsize max_bytes, gsize *ret_len, GError **error)
{
    g_auto(SinterFd) fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    g_autofree char *buf = NULL;
    struct stat st;
    gsize len = 0;

    if (fd < 0 || fstat(fd, &st) < 0) {
        sinter_error_set_errno(error, errno, "opening '%s'", path);
        return NULL;
    }
    if (!S_ISREG(st.st_mode) || st.st_size < 0 || (guint64)st.st_size > max_bytes) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "'%s' is not a regular file of at most %" G_GSIZE_FORMAT " bytes", path,
                    max_bytes);
        return NULL;
    }
    buf = g_malloc((gsize)st.st_size + 1);
    while (len < (gsize)st.st_size) {
        ssize_t n = read(fd, buf + len, (gsize)st.st_size - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            sinter_error_set_errno(error, errno, "reading '%s'", path);
            return NULL;
        }
        if (n == 0)
            break;
        len += (gsize)n;
    }
    buf[len] = '\0';
    if (ret_len)
        *ret_len = len;
    return g_steal_pointer(&buf);
}

guint
sinter_file_get_umask(void)
{
    /* umask() can only be read by setting it, which affects all threads */
    g_autofree char *text = NULL;
    const char *at;

    if (!g_file_get_contents("/proc/self/status", &text, NULL, NULL))
        return 0777;
    at = strstr(text, "\nUmask:");
    return at ? (guint)g_ascii_strtoull(at + strlen("\nUmask:"), NULL, 8) : 0777;
}
