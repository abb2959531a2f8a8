/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Asks the kernel to copy. Invariant: a refusal (not supported here, or not between these two
 * files) is not an error and changes nothing; an error of the storage is reported as an error.
 */

#include "sinter-offload.h"
#include "sinter-io.h"

#include <errno.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whole blocks are shared; no file system that shares blocks has smaller ones by default. */
#define CLONE_ALIGNMENT SINTER_IO_SHARED_BLOCK_BYTES
/* Larger calls would delay the handling of signals. */
#define COPY_MAX_BYTES (64 * 1024 * 1024)

gboolean
sinter_offload_can_clone(SinterOffload *self, int from_fd, int fd)
{
    struct file_clone_range args = { .src_fd = from_fd };
    struct stat st;

    /* a clone of the empty range at the end of the file passes all checks and changes nothing */
    if (g_atomic_int_get(&self->clone) || fstat(from_fd, &st) < 0 || !S_ISREG(st.st_mode))
        return FALSE;
    args.src_offset = (guint64)st.st_size;
    if (ioctl(fd, FICLONERANGE, &args) == 0)
        return TRUE;
    /* EXDEV is not remembered: it does not apply to other pairs of devices */
    if (errno == EOPNOTSUPP || errno == ENOTTY)
        g_atomic_int_set(&self->clone, TRUE);
    return FALSE;
}

gboolean
sinter_offload_clone(SinterOffload *self, const SinterOffloadRange *range)
{
    struct file_clone_range args = {
        .src_fd = range->from_fd,
        .src_offset = range->from_offset,
        .src_length = range->len,
        .dest_offset = range->offset,
    };

    if (range->len == 0 || g_atomic_int_get(&self->clone) ||
        ((range->offset | range->from_offset | range->len) & (CLONE_ALIGNMENT - 1)) != 0)
        return FALSE;
    if (ioctl(range->fd, FICLONERANGE, &args) == 0)
        return TRUE;
    /* lack of space or a signal may be temporary; other errors are permanent */
    if (errno != ENOSPC && errno != EDQUOT && errno != EINTR && errno != EIO)
        g_atomic_int_set(&self->clone, TRUE);
    return FALSE;
}

/*
 * Returns whether copy_file_range() makes a server copy, so that no data passes through this host.
 * On a local file system that shares no blocks it takes as long as reading and writing.
 */
static gboolean
has_server(int fd)
{
    struct statfs st;

    if (fstatfs(fd, &st) < 0)
        return FALSE;
    switch ((guint32)st.f_type) {
    case NFS_SUPER_MAGIC:
    case CIFS_SUPER_MAGIC:
    case SMB2_SUPER_MAGIC:
    case CEPH_SUPER_MAGIC:
    case FUSE_SUPER_MAGIC:
        return TRUE;
    default:
        return FALSE;
    }
}

gboolean
sinter_offload_may_help(SinterOffload *self, int fd)
{
    if (!g_atomic_int_get(&self->clone))
        return TRUE;
    if (g_atomic_int_get(&self->copy) || g_atomic_int_get(&self->local))
        return FALSE;
    if (has_server(fd))
        return TRUE;
    g_atomic_int_set(&self->local, TRUE);
    return FALSE;
}

static gboolean
is_refusal(int errnum)
{
    return errnum == EXDEV || errnum == EINVAL || errnum == EOPNOTSUPP || errnum == ENOSYS ||
           errnum == EBADF || errnum == EPERM || errnum == ETXTBSY || errnum == EOVERFLOW;
}

gboolean
sinter_offload_copy(SinterOffload *self, const SinterOffloadRange *range, guint64 *ret_done)
{
    loff_t from = (loff_t)range->from_offset;
    loff_t to = (loff_t)range->offset;

    *ret_done = 0;
    while (!g_atomic_int_get(&self->copy) && *ret_done < range->len) {
        gsize n = (gsize)MIN(range->len - *ret_done, COPY_MAX_BYTES);
        ssize_t copied = copy_file_range(range->from_fd, &from, range->fd, &to, n, 0);

        if (copied < 0 && errno == EINTR)
            continue;
        if (copied < 0 && !is_refusal(errno))
            return FALSE;
        if (copied < 0)
            g_atomic_int_set(&self->copy, TRUE);
        /* the end of the file, or a file system that pretends so */
        if (copied <= 0)
            break;
        *ret_done += (guint64)copied;
    }
    return TRUE;
}
