/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A directory of records. Invariant: a record is replaced atomically, and a bad file never hides
 * the good ones: it is renamed and kept for an administrator to inspect.
 */

#include "sinter-record-dir.h"

#include "sinter-error.h"
#include "sinter-file.h"
#include "sinter-log.h"
#include "sinter-message-id.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define RECORD_MAX_BYTES (4 * 1024 * 1024)

struct _SinterRecordDir {
    char *path;
    const char *what;
    guint64 last_id;
};

SinterRecordDir *
sinter_record_dir_new(const char *path, const char *what, GError **error)
{
    SinterRecordDir *dir;

    if (g_mkdir_with_parents(path, 0700) < 0) {
        sinter_error_set_errno(error, errno, "creating the directory of %s records '%s'", what,
                               path);
        return NULL;
    }
    dir = g_new0(SinterRecordDir, 1);
    dir->path = g_strdup(path);
    dir->what = what;
    return dir;
}

void
sinter_record_dir_free(SinterRecordDir *dir)
{
    if (!dir)
        return;
    g_free(dir->path);
    g_free(dir);
}

static char *
record_path(SinterRecordDir *dir, const char *id)
{
    g_autofree char *name = g_strconcat(id, ".json", NULL);

    return g_build_filename(dir->path, name, NULL);
}

static void
set_aside(SinterRecordDir *dir, const char *path, const GError *cause)
{
    const SinterLogField fields[] = { { "MESSAGE_ID", SINTER_MESSAGE_ID_RECORD_SET_ASIDE },
                                      { NULL } };
    g_autofree char *bad = g_strconcat(path, ".bad", NULL);

    if (g_rename(path, bad) < 0)
        bad[strlen(path)] = '\0';
    sinter_log(G_LOG_LEVEL_WARNING, fields, "%s record '%s' was renamed to '%s': %s", dir->what,
               path, bad, cause->message);
}

/* Matches "ID.json.XXXXXX": what a write that was interrupted by a crash left behind. No write is
 * in progress while records are read. */
static gboolean
is_left_over(const char *name)
{
    const char *suffix = strstr(name, ".json.");

    return suffix && strlen(suffix) == strlen(".json.XXXXXX") && !g_str_has_suffix(name, ".bad");
}

/* The id in a file's name; 0 for files that are not records (ids start at 1). */
static guint64
id_of_name(const char *name)
{
    const char *dot = strchr(name, '.');
    g_autofree char *digits = dot ? g_strndup(name, (gsize)(dot - name)) : NULL;
    guint64 id = 0;

    if (!dot || !g_str_has_prefix(dot, ".json") ||
        !g_ascii_string_to_unsigned(digits, 10, 1, G_MAXUINT32, &id, NULL))
        return 0;
    return id;
}

static gboolean
load_file(const char *path, guint64 id, SinterRecordFunc func, gpointer user_data, GError **error)
{
    g_autofree char *expected = g_strdup_printf("%" G_GUINT64_FORMAT, id);
    g_autofree char *json = NULL;
    gsize len;

    json = sinter_file_read_bounded(path, RECORD_MAX_BYTES, &len, error);
    return json && func(expected, json, (gssize)len, user_data, error);
}

gboolean
sinter_record_dir_load(SinterRecordDir *dir, SinterRecordFunc func, gpointer user_data,
                       GError **error)
{
    g_autoptr(GDir) folder = g_dir_open(dir->path, 0, error);
    const char *name;

    if (!folder)
        return FALSE;
    while ((name = g_dir_read_name(folder))) {
        g_autofree char *path = g_build_filename(dir->path, name, NULL);
        g_autoptr(GError) cause = NULL;
        guint64 id = id_of_name(name);

        dir->last_id = MAX(dir->last_id, id);
        if (id != 0 && is_left_over(name))
            g_unlink(path);
        if (id != 0 && g_str_has_suffix(name, ".json") &&
            !load_file(path, id, func, user_data, &cause))
            set_aside(dir, path, cause);
    }
    return TRUE;
}

int
sinter_record_dir_compare_ids(const char *a, const char *b)
{
    guint64 x = g_ascii_strtoull(a, NULL, 10);
    guint64 y = g_ascii_strtoull(b, NULL, 10);

    return x < y ? -1 : x > y;
}

char *
sinter_record_dir_new_id(SinterRecordDir *dir)
{
    return g_strdup_printf("%" G_GUINT64_FORMAT, ++dir->last_id);
}

gboolean
sinter_record_dir_save(SinterRecordDir *dir, const char *id, const char *json, GError **error)
{
    g_autofree char *path = record_path(dir, id);

    return sinter_file_replace_durably(path, json, strlen(json), 0600, error);
}

gboolean
sinter_record_dir_remove(SinterRecordDir *dir, const char *id, GError **error)
{
    g_autofree char *path = record_path(dir, id);

    return sinter_file_remove_durably(path, error);
}
