/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Files in memory: a set of names over sparse contents, for tests and for work that must leave no
 * trace. Content is stored in chunks that exist only where something was written, so a file of many
 * TiB costs only what was written to it. Invariant: an open file keeps its content alive after a
 * rename or removal, as on a host.
 */

#include "sinter-fs-memory.h"
#include "sinter-error.h"

#include <errno.h>
#include <string.h>

#define CHUNK_BITS 16
#define CHUNK_BYTES (1U << CHUNK_BITS)

typedef struct {
    gatomicrefcount refs;
    guint64 inode;
    GRWLock lock;       /* guards all below */
    GHashTable *chunks; /* chunk number (boxed) -> CHUNK_BYTES; absent chunks are holes */
    guint64 size_bytes;
} MemoryContent;

typedef struct {
    SinterFs fs;
    GMutex lock;       /* guards all below */
    GHashTable *names; /* path -> MemoryContent, a reference */
    guint64 next_inode;
    gboolean shares;
} SinterFsMemory;

typedef struct {
    SinterIo io;
    MemoryContent *content;
    guint64 device;
    gboolean shares;
} SinterIoMemory;

static MemoryContent *
content_new(guint64 inode)
{
    MemoryContent *self = g_new0(MemoryContent, 1);

    g_atomic_ref_count_init(&self->refs);
    g_rw_lock_init(&self->lock);
    self->inode = inode;
    self->chunks = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    return self;
}

static void
content_unref(gpointer data)
{
    MemoryContent *self = data;

    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    g_hash_table_unref(self->chunks);
    g_rw_lock_clear(&self->lock);
    g_free(self);
}

static guint8 *
content_chunk(MemoryContent *self, guint64 number, gboolean make)
{
    gint64 key = (gint64)number;
    guint8 *chunk = g_hash_table_lookup(self->chunks, &key);

    if (!chunk && make) {
        chunk = g_malloc0(CHUNK_BYTES);
        g_hash_table_insert(self->chunks, g_memdup2(&key, sizeof key), chunk);
    }
    return chunk;
}

static gssize
memory_read(SinterIo *io, guint64 offset, void *buf, gsize len, GError **error)
{
    MemoryContent *content = ((SinterIoMemory *)io)->content;
    gsize done = 0;

    g_rw_lock_reader_lock(&content->lock);
    len = offset >= content->size_bytes ? 0 : (gsize)MIN(len, content->size_bytes - offset);
    while (done < len) {
        gsize within = (gsize)((offset + done) & (CHUNK_BYTES - 1));
        gsize n = MIN(len - done, CHUNK_BYTES - within);
        const guint8 *chunk = content_chunk(content, (offset + done) >> CHUNK_BITS, FALSE);

        if (chunk)
            memcpy((guint8 *)buf + done, chunk + within, n);
        else
            memset((guint8 *)buf + done, 0, n);
        done += n;
    }
    g_rw_lock_reader_unlock(&content->lock);
    return (gssize)len;
}

static gboolean
memory_write(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error)
{
    MemoryContent *content = ((SinterIoMemory *)io)->content;
    gsize done = 0;

    g_rw_lock_writer_lock(&content->lock);
    while (done < len) {
        gsize within = (gsize)((offset + done) & (CHUNK_BYTES - 1));
        gsize n = MIN(len - done, CHUNK_BYTES - within);

        memcpy(content_chunk(content, (offset + done) >> CHUNK_BITS, TRUE) + within,
               (const guint8 *)buf + done, n);
        done += n;
    }
    content->size_bytes = MAX(content->size_bytes, offset + len);
    g_rw_lock_writer_unlock(&content->lock);
    return TRUE;
}

/* Zeros the part of one chunk that the range covers. Returns whether that is the whole chunk. */
static gboolean
chunk_clear(guint64 number, guint8 *chunk, guint64 offset, guint64 end)
{
    guint64 begin = number << CHUNK_BITS;
    guint64 from = MAX(offset, begin);
    guint64 to = MIN(end, begin + CHUNK_BYTES);

    if (from >= to)
        return FALSE;
    if (to - from == CHUNK_BYTES)
        return TRUE;
    memset(chunk + (from - begin), 0, to - from);
    return FALSE;
}

