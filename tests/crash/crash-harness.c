/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Builds crash states and has them judged. It owns a copy of each file as it is durable so far,
 * and the list of what is pending; a state is the copy with some of the pending on top.
 */

#include "crash-harness.h"

#include <string.h>

#define SECTOR_BYTES 512
#define ALL_SUBSETS_MAX 12
#define CHANCE_SUBSETS 200

typedef struct {
    const CrashOptions *options;
    GPtrArray *log;
    CrashBase durable;
    GArray *pending; /* of guint: places in the log */
    guint log_end;
    GRand *rand;
    GHashTable *seen; /* hashes of the states of this epoch */
    CrashCheck check;
    gpointer user_data;
    CrashCount count;
} Explorer;

static void
file_free(gpointer data)
{
    CrashFile *self = data;

    g_free(self->path);
    g_byte_array_unref(self->content);
    g_free(self);
}

void
crash_base_init(CrashBase *self, SinterFs *fs, const char *const *paths)
{
    self->files = g_ptr_array_new_with_free_func(file_free);
    for (; *paths; paths++) {
        g_autoptr(SinterIo) io = sinter_fs_open(fs, *paths, SINTER_IO_READ, NULL);
        CrashFile *file = g_new0(CrashFile, 1);
        SinterIoStat st;

        g_assert_nonnull(io);
        g_assert_true(sinter_io_stat(io, &st, NULL));
        file->path = g_strdup(*paths);
        file->inode = st.inode;
        file->content = g_byte_array_new();
        g_byte_array_set_size(file->content, (guint)st.size_bytes);
        g_assert_true(sinter_io_read(io, 0, file->content->data, st.size_bytes, NULL));
        g_ptr_array_add(self->files, file);
    }
}

static void
base_copy(CrashBase *self, const CrashBase *from)
{
    self->files = g_ptr_array_new_with_free_func(file_free);
    for (guint i = 0; i < from->files->len; i++) {
        const CrashFile *other = g_ptr_array_index(from->files, i);
        CrashFile *file = g_new0(CrashFile, 1);

        file->path = g_strdup(other->path);
        file->inode = other->inode;
        file->content = g_byte_array_sized_new(other->content->len);
        g_byte_array_append(file->content, other->content->data, other->content->len);
        g_ptr_array_add(self->files, file);
    }
}

void
crash_base_clear(CrashBase *self)
{
    g_clear_pointer(&self->files, g_ptr_array_unref);
}

