/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Turns the name of an image into a descriptor that can be passed on. Invariant: the descriptor
 * refers to the file that the scan saw, by its identity, and is opened for writing only on request;
 * after the lock is held, the path is checked to still lead to the locked file, because a lock does
 * not move with a name.
 */

#include "sinter-offline-file.h"

#include "sinter-error.h"

#include <errno.h>
#include <fcntl.h>
#include <sinter/lock.h>
#include <sys/stat.h>

/* The byte that virtlockd locks as its lease of an image; QEMU does not use it. */
#define LEASE_BYTE 0

SinterOfflineFile *
sinter_offline_file_new(const char *path, const char *format, const SinterIdentity *identity,
                        gboolean written)
{
    SinterOfflineFile *file = g_new0(SinterOfflineFile, 1);

    file->path = g_strdup(path);
    file->name = g_strdup(path);
    file->format = g_strdup(format);
    file->identity = *identity;
    file->written = written;
    file->fd = file->direct_fd = -1;
    return file;
}

void
sinter_offline_file_free(SinterOfflineFile *file)
{
    if (!file)
        return;
    sinter_fd_clear(&file->direct_fd);
    sinter_fd_clear(&file->fd);
    g_free(file->path);
    g_free(file->name);
    g_free(file->format);
    g_free(file);
}

/* The open flags for the file type in @st; a device is opened exclusively, against mounts and other
 * exclusive users. */
static int
open_flags(const SinterOfflineFile *file, const struct stat *st)
{
    int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

    if (!file->written)
        return flags | O_RDONLY;
    return flags | O_RDWR | (S_ISBLK(st->st_mode) ? O_EXCL : 0);
}

/*
 * First opens the path with O_PATH, which allows nothing but inspection; then opens the same file
 * through that descriptor, not by its path.
 */
gboolean
sinter_offline_file_open(SinterOfflineFile *file, GError **error)
{
    g_auto(SinterFd) seen = open(file->path, O_PATH | O_CLOEXEC);
    g_autofree char *link = NULL;
    SinterIdentity identity;
    struct stat st;

    if (seen < 0 || fstat(seen, &st) < 0) {
        sinter_error_set_errno(error, errno, "opening '%s'", file->path);
        return FALSE;
    }
    sinter_identity_from_stat(&st, &identity);
    if (!(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) ||
        !sinter_file_id_equal(identity, file->identity)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                    "'%s' was replaced since the domain was read", file->path);
        return FALSE;
    }
    link = g_strdup_printf("/proc/self/fd/%d", seen);
    file->fd = open(link, open_flags(file, &st));
    if (file->fd >= 0)
        return TRUE;
    if (errno == EBUSY)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_LOCKED,
                    "'%s' is a device that is mounted or in exclusive use", file->path);
    else
        sinter_error_set_errno(error, errno, "opening '%s'%s", file->path,
                               file->written ? " for writing" : "");
    return FALSE;
}

/*
 * Opens the file a second time, with O_DIRECT to bypass the page cache: the flag belongs to the
 * open file description, and the worker cannot set it itself. The first descriptor holds the locks
 * and claims. Without O_DIRECT the merge is slower.
 */
void
sinter_offline_file_open_direct(SinterOfflineFile *file)
{
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", file->fd);

    file->direct_fd = open(link, O_RDWR | O_DIRECT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

/* --- locking ---------------------------------------------------------------------------------- */

/* If virtlockd protects the host's images, it locks this byte for a running domain, and does not
 * let a domain start while another process has the lock. */
static gboolean
lock_lease(const SinterOfflineFile *file, GError **error)
{
    struct flock lock = {
        .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = LEASE_BYTE, .l_len = 1
    };

    if (fcntl(file->fd, F_OFD_SETLK, &lock) == 0)
        return TRUE;
    if (errno == EAGAIN || errno == EACCES)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_LOCKED,
                    "a domain holds a lease on '%s' (virtlockd)", file->path);
    else
        sinter_error_set_errno(error, errno, "locking '%s'", file->path);
    return FALSE;
}

gboolean
sinter_offline_file_lock(SinterOfflineFile *file, GError **error)
{
    SinterIdentity now;

    if (!sinter_lock_descriptor(file->fd, file->path, file->written, error) ||
        !lock_lease(file, error)) {
        sinter_error_set_stage(error, SINTER_STAGE_OPEN, file->path);
        return FALSE;
    }
    if (sinter_identity_read(file->path, &now, NULL) == 0 &&
        sinter_file_id_equal(now, file->identity))
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                "'%s' was replaced while it was being opened", file->path);
    return FALSE;
}
