/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A set of files that keeps the first file that it opens. Invariant: a later opening of that path
 * gets the same open file, whatever was renamed to its name since, or one that can do what the kept
 * file cannot.
 */

#include "sinter-io-forward.h"

#include <string.h>

typedef struct {
    SinterFsForward base;
    GMutex lock;    /* guards @kept */
    SinterIo *kept; /* a reference, NULL: nothing was opened yet */
} SinterFsKeep;

/* Whether @io does all that a file opened with @flags does. O_DIRECT belongs to the open file. */
static gboolean
io_serves(const SinterIo *io, SinterIoFlags flags)
{
    SinterIoFlags rights = SINTER_IO_WRITE | SINTER_IO_EXCLUSIVE | SINTER_IO_NO_FOLLOW;

    return (flags & rights & ~io->flags) == 0 &&
           (flags & SINTER_IO_DIRECT) == (io->flags & SINTER_IO_DIRECT) &&
           (io->flags & SINTER_IO_NO_LOCK & ~flags) == 0;
}

static SinterIo *
keep_open(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error)
{
    SinterFsKeep *self = (SinterFsKeep *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    SinterIo *io;

    if (self->kept && !(flags & SINTER_IO_CREATE) && strcmp(self->kept->path, path) == 0 &&
        io_serves(self->kept, flags))
        return sinter_io_ref(self->kept);
    io = sinter_fs_open(self->base.inner, path, flags, error);
    if (io && !self->kept && !(flags & SINTER_IO_CREATE))
        self->kept = sinter_io_ref(io);
    return io;
}

static SinterIo *
keep_open_unnamed(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error)
{
    return sinter_fs_open_unnamed(((SinterFsForward *)fs)->inner, path, flags, error);
}

static void
keep_finalize(SinterFs *fs)
{
    SinterFsKeep *self = (SinterFsKeep *)fs;

    g_clear_pointer(&self->kept, sinter_io_unref);
    g_mutex_clear(&self->lock);
    sinter_fs_forward_finalize(fs);
}

static gboolean
keep_link(SinterFs *fs, SinterIo *io, const char *path, GError **error)
{
    return sinter_fs_link(((SinterFsForward *)fs)->inner, io, path, error);
}

static const SinterFsClass keep_fs_class = {
    .driver = "keep",
    .instance_bytes = sizeof(SinterFsKeep),
    .open = keep_open,
    .open_unnamed = keep_open_unnamed,
    .link = keep_link,
    .list = sinter_fs_forward_list,
    .rename = sinter_fs_forward_rename,
    .remove = sinter_fs_forward_remove,
    .sync_folder = sinter_fs_forward_sync_folder,
    .resolve = sinter_fs_forward_resolve,
    .finalize = keep_finalize,
};

SinterFs *
sinter_fs_new_keeping(SinterFs *fs)
{
    SinterFsKeep *self = sinter_fs_alloc(&keep_fs_class);

    g_mutex_init(&self->lock);
    self->base.inner = sinter_fs_ref(fs);
    return &self->base.fs;
}
