/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Records calls that change storage. Invariant: the order of the record is the order in which the
 * calls took effect, because each call and its entry are made under one lock.
 */

#include "sinter-fs-record.h"
#include "sinter-io-forward.h"

typedef struct {
    SinterFsForward base;
    GMutex lock; /* held over each recorded call and its entry: guards @log and its order */
    GPtrArray *log;
    GHashTable *unnamed; /* inodes (boxed) of files without a name; guarded by @lock as well */
} SinterFsRecord;

static void
record_free(gpointer data)
{
    SinterRecord *record = data;

    g_free(record->path);
    g_free(record->to);
    g_clear_pointer(&record->data, g_bytes_unref);
    g_free(record);
}

static SinterRecord *
record_add(SinterFsRecord *self, SinterRecordKind kind, const char *path)
{
    SinterRecord *record = g_new0(SinterRecord, 1);

    record->kind = kind;
    record->path = g_strdup(path);
    g_ptr_array_add(self->log, record);
    return record;
}

static SinterFsRecord *
record_of(SinterIo *io)
{
    return (SinterFsRecord *)((SinterIoForward *)io)->owner;
}

static gint64
record_inode(SinterIo *io)
{
    SinterIoStat st = { 0 };

    sinter_io_forward_stat(io, &st, NULL);
    return (gint64)st.inode;
}

static SinterRecord *
record_add_io(SinterIo *io, SinterRecordKind kind, guint64 offset, guint64 length)
{
    SinterRecord *record = record_add(record_of(io), kind, io->path);

    record->inode = (guint64)record_inode(io);
    record->offset = offset;
    record->length = length;
    return record;
}

static gboolean
record_is_unnamed(SinterIo *io)
{
    gint64 inode = record_inode(io);

    return g_hash_table_contains(record_of(io)->unnamed, &inode);
}

static GMutex *
record_lock_of(SinterIo *io)
{
    return &record_of(io)->lock;
}

static gboolean
record_write(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(record_lock_of(io));

    if (!sinter_io_forward_write(io, offset, buf, len, error))
        return FALSE;
    record_add_io(io, SINTER_RECORD_WRITE, offset, len)->data = g_bytes_new(buf, len);
    return TRUE;
}

static gboolean
record_discard(SinterIo *io, guint64 offset, guint64 len, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(record_lock_of(io));

    if (!sinter_io_forward_discard(io, offset, len, error))
        return FALSE;
    record_add_io(io, SINTER_RECORD_DISCARD, offset, len);
    return TRUE;
}

static gboolean
record_truncate(SinterIo *io, guint64 size_bytes, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(record_lock_of(io));

    if (!sinter_io_forward_truncate(io, size_bytes, error))
        return FALSE;
    record_add_io(io, SINTER_RECORD_TRUNCATE, size_bytes, 0);
    return TRUE;
}

/* Reserved space shows only in the size of the file. */
static gboolean
record_allocate(SinterIo *io, guint64 offset, guint64 len, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(record_lock_of(io));
    SinterIoStat before;

    if (!sinter_io_forward_stat(io, &before, error) ||
        !sinter_io_forward_allocate(io, offset, len, error))
        return FALSE;
    if (offset + len > before.size_bytes)
        record_add_io(io, SINTER_RECORD_TRUNCATE, offset + len, 0);
    return TRUE;
}

static gboolean
record_flush(SinterIo *io, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(record_lock_of(io));

    if (!sinter_io_forward_flush(io, error))
        return FALSE;
    if (!record_is_unnamed(io))
        record_add_io(io, SINTER_RECORD_FLUSH, 0, 0);
    return TRUE;
}

