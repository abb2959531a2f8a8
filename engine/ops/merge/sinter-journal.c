/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Stores the journal of a merge in a file. Invariant: its name refers to a complete journal or to
 * none. A new journal is written to a temporary name in the same folder, made durable, and renamed.
 * Only its phase can change in place, within one sector.
 */

#include "sinter-journal.h"
#include "sinter-error.h"
#include "sinter-leftover.h"

#include <errno.h>
#include <string.h>

#define JOURNAL_VERSION 1
#define JOURNAL_MAX_BYTES (1024 * 1024)
#define SECTOR_BYTES 512
#define MAIN "merge"
#define LEFTOVER "leftover "
/* Of the same length, so that one can replace the other in place; blank lines are ignored. */
#define PHASE_MOVING "phase=moving\n\n\n"
#define PHASE_REMOVING "phase=removing\n"

SinterJournal *
sinter_journal_new(void)
{
    SinterJournal *self = g_new0(SinterJournal, 1);

    self->leftover = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_leftover_free);
    return self;
}

void
sinter_journal_free(SinterJournal *self)
{
    if (!self)
        return;
    g_free(self->top);
    g_free(self->base);
    g_free(self->remove);
    g_strfreev(self->members);
    g_free(self->child);
    g_free(self->backing);
    g_ptr_array_unref(self->leftover);
    g_strfreev(self->lost_bitmaps);
    g_strfreev(self->lost_bitmap_files);
    g_free(self);
}

char *
sinter_journal_path(const char *image)
{
    g_autofree char *folder = g_path_get_dirname(image);
    g_autofree char *base = g_path_get_basename(image);
    g_autofree char *name = g_strdup_printf(".%.200s.sinter-journal", base);

    /* keep "a", do not turn it into "./a": files in memory have no folders */
    return strchr(image, '/') ? g_build_filename(folder, name, NULL) : g_steal_pointer(&name);
}

/* Texts may contain any bytes. */

static void
put_text(GKeyFile *file, const char *group, const char *key, const char *text)
{
    g_autofree char *escaped = text ? g_strescape(text, NULL) : NULL;

    if (escaped)
        g_key_file_set_string(file, group, key, escaped);
}

static char *
get_text(GKeyFile *file, const char *group, const char *key)
{
    g_autofree char *escaped = g_key_file_get_string(file, group, key, NULL);

    return escaped ? g_strcompress(escaped) : NULL;
}

/* Texts whose keys are @what and a number. @texts: (nullable) */
static void
put_texts(GKeyFile *file, const char *what, char *const *texts)
{
    for (guint i = 0; texts && texts[i]; i++) {
        g_autofree char *key = g_strdup_printf("%s-%u", what, i);

        put_text(file, MAIN, key, texts[i]);
    }
}

static char **
get_texts(GKeyFile *file, const char *what)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0;; i++) {
        g_autofree char *key = g_strdup_printf("%s-%u", what, i);
        char *text = get_text(file, MAIN, key);

        g_ptr_array_add(texts, text);
        if (!text)
            return (char **)g_ptr_array_free(g_steal_pointer(&texts), FALSE);
    }
}

static void
put_leftover(GKeyFile *file, const SinterLeftover *leftover, guint number)
{
    g_autofree char *group = g_strdup_printf(LEFTOVER "%u", number);

    put_text(file, group, "path", leftover->path);
    g_key_file_set_uint64(file, group, "size-bytes", leftover->size_bytes);
    g_key_file_set_string(file, group, "sha256", leftover->digest);
}

/* Returns FALSE if a part is missing. */
static gboolean
get_leftover(GKeyFile *file, guint number, GPtrArray *leftover)
{
    g_autofree char *group = g_strdup_printf(LEFTOVER "%u", number);
    SinterLeftover *one = g_new0(SinterLeftover, 1);

    g_ptr_array_add(leftover, one);
    one->path = get_text(file, group, "path");
    one->size_bytes = g_key_file_get_uint64(file, group, "size-bytes", NULL);
    one->digest = g_key_file_get_string(file, group, "sha256", NULL);
    return one->path && one->digest;
}

