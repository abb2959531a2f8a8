/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Contents and names, kept apart: a write changes the one, a rename the other, and each becomes
 * durable by a call of its own. Invariant: a name leads to one file at most.
 */

#include "crash-state.h"
#include "crash-harness.h"

#include <string.h>

static void
file_free(gpointer data)
{
    CrashFile *self = data;

    g_free(self->path);
    g_byte_array_unref(self->content);
    g_free(self);
}

static CrashFile *
base_add(CrashBase *self, const char *path, guint64 inode)
{
    CrashFile *file = g_new0(CrashFile, 1);

    file->path = g_strdup(path);
    file->inode = inode;
    file->content = g_byte_array_new();
    g_ptr_array_add(self->files, file);
    return file;
}

void
crash_base_init(CrashBase *self, SinterFs *fs, const char *const *paths)
{
    self->files = g_ptr_array_new_with_free_func(file_free);
    for (; *paths; paths++) {
        g_autoptr(SinterIo) io = sinter_fs_open(fs, *paths, SINTER_IO_READ, NULL);
        CrashFile *file;
        SinterIoStat st;

        g_assert_nonnull(io);
        g_assert_true(sinter_io_stat(io, &st, NULL));
        file = base_add(self, *paths, st.inode);
        g_byte_array_set_size(file->content, (guint)st.size_bytes);
        g_assert_true(sinter_io_read(io, 0, file->content->data, st.size_bytes, NULL));
    }
}

void
crash_base_copy(CrashBase *self, const CrashBase *from)
{
    self->files = g_ptr_array_new_with_free_func(file_free);
    for (guint i = 0; i < from->files->len; i++) {
        const CrashFile *other = g_ptr_array_index(from->files, i);
        CrashFile *file = base_add(self, other->path, other->inode);

        g_byte_array_append(file->content, other->content->data, other->content->len);
    }
}

void
crash_base_clear(CrashBase *self)
{
    g_clear_pointer(&self->files, g_ptr_array_unref);
}

static CrashFile *
base_of_name(const CrashBase *self, const char *path)
{
    for (guint i = 0; i < self->files->len; i++) {
        CrashFile *file = g_ptr_array_index(self->files, i);

        if (g_strcmp0(file->path, path) == 0)
            return file;
    }
    return NULL;
}

guint64
crash_base_find_name(const CrashBase *self, const char *path)
{
    const CrashFile *file = base_of_name(self, path);

    return file ? file->inode : 0;
}

/* A file that storage does not know yet has no name and no bytes. */
static CrashFile *
base_of_inode(CrashBase *self, guint64 inode)
{
    for (guint i = 0; i < self->files->len; i++) {
        CrashFile *file = g_ptr_array_index(self->files, i);

        if (file->inode == inode)
            return file;
    }
    return base_add(self, NULL, inode);
}

/* @inode 0: the name leads nowhere any more. */
static void
base_set_name(CrashBase *self, const char *path, guint64 inode)
{
    CrashFile *file = base_of_name(self, path);

    if (file)
        g_clear_pointer(&file->path, g_free);
    if (inode == 0)
        return;
    file = base_of_inode(self, inode);
    g_free(file->path);
    file->path = g_strdup(path);
}

static void
content_grow(GByteArray *content, guint64 size)
{
    guint old = content->len;

    if (size <= old)
        return;
    g_byte_array_set_size(content, (guint)size);
    memset(content->data + old, 0, size - old);
}

static void
content_write(GByteArray *content, const SinterRecord *record, const guint8 *sectors)
{
    const guint8 *data = g_bytes_get_data(record->data, NULL);

    content_grow(content, record->offset + record->length);
    for (guint64 at = 0, n; at < record->length; at += n) {
        guint64 sector = (record->offset + at) / CRASH_SECTOR_BYTES;

        n = MIN(record->length - at, (sector + 1) * CRASH_SECTOR_BYTES - (record->offset + at));
        if (!sectors || sectors[sector - record->offset / CRASH_SECTOR_BYTES])
            memcpy(content->data + record->offset + at, data + at, n);
    }
}

gboolean
crash_record_is_name(const SinterRecord *record)
{
    return record->kind == SINTER_RECORD_CREATE || record->kind == SINTER_RECORD_LINK ||
           record->kind == SINTER_RECORD_RENAME || record->kind == SINTER_RECORD_REMOVE;
}

void
crash_base_apply(CrashBase *self, const SinterRecord *record, guint64 inode, const guint8 *sectors)
{
    GByteArray *content = crash_record_is_name(record) ? NULL : base_of_inode(self, inode)->content;

    switch (record->kind) {
    case SINTER_RECORD_CREATE:
    case SINTER_RECORD_LINK:
        base_set_name(self, record->path, inode);
        break;
    case SINTER_RECORD_RENAME:
        base_set_name(self, record->to, inode);
        break;
    case SINTER_RECORD_REMOVE:
        base_set_name(self, record->path, 0);
        break;
    case SINTER_RECORD_WRITE:
        content_write(content, record, sectors);
        break;
    case SINTER_RECORD_DISCARD:
        if (record->offset < content->len)
            memset(content->data + record->offset, 0,
                   MIN(record->length, content->len - record->offset));
        break;
    case SINTER_RECORD_TRUNCATE:
        content_grow(content, record->offset);
        g_byte_array_set_size(content, (guint)record->offset);
        break;
    case SINTER_RECORD_FLUSH:
    case SINTER_RECORD_SYNC_FOLDER:
        break;
    }
}

static guint64
hash_word(guint64 hash, guint64 word)
{
    hash = (hash ^ word) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

/* Sums over the files, so that their order does not matter. */
guint64
crash_base_hash(const CrashBase *self)
{
    guint64 sum = 0;

    for (guint i = 0; i < self->files->len; i++) {
        const CrashFile *file = g_ptr_array_index(self->files, i);
        guint64 hash = G_GUINT64_CONSTANT(0xcbf29ce484222325);
        guint at;

        if (!file->path)
            continue;
        for (at = 0; at + 8 <= file->content->len; at += 8) {
            guint64 word;

            memcpy(&word, file->content->data + at, 8);
            hash = hash_word(hash, word);
        }
        for (; at < file->content->len; at++)
            hash = hash_word(hash, file->content->data[at]);
        hash = hash_word(hash, file->content->len);
        sum += hash_word(hash, g_str_hash(file->path));
    }
    return sum;
}

SinterFs *
crash_base_make_fs(const CrashBase *self)
{
    SinterFs *fs = sinter_fs_new_memory();

    for (guint i = 0; i < self->files->len; i++) {
        const CrashFile *file = g_ptr_array_index(self->files, i);
        g_autoptr(SinterIo) io = NULL;

        if (!file->path)
            continue;
        io = sinter_fs_open(fs, file->path, SINTER_IO_CREATE, NULL);
        g_assert_nonnull(io);
        g_assert_true(sinter_io_write(io, 0, file->content->data, file->content->len, NULL));
    }
    return fs;
}