static const SinterIoClass record_io_class = {
    .driver = "record",
    .instance_bytes = sizeof(SinterIoForward),
    .read = sinter_io_forward_read,
    .write = record_write,
    .discard = record_discard,
    .truncate = record_truncate,
    .flush = record_flush,
    .stat = sinter_io_forward_stat,
    .extents = sinter_io_forward_extents,
    .lock = sinter_io_forward_lock,
    .allocate = record_allocate,
    .adopt = sinter_io_forward_adopt,
    .set_mode = sinter_io_forward_set_mode,
    .lay_out = sinter_io_forward_lay_out,
    .shares = sinter_io_forward_shares,
    .finalize = sinter_io_forward_finalize,
};

static SinterIo *
record_open(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker =
        g_mutex_locker_new(&((SinterFsRecord *)fs)->lock);
    SinterIo *io = sinter_fs_forward_open(fs, &record_io_class, path, flags, error);

    if (io && (flags & SINTER_IO_CREATE))
        record_add_io(io, SINTER_RECORD_CREATE, 0, 0);
    return io;
}

static SinterIo *
record_open_unnamed(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error)
{
    SinterFsRecord *self = (SinterFsRecord *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    SinterIo *io = sinter_fs_forward_open_unnamed(fs, &record_io_class, path, flags, error);
    gint64 inode = io ? record_inode(io) : 0;

    if (io)
        g_hash_table_add(self->unnamed, g_memdup2(&inode, sizeof inode));
    return io;
}

static gboolean
record_link(SinterFs *fs, SinterIo *io, const char *path, GError **error)
{
    SinterFsRecord *self = (SinterFsRecord *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    gint64 inode = record_inode(io);

    if (!sinter_fs_forward_link(fs, io, path, error))
        return FALSE;
    g_hash_table_remove(self->unnamed, &inode);
    record_add(self, SINTER_RECORD_LINK, path)->inode = (guint64)inode;
    return TRUE;
}

static gboolean
record_rename(SinterFs *fs, const char *from, const char *to, gboolean replaces, GError **error)
{
    SinterFsRecord *self = (SinterFsRecord *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);

    if (!sinter_fs_forward_rename(fs, from, to, replaces, error))
        return FALSE;
    record_add(self, SINTER_RECORD_RENAME, from)->to = g_strdup(to);
    return TRUE;
}

static gboolean
record_remove(SinterFs *fs, const char *path, GError **error)
{
    SinterFsRecord *self = (SinterFsRecord *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);

    if (!sinter_fs_forward_remove(fs, path, error))
        return FALSE;
    record_add(self, SINTER_RECORD_REMOVE, path);
    return TRUE;
}

static gboolean
record_sync_folder(SinterFs *fs, const char *path, GError **error)
{
    SinterFsRecord *self = (SinterFsRecord *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);

    if (!sinter_fs_forward_sync_folder(fs, path, error))
        return FALSE;
    record_add(self, SINTER_RECORD_SYNC_FOLDER, path);
    return TRUE;
}

static void
record_finalize(SinterFs *fs)
{
    SinterFsRecord *self = (SinterFsRecord *)fs;

    g_ptr_array_unref(self->log);
    g_hash_table_unref(self->unnamed);
    g_mutex_clear(&self->lock);
    sinter_fs_forward_finalize(fs);
}

static const SinterFsClass record_fs_class = {
    .driver = "record",
    .instance_bytes = sizeof(SinterFsRecord),
    .open = record_open,
    .open_unnamed = record_open_unnamed,
    .link = record_link,
    .list = sinter_fs_forward_list,
    .rename = record_rename,
    .remove = record_remove,
    .sync_folder = record_sync_folder,
    .resolve = sinter_fs_forward_resolve,
    .finalize = record_finalize,
};

SinterFs *
sinter_fs_record_new(SinterFs *inner)
{
    SinterFsRecord *self = sinter_fs_alloc(&record_fs_class);

    g_mutex_init(&self->lock);
    self->base.inner = sinter_fs_ref(inner);
    self->log = g_ptr_array_new_with_free_func(record_free);
    self->unnamed = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    return &self->base.fs;
}

GPtrArray *
sinter_fs_record_get_log(SinterFs *fs)
{
    return ((SinterFsRecord *)fs)->log;
}
