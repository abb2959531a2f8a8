/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Forwards every operation. Owns a reference to the inner object; each open file keeps the set that
 * it was opened from alive.
 */

#include "sinter-io-forward.h"

static SinterIo *
inner_of(SinterIo *io)
{
    return ((SinterIoForward *)io)->inner;
}

gssize
sinter_io_forward_read(SinterIo *io, guint64 offset, void *buf, gsize len, GError **error)
{
    gsize n = 0;

    return sinter_io_read_some(inner_of(io), offset, buf, len, &n, error) ? (gssize)n : -1;
}

gboolean
sinter_io_forward_write(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error)
{
    return sinter_io_write(inner_of(io), offset, buf, len, error);
}

gboolean
sinter_io_forward_discard(SinterIo *io, guint64 offset, guint64 len, GError **error)
{
    return sinter_io_discard(inner_of(io), offset, len, error);
}

gboolean
sinter_io_forward_truncate(SinterIo *io, guint64 size_bytes, GError **error)
{
    return sinter_io_truncate(inner_of(io), size_bytes, error);
}

gboolean
sinter_io_forward_flush(SinterIo *io, GError **error)
{
    return sinter_io_flush(inner_of(io), error);
}

gboolean
sinter_io_forward_stat(SinterIo *io, SinterIoStat *ret, GError **error)
{
    return sinter_io_stat(inner_of(io), ret, error);
}

gboolean
sinter_io_forward_extents(SinterIo *io, guint64 offset, guint64 len, SinterIoExtent *ret,
                          GError **error)
{
    return sinter_io_extent(inner_of(io), offset, len, ret, error);
}

gboolean
sinter_io_forward_lock(SinterIo *io, SinterIoLock mode, GError **error)
{
    return sinter_io_lock(inner_of(io), mode, error);
}

gboolean
sinter_io_forward_allocate(SinterIo *io, guint64 offset, guint64 len, GError **error)
{
    return sinter_io_allocate(inner_of(io), offset, len, error);
}

gboolean
sinter_io_forward_adopt(SinterIo *io, SinterIo *like, GError **error)
{
    return sinter_io_adopt(inner_of(io), inner_of(like), error);
}

gboolean
sinter_io_forward_set_mode(SinterIo *io, guint32 mode, GError **error)
{
    return sinter_io_set_mode(inner_of(io), mode, error);
}

gboolean
sinter_io_forward_lay_out(SinterIo *io, const SinterIoLayout *layout, GError **error)
{
    return sinter_io_lay_out(inner_of(io), layout, error);
}

gboolean
sinter_io_forward_shares(SinterIo *io, SinterIo *from)
{
    return sinter_io_shares_blocks(inner_of(io), inner_of(from));
}

void
sinter_io_forward_finalize(SinterIo *io)
{
    SinterIoForward *self = (SinterIoForward *)io;

    sinter_io_unref(self->inner);
    sinter_fs_unref(self->owner);
}

/* Wraps @inner (transfer full), which may be NULL, in @klass. */
static SinterIo *
forward_new(SinterFs *fs, const SinterIoClass *klass, SinterIo *inner)
{
    SinterIoForward *self;

    if (!inner)
        return NULL;
    self = sinter_io_alloc(klass, inner->path, inner->flags);
    self->inner = inner;
    self->owner = sinter_fs_ref(fs);
    return &self->io;
}

SinterIo *
sinter_fs_forward_open(SinterFs *fs, const SinterIoClass *klass, const char *path,
                       SinterIoFlags flags, GError **error)
{
    return forward_new(fs, klass,
                       sinter_fs_open(((SinterFsForward *)fs)->inner, path, flags, error));
}

SinterIo *
sinter_fs_forward_open_unnamed(SinterFs *fs, const SinterIoClass *klass, const char *path,
                               SinterIoFlags flags, GError **error)
{
    return forward_new(fs, klass,
                       sinter_fs_open_unnamed(((SinterFsForward *)fs)->inner, path, flags, error));
}

gboolean
sinter_fs_forward_link(SinterFs *fs, SinterIo *io, const char *path, GError **error)
{
    return sinter_fs_link(((SinterFsForward *)fs)->inner, inner_of(io), path, error);
}

GPtrArray *
sinter_fs_forward_list(SinterFs *fs, const char *path, GError **error)
{
    return sinter_fs_list(((SinterFsForward *)fs)->inner, path, error);
}

gboolean
sinter_fs_forward_rename(SinterFs *fs, const char *from, const char *to, gboolean replaces,
                         GError **error)
{
    return sinter_fs_rename(((SinterFsForward *)fs)->inner, from, to, replaces, error);
}

gboolean
sinter_fs_forward_remove(SinterFs *fs, const char *path, GError **error)
{
    return sinter_fs_remove(((SinterFsForward *)fs)->inner, path, error);
}

gboolean
sinter_fs_forward_sync_folder(SinterFs *fs, const char *path, GError **error)
{
    return sinter_fs_sync_folder(((SinterFsForward *)fs)->inner, path, error);
}

char *
sinter_fs_forward_resolve(SinterFs *fs, const char *path, GError **error)
{
    return sinter_fs_resolve(((SinterFsForward *)fs)->inner, path, error);
}

void
sinter_fs_forward_finalize(SinterFs *fs)
{
    sinter_fs_unref(((SinterFsForward *)fs)->inner);
}