/* Returns @text, of a key file, with space for the other phase. */
static char *
pad_phase(const char *text)
{
    const char *at = strstr(text, "phase=moving\n");

    return at ? g_strdup_printf("%.*s" PHASE_MOVING "%s", (int)(at - text), text,
                                at + strlen("phase=moving\n"))
              : g_strdup(text);
}

static char *
journal_format(const SinterJournal *self)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *text = NULL;

    g_key_file_set_integer(file, MAIN, "version", JOURNAL_VERSION);
    g_key_file_set_string(file, MAIN, "phase",
                          self->phase == SINTER_JOURNAL_MOVING ? "moving" : "removing");
    put_text(file, MAIN, "top", self->top);
    put_text(file, MAIN, "base", self->base);
    put_text(file, MAIN, "remove", self->remove);
    g_key_file_set_boolean(file, MAIN, "drop-shadowed", self->drops_shadowed);
    g_key_file_set_boolean(file, MAIN, "delete", self->deletes);
    g_key_file_set_string(file, MAIN, "direction",
                          self->direction == SINTER_MERGE_DOWN ? "down" : "up");
    put_text(file, MAIN, "child", self->child);
    put_text(file, MAIN, "backing", self->backing);
    put_texts(file, "member", self->members);
    put_texts(file, "lost-bitmap", self->lost_bitmaps);
    put_texts(file, "lost-bitmap-file", self->lost_bitmap_files);
    g_key_file_set_uint64(file, MAIN, "n-leftover", self->leftover->len);
    for (guint i = 0; i < self->leftover->len; i++)
        put_leftover(file, g_ptr_array_index(self->leftover, i), i);
    text = g_key_file_to_data(file, NULL, NULL);
    return pad_phase(text);
}

/* Returns FALSE if the file is not a journal of this version. */
static gboolean
journal_parse_fields(SinterJournal *self, GKeyFile *file)
{
    g_autofree char *phase = g_key_file_get_string(file, MAIN, "phase", NULL);
    g_autofree char *direction = g_key_file_get_string(file, MAIN, "direction", NULL);
    guint64 n = g_key_file_get_uint64(file, MAIN, "n-leftover", NULL);

    self->phase =
        g_strcmp0(phase, "removing") == 0 ? SINTER_JOURNAL_REMOVING : SINTER_JOURNAL_MOVING;
    self->direction = g_strcmp0(direction, "down") == 0 ? SINTER_MERGE_DOWN : SINTER_MERGE_UP;
    self->top = get_text(file, MAIN, "top");
    self->base = get_text(file, MAIN, "base");
    self->remove = get_text(file, MAIN, "remove");
    self->drops_shadowed = g_key_file_get_boolean(file, MAIN, "drop-shadowed", NULL);
    self->deletes = g_key_file_get_boolean(file, MAIN, "delete", NULL);
    self->child = get_text(file, MAIN, "child");
    self->backing = get_text(file, MAIN, "backing");
    self->members = get_texts(file, "member");
    self->lost_bitmaps = get_texts(file, "lost-bitmap");
    self->lost_bitmap_files = get_texts(file, "lost-bitmap-file");
    for (guint64 i = 0; i < n; i++) {
        if (!get_leftover(file, (guint)i, self->leftover))
            return FALSE;
    }
    return g_key_file_get_integer(file, MAIN, "version", NULL) == JOURNAL_VERSION && phase &&
           direction && g_strv_length(self->members) >= 2 &&
           g_strv_length(self->lost_bitmaps) == g_strv_length(self->lost_bitmap_files);
}

static SinterJournal *
journal_parse(const char *text, const char *path, GError **error)
{
    g_autoptr(SinterJournal) self = sinter_journal_new();
    g_autoptr(GKeyFile) file = g_key_file_new();

    if (g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, NULL) &&
        journal_parse_fields(self, file))
        return g_steal_pointer(&self);
    g_set_error(
        error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
        "the journal '%s' is not valid; the images are intact: remove the journal to start again",
        path);
    return NULL;
}

