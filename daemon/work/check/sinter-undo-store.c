/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The folder of undo files. Invariant: only files with the names that this module gives are
 * removed; never one of the job that is at work.
 */

#include "sinter-undo-store.h"

#include "sinter-error.h"
#include "sinter-log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_TRIES 1000

typedef struct {
    char *path;
    guint64 job;
    guint image;
    guint try;
    gint64 changed_sec;
    gint64 size_bytes;
} UndoFile;

static void
undo_file_free(gpointer data)
{
    UndoFile *file = data;

    g_free(file->path);
    g_free(file);
}

static char *
make_path(const char *dir, const char *job_id, guint image, guint try)
{
    g_autofree char *name = g_strdup_printf("job%s-%u-%u.undo", job_id, image, try);

    return g_build_filename(dir, name, NULL);
}

int
sinter_undo_store_create(const char *dir, const char *job_id, guint image, GError **error)
{
    int fd = -1;

    if (g_mkdir_with_parents(dir, 0700) < 0) {
        sinter_error_set_errno(error, errno, "creating the directory of undo files '%s'", dir);
        return -1;
    }
    for (guint try = 1; fd < 0 && try <= MAX_TRIES; try++) {
        g_autofree char *path = make_path(dir, job_id, image, try);

        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0 && !sinter_file_sync_parent(path, error)) {
            close(fd);
            return -1;
        }
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0)
        sinter_error_set_errno(error, errno, "creating an undo file in '%s'", dir);
    return fd;
}

/* --- the files that are there ------------------------------------------------------------------
 */

/* (transfer full) (nullable): NULL if the name is not one of ours */
static UndoFile *
read_file(const char *dir, const char *name)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autofree char *again = NULL;
    unsigned long long job;
    unsigned int image;
    unsigned int try;
    struct stat st;
    UndoFile *file;

    if (sscanf(name, "job%llu-%u-%u.undo", &job, &image, &try) != 3 || lstat(path, &st) < 0 ||
        !S_ISREG(st.st_mode))
        return NULL;
    again = g_strdup_printf("job%llu-%u-%u.undo", job, image, try);
    if (strcmp(again, name) != 0)
        return NULL;
    file = g_new0(UndoFile, 1);
    file->path = g_steal_pointer(&path);
    file->job = job;
    file->image = image;
    file->try = try;
    file->changed_sec = st.st_mtime;
    file->size_bytes = st.st_size;
    return file;
}

static int
compare_files(gconstpointer a, gconstpointer b)
{
    const UndoFile *one = *(const UndoFile *const *)a;
    const UndoFile *two = *(const UndoFile *const *)b;

    if (one->job != two->job)
        return one->job < two->job ? -1 : 1;
    if (one->try != two->try)
        return one->try < two->try ? -1 : 1;
    return one->image < two->image ? -1 : one->image > two->image;
}

/* (transfer full) (element-type UndoFile): the oldest first */
static GPtrArray *
list_files(const char *dir)
{
    GPtrArray *files = g_ptr_array_new_with_free_func(undo_file_free);
    g_autoptr(GDir) folder = g_dir_open(dir, 0, NULL);
    const char *name;

    while (folder && (name = g_dir_read_name(folder))) {
        UndoFile *file = read_file(dir, name);

        if (file)
            g_ptr_array_add(files, file);
    }
    g_ptr_array_sort(files, compare_files);
    return files;
}

char **
sinter_undo_store_collect(const char *dir, const char *job_id)
{
    guint64 job = g_ascii_strtoull(job_id, NULL, 10);
    g_autoptr(GPtrArray) files = list_files(dir);
    g_autoptr(GStrvBuilder) paths = g_strv_builder_new();

    for (guint i = 0; i < files->len; i++) {
        const UndoFile *file = g_ptr_array_index(files, i);

        if (file->job == job && file->size_bytes > 0)
            g_strv_builder_add(paths, file->path);
        else if (file->job == job)
            g_unlink(file->path);
    }
    return g_strv_builder_end(paths);
}

void
sinter_undo_store_rotate(const char *dir, const char *job_id, const SinterUndoLimits *limits)
{
    guint64 job = g_ascii_strtoull(job_id, NULL, 10);
    gint64 now_sec = g_get_real_time() / G_USEC_PER_SEC;
    gint64 max_age_sec = (gint64)limits->max_days * 24 * 60 * 60;
    g_autoptr(GPtrArray) files = list_files(dir);
    guint n_left = files->len;

    for (guint i = 0; i < files->len; i++) {
        const UndoFile *file = g_ptr_array_index(files, i);
        gboolean many = limits->max_files > 0 && n_left > limits->max_files;
        gboolean old = limits->max_days > 0 && now_sec - file->changed_sec > max_age_sec;

        if (file->job == job || !(many || old))
            continue;
        sinter_log(G_LOG_LEVEL_INFO, NULL, "removing undo file '%s'", file->path);
        g_unlink(file->path);
        n_left--;
    }
}