/* Zeros the range; frees whole chunks. The caller holds the lock for writing. */
static void
content_clear(MemoryContent *self, guint64 offset, guint64 end)
{
    GHashTableIter iter;
    gpointer key;
    gpointer chunk;

    g_hash_table_iter_init(&iter, self->chunks);
    while (g_hash_table_iter_next(&iter, &key, &chunk)) {
        if (chunk_clear((guint64) * (gint64 *)key, chunk, offset, end))
            g_hash_table_iter_remove(&iter);
    }
}

/* The number of the first chunk at or after @number, G_MAXUINT64 for none. */
static guint64
content_next_chunk(MemoryContent *self, guint64 number)
{
    guint64 best = G_MAXUINT64;
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init(&iter, self->chunks);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        guint64 candidate = (guint64) * (gint64 *)key;

        if (candidate >= number)
            best = MIN(best, candidate);
    }
    return best;
}

static gboolean
memory_discard(SinterIo *io, guint64 offset, guint64 len, GError **error)
{
    MemoryContent *content = ((SinterIoMemory *)io)->content;

    g_rw_lock_writer_lock(&content->lock);
    content_clear(content, offset, MIN(offset + len, content->size_bytes));
    g_rw_lock_writer_unlock(&content->lock);
    return TRUE;
}

static gboolean
memory_truncate(SinterIo *io, guint64 size_bytes, GError **error)
{
    MemoryContent *content = ((SinterIoMemory *)io)->content;

    g_rw_lock_writer_lock(&content->lock);
    if (size_bytes < content->size_bytes)
        content_clear(content, size_bytes, (content->size_bytes | (CHUNK_BYTES - 1)) + 1);
    content->size_bytes = size_bytes;
    g_rw_lock_writer_unlock(&content->lock);
    return TRUE;
}

static gboolean
memory_stat(SinterIo *io, SinterIoStat *ret, GError **error)
{
    SinterIoMemory *self = (SinterIoMemory *)io;

    g_rw_lock_reader_lock(&self->content->lock);
    *ret = (SinterIoStat){
        .size_bytes = self->content->size_bytes,
        .allocated_bytes = (guint64)g_hash_table_size(self->content->chunks) << CHUNK_BITS,
        .device = self->device,
        .inode = self->content->inode,
    };
    g_rw_lock_reader_unlock(&self->content->lock);
    return TRUE;
}

static gboolean
memory_extents(SinterIo *io, guint64 offset, guint64 len, SinterIoExtent *ret, GError **error)
{
    MemoryContent *content = ((SinterIoMemory *)io)->content;
    guint64 end = offset + len;
    guint64 number = offset >> CHUNK_BITS;
    guint64 run_end;

    g_rw_lock_reader_lock(&content->lock);
    end = offset < content->size_bytes ? MIN(end, content->size_bytes) : end;
    ret->is_hole = offset >= content->size_bytes || !content_chunk(content, number, FALSE);
    if (offset >= content->size_bytes) {
        number = G_MAXUINT64;
    } else if (ret->is_hole) {
        number = content_next_chunk(content, number);
    } else {
        while (number << CHUNK_BITS < end && content_chunk(content, number, FALSE))
            number++;
    }
    g_rw_lock_reader_unlock(&content->lock);
    run_end = number > end >> CHUNK_BITS ? end : number << CHUNK_BITS;
    ret->length_bytes = MIN(run_end, end) - offset;
    return TRUE;
}

static gboolean
memory_shares(SinterIo *io, SinterIo *from)
{
    return ((SinterIoMemory *)io)->shares && ((SinterIoMemory *)from)->shares;
}

static void
memory_finalize(SinterIo *io)
{
    content_unref(((SinterIoMemory *)io)->content);
}

static const SinterIoClass memory_class = {
    .driver = "memory",
    .instance_bytes = sizeof(SinterIoMemory),
    .read = memory_read,
    .write = memory_write,
    .discard = memory_discard,
    .truncate = memory_truncate,
    .stat = memory_stat,
    .extents = memory_extents,
    .shares = memory_shares,
    .finalize = memory_finalize,
};

/* Returns the content of @path with a reference for the caller, created on request. Sets errors. */
static MemoryContent *
fs_memory_take(SinterFsMemory *self, const char *path, gboolean create, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    MemoryContent *content = g_hash_table_lookup(self->names, path);

    if (content && create) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED, "creating '%s': it already exists",
                    path);
        return NULL;
    }
    if (!content && !create) {
        sinter_error_set_open_errno(error, ENOENT, path);
        return NULL;
    }
    if (create) {
        content = content_new(++self->next_inode);
        g_hash_table_insert(self->names, g_strdup(path), content);
    }
    g_atomic_ref_count_inc(&content->refs);
    return content;
}

