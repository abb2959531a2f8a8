/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Keeps account of the blocks of files in memory. Invariant: the space that is left and the blocks
 * that are taken always have the same sum.
 */

#include "crash-room.h"
#include "io/sinter-io-forward.h"
#include "sinter-error.h"

#include <errno.h>
#include <string.h>

#define BLOCK_BYTES 4096

typedef struct {
    SinterFsForward base;
    GMutex lock; /* guards all below */
    guint64 left;
    GHashTable *files; /* path -> set of the numbers of its blocks that are data */
} CrashRoom;

static gboolean
is_zero(const guint8 *at, gsize n)
{
    return n == 0 || (*at == 0 && memcmp(at, at + 1, n - 1) == 0);
}

/* Blocks of a file that was there before count as data where they are not zeros. */
static GHashTable *
find_blocks(SinterFs *inner, const char *path)
{
    GHashTable *blocks = g_hash_table_new(NULL, NULL);
    g_autoptr(SinterIo) io = sinter_fs_open(inner, path, SINTER_IO_READ | SINTER_IO_NO_LOCK, NULL);
    guint8 buf[BLOCK_BYTES];
    gsize n = 0;

    for (guint64 i = 0;
         io && sinter_io_read_some(io, i * BLOCK_BYTES, buf, sizeof buf, &n, NULL) && n > 0; i++) {
        if (!is_zero(buf, n))
            g_hash_table_add(blocks, GSIZE_TO_POINTER(i));
    }
    return blocks;
}

static GHashTable *
blocks_of(CrashRoom *self, const char *path)
{
    GHashTable *blocks = g_hash_table_lookup(self->files, path);

    if (!blocks) {
        blocks = find_blocks(self->base.inner, path);
        g_hash_table_insert(self->files, g_strdup(path), blocks);
    }
    return blocks;
}

/* Makes the whole blocks of the range holes. */
static void
give_back(CrashRoom *self, const char *path, guint64 offset, guint64 end)
{
    GHashTable *blocks = blocks_of(self, path);

    for (guint64 i = (offset + BLOCK_BYTES - 1) / BLOCK_BYTES; i < end / BLOCK_BYTES; i++) {
        if (g_hash_table_remove(blocks, GSIZE_TO_POINTER(i)))
            self->left += BLOCK_BYTES;
    }
}

static CrashRoom *
room_of(SinterIo *io)
{
    return (CrashRoom *)((SinterIoForward *)io)->owner;
}

static gboolean
room_write(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error)
{
    CrashRoom *self = room_of(io);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    GHashTable *blocks = blocks_of(self, io->path);
    guint64 first = offset / BLOCK_BYTES;
    guint64 end = (offset + len + BLOCK_BYTES - 1) / BLOCK_BYTES;
    guint64 needed = 0;

    for (guint64 i = first; i < end; i++)
        needed += g_hash_table_contains(blocks, GSIZE_TO_POINTER(i)) ? 0 : BLOCK_BYTES;
    if (needed > self->left) {
        sinter_error_set_errno(error, ENOSPC, "writing '%s'", io->path);
        return FALSE;
    }
    if (!sinter_io_forward_write(io, offset, buf, len, error))
        return FALSE;
    self->left -= needed;
    for (guint64 i = first; i < end; i++)
        g_hash_table_add(blocks, GSIZE_TO_POINTER(i));
    return TRUE;
}

static gboolean
room_discard(SinterIo *io, guint64 offset, guint64 len, GError **error)
{
    CrashRoom *self = room_of(io);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);

    if (!sinter_io_forward_discard(io, offset, len, error))
        return FALSE;
    give_back(self, io->path, offset, offset + len);
    return TRUE;
}

static gboolean
room_truncate(SinterIo *io, guint64 size_bytes, GError **error)
{
    CrashRoom *self = room_of(io);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    guint64 before = 0;

    if (!sinter_io_get_size(io, &before, error) ||
        !sinter_io_forward_truncate(io, size_bytes, error))
        return FALSE;
    give_back(self, io->path, size_bytes, before + BLOCK_BYTES);
    return TRUE;
}

static const SinterIoClass room_io_class = {
    .driver = "room",
    .instance_bytes = sizeof(SinterIoForward),
    .read = sinter_io_forward_read,
    .write = room_write,
    .discard = room_discard,
    .truncate = room_truncate,
    .flush = sinter_io_forward_flush,
    .stat = sinter_io_forward_stat,
    .extents = sinter_io_forward_extents,
    .lock = sinter_io_forward_lock,
    .adopt = sinter_io_forward_adopt,
    .set_mode = sinter_io_forward_set_mode,
    .finalize = sinter_io_forward_finalize,
};

static SinterIo *
room_open(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error)
{
    return sinter_fs_forward_open(fs, &room_io_class, path, flags, error);
}

static void
forget(CrashRoom *self, const char *path)
{
    self->left += (guint64)g_hash_table_size(blocks_of(self, path)) * BLOCK_BYTES;
    g_hash_table_remove(self->files, path);
}

static gboolean
room_rename(SinterFs *fs, const char *from, const char *to, gboolean replaces, GError **error)
{
    CrashRoom *self = (CrashRoom *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    GHashTable *blocks = g_hash_table_ref(blocks_of(self, from));

    forget(self, to);
    g_hash_table_remove(self->files, from);
    g_hash_table_insert(self->files, g_strdup(to), blocks);
    return sinter_fs_forward_rename(fs, from, to, replaces, error);
}

static gboolean
room_remove(SinterFs *fs, const char *path, GError **error)
{
    CrashRoom *self = (CrashRoom *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);

    forget(self, path);
    return sinter_fs_forward_remove(fs, path, error);
}

static void
room_finalize(SinterFs *fs)
{
    g_hash_table_unref(((CrashRoom *)fs)->files);
    g_mutex_clear(&((CrashRoom *)fs)->lock);
    sinter_fs_forward_finalize(fs);
}

static const SinterFsClass room_fs_class = {
    .driver = "room",
    .instance_bytes = sizeof(CrashRoom),
    .open = room_open,
    .list = sinter_fs_forward_list,
    .rename = room_rename,
    .remove = room_remove,
    .sync_folder = sinter_fs_forward_sync_folder,
    .resolve = sinter_fs_forward_resolve,
    .finalize = room_finalize,
};

SinterFs *
crash_room_new(SinterFs *inner, guint64 bytes)
{
    CrashRoom *self = sinter_fs_alloc(&room_fs_class);

    g_mutex_init(&self->lock);
    self->base.inner = sinter_fs_ref(inner);
    self->left = bytes;
    self->files =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_unref);
    return &self->base.fs;
}