static CrashFile *
base_find(const CrashBase *self, guint64 inode)
{
    for (guint i = 0; i < self->files->len; i++) {
        CrashFile *file = g_ptr_array_index(self->files, i);

        if (file->inode == inode)
            return file;
    }
    g_error("the record names a file that was not there when it began");
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

/* @sectors: NULL, or which sectors of a write arrive. */
static void
base_apply(CrashBase *self, const SinterRecord *record, const guint8 *sectors)
{
    GByteArray *content = base_find(self, record->inode)->content;
    const guint8 *data;

    switch (record->kind) {
    case SINTER_RECORD_WRITE:
        data = g_bytes_get_data(record->data, NULL);
        content_grow(content, record->offset + record->length);
        for (guint64 at = 0, n; at < record->length; at += n) {
            guint64 sector = (record->offset + at) / SECTOR_BYTES;

            n = MIN(record->length - at, (sector + 1) * SECTOR_BYTES - (record->offset + at));
            if (!sectors || sectors[sector - record->offset / SECTOR_BYTES])
                memcpy(content->data + record->offset + at, data + at, n);
        }
        break;
    case SINTER_RECORD_DISCARD:
        memset(content->data + record->offset, 0,
               MIN(record->length, content->len - MIN(content->len, record->offset)));
        break;
    case SINTER_RECORD_TRUNCATE:
        content_grow(content, record->offset);
        g_byte_array_set_size(content, (guint)record->offset);
        break;
    default:
        break;
    }
}

static guint64
base_hash(const CrashBase *self)
{
    guint64 hash = G_GUINT64_CONSTANT(0xcbf29ce484222325);

    for (guint i = 0; i < self->files->len; i++) {
        const GByteArray *content = ((CrashFile *)g_ptr_array_index(self->files, i))->content;
        guint at;

        for (at = 0; at + 8 <= content->len; at += 8) {
            guint64 word;

            memcpy(&word, content->data + at, 8);
            hash = (hash ^ word) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
            hash ^= hash >> 29;
        }
        hash = (hash ^ content->len) * G_GUINT64_CONSTANT(0x100000001b3);
    }
    return hash;
}

static SinterFs *
base_make_fs(const CrashBase *self)
{
    SinterFs *fs = sinter_fs_new_memory();

    for (guint i = 0; i < self->files->len; i++) {
        const CrashFile *file = g_ptr_array_index(self->files, i);
        g_autoptr(SinterIo) io = sinter_fs_open(fs, file->path, SINTER_IO_CREATE, NULL);

        g_assert_true(sinter_io_write(io, 0, file->content->data, file->content->len, NULL));
    }
    return fs;
}

static void
explorer_judge(Explorer *self, const CrashBase *state, const char *how)
{
    gint64 hash = (gint64)base_hash(state);
    g_autoptr(SinterFs) fs = NULL;
    g_autofree char *trouble = NULL;

    if (!g_hash_table_add(self->seen, g_memdup2(&hash, sizeof hash)))
        return;
    self->count.states++;
    fs = base_make_fs(state);
    trouble = self->check(fs, self->log_end, self->user_data);
    if (!trouble)
        return;
    self->count.violations++;
    if (!self->count.first)
        self->count.first =
            g_strdup_printf("before entry %u of the record, %s: %s", self->log_end, how, trouble);
}

/* The state with those pending entries that @keep says; entry @torn arrives in part. */
static void
explorer_visit(Explorer *self, const guint8 *keep, guint torn, const guint8 *sectors,
               const char *how)
{
    CrashBase state;

    base_copy(&state, &self->durable);
    for (guint i = 0; i < self->pending->len; i++) {
        const SinterRecord *record =
            g_ptr_array_index(self->log, g_array_index(self->pending, guint, i));

        if (keep[i] || i == torn)
            base_apply(&state, record, i == torn ? sectors : NULL);
    }
    explorer_judge(self, &state, how);
    crash_base_clear(&state);
}

static void
visit_all_subsets(Explorer *self, guint8 *keep)
{
    guint n = self->pending->len;

    for (guint set = 0; set < 1U << n; set++) {
        for (guint i = 0; i < n; i++)
            keep[i] = (set >> i) & 1;
        explorer_visit(self, keep, G_MAXUINT, NULL, "a subset");
    }
}

static void
visit_telling_subsets(Explorer *self, guint8 *keep)
{
    guint n = self->pending->len;

    for (guint i = 0; i < n; i++) {
        memset(keep, 0, n);
        keep[i] = 1;
        explorer_visit(self, keep, G_MAXUINT, NULL, "one write alone");
        memset(keep, 1, n);
        keep[i] = 0;
        explorer_visit(self, keep, G_MAXUINT, NULL, "one write missing");
        memset(keep, 0, n);
        memset(keep, 1, i);
        explorer_visit(self, keep, G_MAXUINT, NULL, "a prefix");
    }
    memset(keep, 1, n);
    explorer_visit(self, keep, G_MAXUINT, NULL, "all");
    for (guint k = 0; self->options->thorough && k < CHANCE_SUBSETS; k++) {
        for (guint i = 0; i < n; i++)
            keep[i] = (guint8)g_rand_int_range(self->rand, 0, 2);
        explorer_visit(self, keep, G_MAXUINT, NULL, "a subset by chance");
    }
}

static void
visit_torn(Explorer *self, guint8 *keep)
{
    for (guint i = 0; i < self->pending->len; i++) {
        const SinterRecord *record =
            g_ptr_array_index(self->log, g_array_index(self->pending, guint, i));
        gsize n = (gsize)(record->length / SECTOR_BYTES + 2);
        g_autofree guint8 *sectors = g_malloc(n);

        if (record->kind != SINTER_RECORD_WRITE || record->length <= SECTOR_BYTES)
            continue;
        for (guint others = 0; others < 2; others++) {
            for (gsize k = 0; k < n; k++)
                sectors[k] = (guint8)g_rand_int_range(self->rand, 0, 2);
            memset(keep, (int)others, self->pending->len);
            explorer_visit(self, keep, i, sectors, "a torn write");
        }
    }
}

/* All that can be on storage at this moment. */
static void
explorer_visit_moment(Explorer *self, guint log_end)
{
    g_autofree guint8 *keep = g_malloc0(self->pending->len + 1);

    self->log_end = log_end;
    g_hash_table_remove_all(self->seen);
    if (self->pending->len <= ALL_SUBSETS_MAX && self->options->thorough)
        visit_all_subsets(self, keep);
    else
        visit_telling_subsets(self, keep);
    visit_torn(self, keep);
}

/* A flush of @inode: what is pending for it is durable. */
static void
explorer_settle(Explorer *self, guint64 inode)
{
    for (guint i = 0; i < self->pending->len;) {
        const SinterRecord *record =
            g_ptr_array_index(self->log, g_array_index(self->pending, guint, i));

        if (record->inode != inode) {
            i++;
            continue;
        }
        base_apply(&self->durable, record, NULL);
        g_array_remove_index(self->pending, i);
    }
}

CrashCount
crash_explore(const CrashBase *base, GPtrArray *log, guint from, const CrashOptions *options,
              CrashCheck check, gpointer user_data)
{
    Explorer self = { .options = options, .log = log, .check = check, .user_data = user_data };

    base_copy(&self.durable, base);
    self.pending = g_array_new(FALSE, FALSE, sizeof(guint));
    self.rand = g_rand_new_with_seed(options->seed);
    self.seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    for (guint i = from; i < log->len; i++) {
        const SinterRecord *record = g_ptr_array_index(log, i);

        if (record->kind != SINTER_RECORD_FLUSH) {
            g_array_append_val(self.pending, i);
            continue;
        }
        if (self.count.flushes++ == options->skip_flush)
            continue;
        explorer_visit_moment(&self, i);
        explorer_settle(&self, record->inode);
    }
    explorer_visit_moment(&self, log->len);
    crash_base_clear(&self.durable);
    g_array_unref(self.pending);
    g_rand_free(self.rand);
    g_hash_table_unref(self.seen);
    return self.count;
}
