/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Notices to the programs of the hook folders. Invariant: for each incident the programs run one
 * after the other and for one notice at a time; what changes meanwhile becomes one further notice,
 * so that neither a program that hangs nor a guest that fails again and again makes them pile up.
 * Folders and programs are only touched in threads.
 */

#include "sinter-hooks.h"

#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sinter-error.h"
#include "sinter-hook-program.h"
#include "sinter-incident-notice.h"
#include "sinter-log.h"
#include "sinter-message-id.h"
#include "sinter-worker-user.h"

/* How many notices are handled at the same time. */
#define MAX_THREADS 4

struct _SinterHooks {
    SinterIncidentLog *incidents;
    char *folders;
    guint time_limit_sec;
    GThreadPool *pool;
    GCancellable *stopped;
    GHashTable *told;    /* ID of an incident → key of its last notice */
    GHashTable *running; /* set of IDs of incidents */
    gulong changed_id;
    gulong removed_id;
};

/* A notice. */
typedef struct {
    char *id;
    char *json;
    char *folders;
    guint time_limit_sec;
} Notice;

static void
notice_free(gpointer data)
{
    Notice *notice = data;

    g_free(notice->id);
    g_free(notice->json);
    g_free(notice->folders);
    g_free(notice);
}

/* --- in a thread ------------------------------------------------------------------------------ */

static void
log_failure(const Notice *notice, const char *name, const GError *error)
{
    const SinterLogField fields[] = {
        { "MESSAGE_ID", SINTER_MESSAGE_ID_HOOK_FAILED },
        { "SINTER_INCIDENT", notice->id },
        { "SINTER_HOOK", name },
        { NULL },
    };

    sinter_log(G_LOG_LEVEL_WARNING, fields, "Hook '%s' failed for incident %s: %s", name,
               notice->id, error->message);
}

static gint
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* (transfer full) (element-type utf8): names of the executables, in their order; not of files that
 * an editor or a package manager leaves behind */
static GPtrArray *
list_programs(const char *folder)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        if (name[0] != '.' && !strchr(name, '~') && !g_str_has_suffix(name, ".dpkg-old") &&
            g_file_test(path, G_FILE_TEST_IS_EXECUTABLE) && !g_file_test(path, G_FILE_TEST_IS_DIR))
            g_ptr_array_add(names, g_strdup(name));
    }
    g_ptr_array_sort(names, compare_names);
    return names;
}

/* A link to a trusted program is trusted only if root or this user has made it: in a folder that
 * others can write to, a link could lead to any program of the host. */
static gboolean
check_entry(const char *path, GError **error)
{
    struct stat st;

    if (lstat(path, &st) < 0 || st.st_uid == 0 || st.st_uid == geteuid())
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED,
                "it is not used because user %u has created it", (guint)st.st_uid);
    return FALSE;
}

static void
run_program(const Notice *notice, const char *folder, const char *name,
            const SinterHookLimits *limits)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *real_path = realpath(path, NULL);
    g_autoptr(GError) error = NULL;

    if (!check_entry(path, &error) ||
        !sinter_hook_program_run(real_path ? real_path : path, notice->json, limits, &error))
        log_failure(notice, name, error);
}

static void
run_folder(const Notice *notice, const char *folder, GCancellable *stopped)
{
    g_autoptr(GPtrArray) names = list_programs(folder);
    SinterHookLimits limits = { .time_limit_msec = notice->time_limit_sec * 1000 };

    if (names->len > 0)
        sinter_worker_user_find(&limits.uid, &limits.gid);
    for (guint i = 0; i < names->len && !g_cancellable_is_cancelled(stopped); i++)
        run_program(notice, folder, g_ptr_array_index(names, i), &limits);
}

static void
run_programs(gpointer data, gpointer user_data)
{
    g_autoptr(GTask) task = data;
    const Notice *notice = g_task_get_task_data(task);
    g_auto(GStrv) folders = g_strsplit(notice->folders, ":", -1);

    for (guint i = 0; folders[i]; i++)
        run_folder(notice, folders[i], g_task_get_cancellable(task));
    g_task_return_boolean(task, TRUE);
}

