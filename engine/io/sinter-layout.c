/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Hints to a file system about a file that has no data yet. Invariant: all other flags of the file
 * are unchanged.
 */

#include "sinter-layout.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

/* Only btrfs supports it, and only for files without data. */
static void
set_no_cow(int fd)
{
    int flags = 0;

    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
        return;
    flags |= FS_NOCOW_FL;
    (void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

/* 0 removes the value inherited from the folder. */
static gboolean
set_extent_size(int fd, guint32 bytes)
{
    struct fsxattr attr;

    if (ioctl(fd, FS_IOC_FSGETXATTR, &attr) < 0)
        return FALSE;
    attr.fsx_xflags |= FS_XFLAG_EXTSIZE;
    attr.fsx_extsize = bytes;
    return ioctl(fd, FS_IOC_FSSETXATTR, &attr) == 0;
}

gboolean
sinter_layout_set(int fd, const SinterIoLayout *layout)
{
    if (layout->no_cow)
        set_no_cow(fd);
    return set_extent_size(fd, layout->extent_size_bytes);
}
