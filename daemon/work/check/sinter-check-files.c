/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Invariant: each image of the chain has either an open, locked file or a report. All images are
 * locked before the first is read.
 */

#include "sinter-check-files.h"

#include "sinter-error.h"
#include "sinter-undo-store.h"

/* An image: the file of those that are open, the report of the others. */
typedef struct {
    char *path;
    SinterOfflineFile *file;
    SinterFd undo_fd; /* of a repair; else -1 */
    SinterImageReport *report;
} Image;

struct _SinterCheckFiles {
    GPtrArray *images; /* of Image, the active layer first */
    GError *error;
};

static void
image_free(gpointer data)
{
    Image *image = data;

    sinter_offline_file_free(image->file);
    sinter_fd_clear(&image->undo_fd);
    sinter_image_report_free(image->report);
    g_free(image->path);
    g_free(image);
}

void
sinter_check_files_free(SinterCheckFiles *files)
{
    if (!files)
        return;
    g_ptr_array_unref(files->images);
    g_clear_error(&files->error);
    g_free(files);
}

static gboolean
find_identity(const char *path, const SinterDisk *disk, SinterIdentity *ret, GError **error)
{
    int rc;

    for (guint i = 0; disk && i < disk->layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(disk->layers, i);

        if (g_strcmp0(layer->path, path) != 0)
            continue;
        *ret = (SinterIdentity){ layer->device, layer->inode };
        return TRUE;
    }
    rc = sinter_identity_read(path, ret, NULL);
    if (rc != 0)
        sinter_error_set_errno(error, rc, "opening '%s'", path);
    return rc == 0;
}

/* (transfer full) (nullable) */
static SinterOfflineFile *
open_image(const char *path, const SinterDisk *disk, gboolean written, GError **error)
{
    SinterIdentity identity;
    SinterOfflineFile *file;

    if (!find_identity(path, disk, &identity, error))
        return NULL;
    file = sinter_offline_file_new(path, "qcow2", &identity, written);
    if (sinter_offline_file_open(file, error) && sinter_offline_file_lock(file, error))
        return file;
    sinter_offline_file_free(file);
    return NULL;
}

static void
note_error(SinterCheckFiles *self, Image *image, GError *error)
{
    image->report = sinter_image_report_new(SINTER_IMAGE_FAILED, error->message);
    if (self->error)
        g_error_free(error);
    else
        self->error = error;
}

/* (nullable): why the plan skips the image */
static const char *
find_skip_reason(const SinterDiskPlan *plan, const char *path)
{
    for (guint i = 0; plan->skip_paths[i] && plan->skip_reasons[i]; i++) {
        if (g_str_equal(plan->skip_paths[i], path))
            return plan->skip_reasons[i];
    }
    return NULL;
}

static void
add_image(SinterCheckFiles *self, const SinterDiskPlan *plan, const SinterDisk *disk,
          const char *path)
{
    Image *image = g_new0(Image, 1);
    GError *error = NULL;

    image->path = g_strdup(path);
    image->undo_fd = -1;
    g_ptr_array_add(self->images, image);
    if (!g_strv_contains((const char *const *)plan->check_paths, path)) {
        const char *reason = find_skip_reason(plan, path);

        image->report = sinter_image_report_new(SINTER_IMAGE_SKIPPED, reason);
        return;
    }
    image->file = open_image(path, disk, sinter_disk_plan_repairs(plan), &error);
    if (!image->file)
        note_error(self, image, error);
}

SinterCheckFiles *
sinter_check_files_open(const SinterDiskPlan *plan, const SinterDisk *disk)
{
    SinterCheckFiles *self = g_new0(SinterCheckFiles, 1);
    /* without a temporary overlay, which is empty */
    char **paths = plan->chain_after[0] ? plan->chain_after : plan->check_paths;

    self->images = g_ptr_array_new_with_free_func(image_free);
    for (; *paths; paths++)
        add_image(self, plan, disk, *paths);
    return self;
}

const GError *
sinter_check_files_get_error(const SinterCheckFiles *files)
{
    return files->error;
}

guint
sinter_check_files_get_n_open(const SinterCheckFiles *files)
{
    guint n = 0;

    for (guint i = 0; i < files->images->len; i++)
        n += ((const Image *)g_ptr_array_index(files->images, i))->file != NULL;
    return n;
}

gboolean
sinter_check_files_make_undo_files(SinterCheckFiles *files, const char *undo_dir,
                                   const char *job_id, GError **error)
{
    for (guint i = 0; i < files->images->len; i++) {
        Image *image = g_ptr_array_index(files->images, i);

        if (!image->file)
            continue;
        image->undo_fd = sinter_undo_store_create(undo_dir, job_id, i, error);
        if (image->undo_fd < 0)
            return FALSE;
    }
    return TRUE;
}

void
sinter_check_files_make_task(const SinterCheckFiles *files, SinterWorkerAction action,
                             SinterWorkerTask *task)
{
    sinter_worker_task_init(task, action);
    for (guint i = 0; i < files->images->len; i++) {
        const Image *image = g_ptr_array_index(files->images, i);
        SinterWorkerFile *file;

        if (!image->file)
            continue;
        file = sinter_worker_task_add_file(task, image->file);
        if (image->undo_fd >= 0)
            sinter_worker_task_add_undo_file(task, file, image->undo_fd);
    }
}

GPtrArray *
sinter_check_files_take_reports(SinterCheckFiles *files, GPtrArray *from_worker)
{
    GPtrArray *reports = sinter_image_reports_new();
    guint place = 0;

    for (guint i = 0; i < files->images->len; i++) {
        Image *image = g_ptr_array_index(files->images, i);
        SinterImageReport *report = g_steal_pointer(&image->report);

        if (image->file)
            report = g_steal_pointer(&g_ptr_array_index(from_worker, place++));
        if (!report)
            report = sinter_image_report_new(SINTER_IMAGE_FAILED, "sinter-worker did not report");
        g_free(report->path);
        report->path = g_strdup(image->path);
        g_ptr_array_add(reports, report);
    }
    return reports;
}
