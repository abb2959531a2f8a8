/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The common part of every set of files: the reference count, and the calls that change names. */

#include "sinter-io.h"
#include "sinter-error.h"

gpointer
sinter_fs_alloc(const SinterFsClass *klass)
{
    SinterFs *self = g_malloc0(klass->instance_bytes);

    g_atomic_ref_count_init(&self->refs);
    self->klass = klass;
    return self;
}

SinterFs *
sinter_fs_ref(SinterFs *fs)
{
    g_atomic_ref_count_inc(&fs->refs);
    return fs;
}

void
sinter_fs_unref(SinterFs *fs)
{
    if (!fs || !g_atomic_ref_count_dec(&fs->refs))
        return;
    if (fs->klass->finalize)
        fs->klass->finalize(fs);
    g_free(fs);
}

SinterIo *
sinter_fs_open(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error)
{
    if (*path == '\0') {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT, "the file name is empty");
        return NULL;
    }
    return fs->klass->open(fs, path, flags, error);
}

static gboolean
fs_lacks(const SinterFs *fs, const char *what, const char *path, GError **error)
{
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED, "'%s': %s %s", path,
                fs->klass->driver, what);
    return FALSE;
}

SinterIo *
sinter_fs_open_unnamed(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error)
{
    if (fs->klass->open_unnamed)
        return fs->klass->open_unnamed(fs, path, flags, error);
    fs_lacks(fs, "unnamed files are not supported", path, error);
    return NULL;
}

gboolean
sinter_fs_link(SinterFs *fs, SinterIo *io, const char *path, GError **error)
{
    return fs->klass->link ? fs->klass->link(fs, io, path, error)
                           : fs_lacks(fs, "renaming is not supported", path, error);
}

GPtrArray *
sinter_fs_list(SinterFs *fs, const char *path, GError **error)
{
    if (fs->klass->list)
        return fs->klass->list(fs, path, error);
    fs_lacks(fs, "listing files is not supported", path, error);
    return NULL;
}

gboolean
sinter_fs_rename(SinterFs *fs, const char *from, const char *to, gboolean replaces, GError **error)
{
    return fs->klass->rename(fs, from, to, replaces, error);
}

gboolean
sinter_fs_remove(SinterFs *fs, const char *path, GError **error)
{
    return fs->klass->remove(fs, path, error);
}

gboolean
sinter_fs_sync_folder(SinterFs *fs, const char *path, GError **error)
{
    return fs->klass->sync_folder(fs, path, error);
}

char *
sinter_fs_resolve(SinterFs *fs, const char *path, GError **error)
{
    return fs->klass->resolve ? fs->klass->resolve(fs, path, error) : g_strdup(path);
}