/* Opens @content (transfer full). */
static SinterIo *
fs_memory_io_new(SinterFs *fs, MemoryContent *content, const char *path, SinterIoFlags flags)
{
    SinterIoMemory *io = sinter_io_alloc(&memory_class, path, flags);

    io->content = content;
    io->device = (guint64)(guintptr)fs;
    io->shares = ((SinterFsMemory *)fs)->shares;
    return &io->io;
}

static SinterIo *
fs_memory_open(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error)
{
    MemoryContent *content =
        fs_memory_take((SinterFsMemory *)fs, path, (flags & SINTER_IO_CREATE) != 0, error);

    return content ? fs_memory_io_new(fs, content, path, flags) : NULL;
}

static SinterIo *
fs_memory_open_unnamed(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error)
{
    SinterFsMemory *self = (SinterFsMemory *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);

    return fs_memory_io_new(fs, content_new(++self->next_inode), path, flags | SINTER_IO_CREATE);
}

static gboolean
fs_memory_link(SinterFs *fs, SinterIo *io, const char *path, GError **error)
{
    SinterFsMemory *self = (SinterFsMemory *)fs;
    MemoryContent *content = ((SinterIoMemory *)io)->content;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);

    if (g_hash_table_contains(self->names, path)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED, "naming '%s': it already exists",
                    path);
        return FALSE;
    }
    g_atomic_ref_count_inc(&content->refs);
    g_hash_table_insert(self->names, g_strdup(path), content);
    return TRUE;
}

static GPtrArray *
fs_memory_list(SinterFs *fs, const char *path, GError **error)
{
    SinterFsMemory *self = (SinterFsMemory *)fs;
    g_autofree char *folder = g_path_get_dirname(path);
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init(&iter, self->names);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        g_autofree char *other = g_path_get_dirname(key);

        if (strcmp(other, folder) == 0)
            g_ptr_array_add(names, g_path_get_basename(key));
    }
    return names;
}

static gboolean
fs_memory_rename(SinterFs *fs, const char *from, const char *to, gboolean replaces, GError **error)
{
    SinterFsMemory *self = (SinterFsMemory *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    gpointer key;
    gpointer content;

    if (!replaces && g_hash_table_contains(self->names, to)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED, "renaming '%s' to '%s': File exists",
                    from, to);
        return FALSE;
    }
    if (!g_hash_table_steal_extended(self->names, from, &key, &content)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                    "renaming '%s' to '%s': No such file or directory", from, to);
        return FALSE;
    }
    g_free(key);
    g_hash_table_replace(self->names, g_strdup(to), content);
    return TRUE;
}

static gboolean
fs_memory_remove(SinterFs *fs, const char *path, GError **error)
{
    SinterFsMemory *self = (SinterFsMemory *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);

    if (g_hash_table_remove(self->names, path))
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                "removing '%s': No such file or directory", path);
    return FALSE;
}

static gboolean
fs_memory_sync_folder(SinterFs *fs, const char *path, GError **error)
{
    return TRUE;
}

static void
fs_memory_finalize(SinterFs *fs)
{
    SinterFsMemory *self = (SinterFsMemory *)fs;

    g_hash_table_unref(self->names);
    g_mutex_clear(&self->lock);
}

static const SinterFsClass fs_memory_class = {
    .driver = "memory",
    .instance_bytes = sizeof(SinterFsMemory),
    .open = fs_memory_open,
    .open_unnamed = fs_memory_open_unnamed,
    .link = fs_memory_link,
    .list = fs_memory_list,
    .rename = fs_memory_rename,
    .remove = fs_memory_remove,
    .sync_folder = fs_memory_sync_folder,
    .finalize = fs_memory_finalize,
};

SinterFs *
sinter_fs_new_memory(void)
{
    SinterFsMemory *self = sinter_fs_alloc(&fs_memory_class);

    g_mutex_init(&self->lock);
    self->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, content_unref);
    return &self->fs;
}

void
sinter_fs_memory_set_shares(SinterFs *fs, gboolean shares)
{
    g_return_if_fail(fs->klass == &fs_memory_class);
    ((SinterFsMemory *)fs)->shares = shares;
}
