/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The folder of job records. Invariant: a record is replaced atomically, and a bad file never hides
 * the good ones: it is renamed and kept for an administrator to inspect.
 */

#include "sinter-job-store.h"

#include "sinter-file.h"
#include "sinter-log.h"
#include "sinter-message-id.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define RECORD_MAX_BYTES (4 * 1024 * 1024)

struct _SinterJobStore {
    char *dir;
    guint64 last_id;
};

SinterJobStore *
sinter_job_store_new(const char *dir, GError **error)
{
    SinterJobStore *store;

    if (g_mkdir_with_parents(dir, 0700) < 0) {
        sinter_error_set_errno(error, errno, "creating the directory of job records '%s'", dir);
        return NULL;
    }
    store = g_new0(SinterJobStore, 1);
    store->dir = g_strdup(dir);
    return store;
}

void
sinter_job_store_free(SinterJobStore *store)
{
    if (!store)
        return;
    g_free(store->dir);
    g_free(store);
}

static char *
store_path(SinterJobStore *store, const char *id)
{
    g_autofree char *name = g_strconcat(id, ".json", NULL);

    return g_build_filename(store->dir, name, NULL);
}

static void
set_aside(const char *path, const GError *cause)
{
    const SinterLogField fields[] = { { "MESSAGE_ID", SINTER_MESSAGE_ID_RECORD_SET_ASIDE },
                                      { NULL } };
    g_autofree char *bad = g_strconcat(path, ".bad", NULL);

    if (g_rename(path, bad) < 0)
        bad[strlen(path)] = '\0';
    sinter_log(G_LOG_LEVEL_WARNING, fields, "job record '%s' was renamed to '%s': %s", path, bad,
               cause->message);
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

static SinterJobRecord *
load_record(const char *path, guint64 id, GError **error)
{
    g_autofree char *json = NULL;
    g_autoptr(SinterJobRecord) record = NULL;
    g_autofree char *expected = g_strdup_printf("%" G_GUINT64_FORMAT, id);
    gsize len;

    json = sinter_file_read_bounded(path, RECORD_MAX_BYTES, &len, error);
    if (!json)
        return NULL;
    record = sinter_job_record_from_json(json, (gssize)len, error);
    if (!record)
        return NULL;
    if (strcmp(record->id, expected) != 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT, "its ID is %s", record->id);
        return NULL;
    }
    return g_steal_pointer(&record);
}

static int
compare_records(gconstpointer a, gconstpointer b)
{
    const SinterJobRecord *one = *(const SinterJobRecord *const *)a;
    const SinterJobRecord *two = *(const SinterJobRecord *const *)b;
    guint64 x = g_ascii_strtoull(one->id, NULL, 10);
    guint64 y = g_ascii_strtoull(two->id, NULL, 10);

    return x < y ? -1 : x > y;
}

GPtrArray *
sinter_job_store_load(SinterJobStore *store, GError **error)
{
    g_autoptr(GPtrArray) records = NULL;
    g_autoptr(GDir) dir = NULL;
    const char *name;

    dir = g_dir_open(store->dir, 0, error);
    if (!dir)
        return NULL;
    records = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_job_record_free);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(store->dir, name, NULL);
        g_autoptr(GError) cause = NULL;
        guint64 id = id_of_name(name);
        SinterJobRecord *record;

        store->last_id = MAX(store->last_id, id);
        if (id != 0 && is_left_over(name))
            g_unlink(path);
        if (id == 0 || !g_str_has_suffix(name, ".json"))
            continue;
        record = load_record(path, id, &cause);
        if (record)
            g_ptr_array_add(records, record);
        else
            set_aside(path, cause);
    }
    g_ptr_array_sort(records, compare_records);
    return g_steal_pointer(&records);
}

char *
sinter_job_store_new_id(SinterJobStore *store)
{
    return g_strdup_printf("%" G_GUINT64_FORMAT, ++store->last_id);
}

gboolean
sinter_job_store_save(SinterJobStore *store, const SinterJobRecord *record, GError **error)
{
    g_autofree char *path = store_path(store, record->id);
    g_autofree char *json = sinter_job_record_to_json(record);

    return sinter_file_replace_durably(path, json, strlen(json), 0600, error);
}

gboolean
sinter_job_store_remove(SinterJobStore *store, const char *id, GError **error)
{
    g_autofree char *path = store_path(store, id);

    return sinter_file_remove_durably(path, error);
}
