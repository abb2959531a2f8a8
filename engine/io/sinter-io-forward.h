/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The base of drivers that wrap another driver: each operation is forwarded to the inner file or
 * set of files. A driver copies the class below and replaces the operations that it intercepts.
 */

#include "sinter-io.h"

G_BEGIN_DECLS

typedef struct {
    SinterIo io;
    SinterIo *inner; /* a reference */
    SinterFs *owner; /* a reference: the set that the file was opened through */
} SinterIoForward;

typedef struct {
    SinterFs fs;
    SinterFs *inner; /* a reference */
} SinterFsForward;

gssize sinter_io_forward_read(SinterIo *io, guint64 offset, void *buf, gsize len, GError **error);
gboolean sinter_io_forward_write(SinterIo *io, guint64 offset, const void *buf, gsize len,
                                 GError **error);
gboolean sinter_io_forward_discard(SinterIo *io, guint64 offset, guint64 len, GError **error);
gboolean sinter_io_forward_truncate(SinterIo *io, guint64 size_bytes, GError **error);
gboolean sinter_io_forward_flush(SinterIo *io, GError **error);
gboolean sinter_io_forward_stat(SinterIo *io, SinterIoStat *ret, GError **error);
gboolean sinter_io_forward_extents(SinterIo *io, guint64 offset, guint64 len, SinterIoExtent *ret,
                                   GError **error);
gboolean sinter_io_forward_lock(SinterIo *io, SinterIoLock mode, GError **error);
gboolean sinter_io_forward_allocate(SinterIo *io, guint64 offset, guint64 len, GError **error);
gboolean sinter_io_forward_adopt(SinterIo *io, SinterIo *like, GError **error);
gboolean sinter_io_forward_set_mode(SinterIo *io, guint32 mode, GError **error);
gboolean sinter_io_forward_lay_out(SinterIo *io, const SinterIoLayout *layout, GError **error);
gboolean sinter_io_forward_shares(SinterIo *io, SinterIo *from);
void sinter_io_forward_finalize(SinterIo *io);

/* Opens @path in the inner set and wraps it in an instance of @klass. */
SinterIo *sinter_fs_forward_open(SinterFs *fs, const SinterIoClass *klass, const char *path,
                                 SinterIoFlags flags, GError **error);
SinterIo *sinter_fs_forward_open_unnamed(SinterFs *fs, const SinterIoClass *klass, const char *path,
                                         SinterIoFlags flags, GError **error);
gboolean sinter_fs_forward_link(SinterFs *fs, SinterIo *io, const char *path, GError **error);
GPtrArray *sinter_fs_forward_list(SinterFs *fs, const char *path, GError **error);
gboolean sinter_fs_forward_rename(SinterFs *fs, const char *from, const char *to, gboolean replaces,
                                  GError **error);
gboolean sinter_fs_forward_remove(SinterFs *fs, const char *path, GError **error);
gboolean sinter_fs_forward_sync_folder(SinterFs *fs, const char *path, GError **error);
char *sinter_fs_forward_resolve(SinterFs *fs, const char *path, GError **error);
void sinter_fs_forward_finalize(SinterFs *fs);

G_END_DECLS
