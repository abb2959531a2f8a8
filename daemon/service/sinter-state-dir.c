/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The state folder: created, checked and locked. The lock is the kernel's (flock), so that it ends
 * with the process, however the process ends.
 */

#include "sinter-state-dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sinter-error.h"

static gboolean
check_owner(int dir_fd, const char *path, GError **error)
{
    struct stat st;

    if (fstat(dir_fd, &st) < 0) {
        sinter_error_set_errno(error, errno, "examining state directory '%s'", path);
        return FALSE;
    }
    if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED,
                    "state directory '%s' is owned by user %u and has mode %03o: it must be owned "
                    "by user %u and not be writable by others",
                    path, (guint)st.st_uid, (guint)st.st_mode & 0777, (guint)geteuid());
        return FALSE;
    }
    return TRUE;
}

gboolean
sinter_state_dir_claim(const char *path, SinterFd *ret_lock, GError **error)
{
    g_auto(SinterFd) dir = -1;
    g_auto(SinterFd) lock = -1;

    if (g_mkdir_with_parents(path, 0700) < 0 ||
        (dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        sinter_error_set_errno(error, errno, "opening state directory '%s'", path);
        return FALSE;
    }
    if (!check_owner(dir, path, error))
        return FALSE;
    lock = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) {
        sinter_error_set_errno(error, errno, "opening '%s/lock'", path);
        return FALSE;
    }
    if (flock(lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK)
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                        "another sinterd uses the state directory '%s'", path);
        else
            sinter_error_set_errno(error, errno, "locking '%s/lock'", path);
        return FALSE;
    }
    *ret_lock = sinter_fd_steal(&lock);
    return TRUE;
}