/* --- in the main context ---------------------------------------------------------------------- */

static void consider(SinterHooks *self, const SinterIncident *incident);

static void
on_ran(GObject *source, GAsyncResult *result, gpointer user_data)
{
    SinterHooks *self = user_data;
    const Notice *notice = g_task_get_task_data(G_TASK(result));
    const SinterIncident *incident;

    /* cancelled: the hooks are freed */
    if (!g_task_propagate_boolean(G_TASK(result), NULL))
        return;
    g_hash_table_remove(self->running, notice->id);
    incident = sinter_incident_log_lookup(self->incidents, notice->id, NULL);
    if (incident)
        consider(self, incident);
}

static void
tell(SinterHooks *self, const SinterIncident *incident)
{
    GTask *task = g_task_new(NULL, self->stopped, on_ran, self);
    Notice *notice = g_new0(Notice, 1);

    notice->id = g_strdup(incident->id);
    notice->json = sinter_incident_notice_to_json(incident);
    notice->folders = g_strdup(self->folders);
    notice->time_limit_sec = self->time_limit_sec;
    g_task_set_task_data(task, notice, notice_free);
    g_hash_table_add(self->running, g_strdup(incident->id));
    g_thread_pool_push(self->pool, task, NULL);
}

static void
consider(SinterHooks *self, const SinterIncident *incident)
{
    g_autofree char *key = sinter_incident_notice_get_key(incident);

    if (!key || g_hash_table_contains(self->running, incident->id) ||
        g_strcmp0(key, g_hash_table_lookup(self->told, incident->id)) == 0)
        return;
    g_hash_table_insert(self->told, g_strdup(incident->id), g_steal_pointer(&key));
    tell(self, incident);
}

static void
on_changed(SinterIncidentLog *incidents, const SinterIncident *incident, SinterHooks *self)
{
    consider(self, incident);
}

static void
on_removed(SinterIncidentLog *incidents, const SinterIncident *incident, SinterHooks *self)
{
    g_hash_table_remove(self->told, incident->id);
}

/* What an earlier run of the daemon has reported. */
static void
remember_known(SinterHooks *self)
{
    g_autoptr(GPtrArray) known = sinter_incident_log_list(self->incidents);

    for (guint i = 0; i < known->len; i++) {
        const SinterIncident *incident = g_ptr_array_index(known, i);
        char *key = sinter_incident_notice_get_key(incident);

        if (key)
            g_hash_table_insert(self->told, g_strdup(incident->id), key);
    }
}

SinterHooks *
sinter_hooks_new(SinterIncidentLog *incidents, const char *folders, guint time_limit_sec)
{
    SinterHooks *self = g_new0(SinterHooks, 1);

    self->incidents = g_object_ref(incidents);
    self->folders = g_strdup(folders);
    self->time_limit_sec = time_limit_sec;
    self->pool = g_thread_pool_new(run_programs, NULL, MAX_THREADS, FALSE, NULL);
    self->stopped = g_cancellable_new();
    self->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->running = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    remember_known(self);
    self->changed_id =
        g_signal_connect(incidents, "incident-changed", G_CALLBACK(on_changed), self);
    self->removed_id =
        g_signal_connect(incidents, "incident-removed", G_CALLBACK(on_removed), self);
    return self;
}

void
sinter_hooks_free(SinterHooks *hooks)
{
    if (!hooks)
        return;
    g_cancellable_cancel(hooks->stopped);
    g_thread_pool_free(hooks->pool, FALSE, FALSE);
    g_signal_handler_disconnect(hooks->incidents, hooks->changed_id);
    g_signal_handler_disconnect(hooks->incidents, hooks->removed_id);
    g_object_unref(hooks->incidents);
    g_object_unref(hooks->stopped);
    g_hash_table_unref(hooks->told);
    g_hash_table_unref(hooks->running);
    g_free(hooks->folders);
    g_free(hooks);
}