gboolean
sinter_journal_load(SinterFs *fs, const char *path, SinterJournal **ret, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ | SINTER_IO_NO_LOCK, &local);
    g_autofree char *text = NULL;
    SinterIoStat st;

    *ret = NULL;
    if (!io && g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NOT_FOUND))
        return TRUE;
    if (!io) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    if (!sinter_io_stat(io, &st, error))
        return FALSE;
    st.size_bytes = MIN(st.size_bytes, JOURNAL_MAX_BYTES);
    text = g_malloc0(st.size_bytes + 1);
    if (!sinter_io_read(io, 0, text, st.size_bytes, error))
        return FALSE;
    *ret = journal_parse(text, path, error);
    return *ret != NULL;
}

/* A draft that an interruption left behind is useless. */
static gboolean
remove_draft(SinterFs *fs, const char *draft, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (sinter_fs_remove(fs, draft, &local) ||
        g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NOT_FOUND))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
write_draft(SinterFs *fs, const char *draft, const char *text, GError **error)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, draft, SINTER_IO_CREATE, error);

    return io && sinter_io_write(io, 0, text, strlen(text), error) && sinter_io_flush(io, error);
}

gboolean
sinter_journal_store(const SinterJournal *self, SinterFs *fs, const char *path, GError **error)
{
    g_autofree char *text = journal_format(self);
    g_autofree char *draft = g_strconcat(path, ".part", NULL);

    if (remove_draft(fs, draft, error) && write_draft(fs, draft, text, error) &&
        sinter_fs_rename(fs, draft, path, TRUE, error) && sinter_fs_sync_folder(fs, path, error))
        return TRUE;
    sinter_fs_remove(fs, draft, NULL);
    sinter_error_prefix(error, "writing the journal '%s': ", path);
    return FALSE;
}

gboolean
sinter_journal_set_removing(SinterFs *fs, const char *path, GError **error)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_WRITE | SINTER_IO_NO_LOCK, error);
    char start[SECTOR_BYTES + 1] = { 0 };
    const char *at = NULL;
    gsize n = 0;

    if (io && sinter_io_read_some(io, 0, start, SECTOR_BYTES, &n, error)) {
        at = strstr(start, PHASE_MOVING);
        if (!at)
            sinter_error_set_errno(error, ENOSPC, "it has no place for another phase");
    }
    if (at &&
        sinter_io_write(io, (guint64)(at - start), PHASE_REMOVING, strlen(PHASE_REMOVING), error) &&
        sinter_io_flush(io, error))
        return TRUE;
    sinter_error_prefix(error, "writing the journal '%s': ", path);
    return FALSE;
}

gboolean
sinter_journal_remove(SinterFs *fs, const char *path, GError **error)
{
    return remove_draft(fs, path, error) && sinter_fs_sync_folder(fs, path, error);
}

static gboolean
same_wish(const char *stored, const char *asked)
{
    return g_strcmp0(stored, asked) == 0;
}

gboolean
sinter_journal_matches(const SinterJournal *self, const SinterMergeOptions *options)
{
    return same_wish(self->top, options->top) && same_wish(self->base, options->base) &&
           same_wish(self->remove, options->remove) &&
           self->drops_shadowed == ((options->flags & SINTER_MERGE_DROP_SHADOWED) != 0) &&
           self->deletes == ((options->flags & SINTER_MERGE_DELETE) != 0) &&
           (options->direction == SINTER_MERGE_CHEAPER || options->direction == self->direction);
}

gboolean
sinter_journal_has_same_files(const SinterJournal *self, const SinterJournal *other)
{
    if (self->leftover->len != other->leftover->len)
        return FALSE;
    for (guint i = 0; i < self->leftover->len; i++) {
        if (!sinter_leftover_is_same(g_ptr_array_index(self->leftover, i),
                                     g_ptr_array_index(other->leftover, i)))
            return FALSE;
    }
    return TRUE;
}

char *
sinter_journal_describe(const SinterJournal *self)
{
    guint n = g_strv_length(self->members);

    return g_strdup_printf("%s of '%s' %s '%s'%s%s", self->remove ? "removal" : "merge",
                           self->members[self->direction == SINTER_MERGE_DOWN ? 0 : n - 1],
                           self->direction == SINTER_MERGE_DOWN ? "down to" : "up to",
                           self->members[self->direction == SINTER_MERGE_DOWN ? n - 1 : 0],
                           self->drops_shadowed ? ", without shadowed data" : "",
                           self->deletes ? ", removing files" : "");
}
