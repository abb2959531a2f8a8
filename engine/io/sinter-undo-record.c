/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A set of files that records the changes of one of them. Invariant: while the set exists, the
 * image is one open file for all who open it for writing, and for reading after that.
 */

#include "sinter-undo-io.h"
#include "sinter-io-forward.h"
#include "sinter-error.h"

#include <string.h>

typedef struct {
    SinterFsForward base;
    GMutex lock; /* guards @image */
    SinterFs *undo_fs;
    char *image_path;
    char *undo_path;
    char *operation;
    SinterIo *image; /* a reference, NULL: not opened for writing yet */
} SinterFsUndo;

static SinterIo *
open_recorded(SinterFsUndo *self, const char *path, SinterIoFlags flags, GError **error)
{
    const SinterUndoRecording what = { .image_path = self->image_path,
                                       .undo_path = self->undo_path,
                                       .operation = self->operation };
    SinterIo *inner;

    if (!self->image) {
        inner = sinter_fs_open(self->base.inner, path, flags, error);
        if (!inner)
            return NULL;
        self->image = sinter_undo_io_new(inner, self->undo_fs, &what);
    }
    return sinter_io_ref(self->image);
}

static SinterIo *
undo_open(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error)
{
    SinterFsUndo *self = (SinterFsUndo *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);

    if (strcmp(path, self->image_path) == 0 && !(flags & SINTER_IO_CREATE) &&
        (self->image || (flags & SINTER_IO_WRITE)))
        return open_recorded(self, path, flags, error);
    return sinter_fs_open(self->base.inner, path, flags, error);
}

static SinterIo *
undo_open_unnamed(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error)
{
    return sinter_fs_open_unnamed(((SinterFsForward *)fs)->inner, path, flags, error);
}

static gboolean
undo_link(SinterFs *fs, SinterIo *io, const char *path, GError **error)
{
    return sinter_fs_link(((SinterFsForward *)fs)->inner, io, path, error);
}

static void
undo_finalize(SinterFs *fs)
{
    SinterFsUndo *self = (SinterFsUndo *)fs;

    g_clear_pointer(&self->image, sinter_io_unref);
    g_clear_pointer(&self->undo_fs, sinter_fs_unref);
    g_free(self->image_path);
    g_free(self->undo_path);
    g_free(self->operation);
    g_mutex_clear(&self->lock);
    sinter_fs_forward_finalize(fs);
}

static const SinterFsClass undo_fs_class = {
    .driver = "undo",
    .instance_bytes = sizeof(SinterFsUndo),
    .open = undo_open,
    .open_unnamed = undo_open_unnamed,
    .link = undo_link,
    .list = sinter_fs_forward_list,
    .rename = sinter_fs_forward_rename,
    .remove = sinter_fs_forward_remove,
    .sync_folder = sinter_fs_forward_sync_folder,
    .resolve = sinter_fs_forward_resolve,
    .finalize = undo_finalize,
};

/* Returns FALSE if there is something under the name, or if that cannot be told. */
static gboolean
check_unused(SinterFs *fs, const char *path, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ | SINTER_IO_NO_LOCK, &local);

    if (!io && g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NOT_FOUND))
        return TRUE;
    return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                               "the undo file '%s' already exists", path);
}

SinterFs *
sinter_undo_record_new(SinterFs *fs, const SinterUndoRecording *what, GError **error)
{
    g_autoptr(SinterFs) host = sinter_fs_new_host(NULL, error);
    SinterFs *undo_fs = what->undo_fs ? what->undo_fs : host;
    SinterFsUndo *self;

    if (!host || !check_unused(undo_fs, what->undo_path, error))
        return NULL;
    self = sinter_fs_alloc(&undo_fs_class);
    g_mutex_init(&self->lock);
    self->base.inner = sinter_fs_ref(fs ? fs : host);
    self->undo_fs = sinter_fs_ref(undo_fs);
    self->image_path = g_strdup(what->image_path);
    self->undo_path = g_strdup(what->undo_path);
    self->operation = g_strdup(what->operation);
    return &self->base.fs;
}

gboolean
sinter_undo_record_finish(SinterFs *fs, SinterUndoRecorded *ret, GError **error)
{
    SinterFsUndo *self = (SinterFsUndo *)fs;

    g_return_val_if_fail(fs->klass == &undo_fs_class, FALSE);
    if (self->image)
        return sinter_undo_io_finish(self->image, ret, error);
    if (ret)
        *ret = (SinterUndoRecorded){ 0 };
    return TRUE;
}
