/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opens both chains of a job that is in doubt. Invariant: every file is locked against writers
 * before the first byte of guest data is read, and none is opened for writing.
 */

#include "sinter-resolve-files.h"

#include <sinter/image.h>
#include <sys/stat.h>

#include "sinter-error.h"

struct _SinterResolveFiles {
    GPtrArray *files; /* of SinterOfflineFile: the old chain, active layer first; a copy's
                       * destination behind it */
    guint new_top;    /* the index of the new chain's active layer */
};

void
sinter_resolve_files_free(SinterResolveFiles *files)
{
    if (!files)
        return;
    g_ptr_array_unref(files->files);
    g_free(files);
}

static SinterOfflineFile *
get_file(const SinterResolveFiles *self, guint place)
{
    return g_ptr_array_index(self->files, place);
}

static void
add_file(SinterResolveFiles *self, const char *path, const char *format,
         const SinterIdentity *identity)
{
    g_ptr_array_add(self->files, sinter_offline_file_new(path, format, identity, FALSE));
}

static gboolean
add_destination(SinterResolveFiles *self, const SinterDiskPlan *plan, GError **error)
{
    const char *format = plan->destination_format ? plan->destination_format : "qcow2";
    SinterIdentity identity;
    int rc = sinter_identity_read(plan->destination, &identity, NULL);

    if (rc != 0) {
        sinter_error_set_errno(error, rc, "opening '%s'", plan->destination);
        return FALSE;
    }
    self->new_top = self->files->len;
    add_file(self, plan->destination, format, &identity);
    return TRUE;
}

static gboolean
add_chains(SinterResolveFiles *self, const SinterDisk *disk, const SinterDiskPlan *plan,
           GError **error)
{
    guint n_after = g_strv_length(plan->chain_after);

    for (guint i = 0; i < disk->layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(disk->layers, i);
        const SinterIdentity identity = { layer->device, layer->inode };

        if (!layer->path || !layer->format) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                        "'%s' is not a file or device of a known format", layer->description);
            return FALSE;
        }
        add_file(self, layer->path, layer->format, &identity);
    }
    if (plan->operation == SINTER_OPERATION_COPY)
        return add_destination(self, plan, error);
    if (n_after == 0 || n_after >= self->files->len) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                    "the chain of disk %s has changed", disk->target);
        return FALSE;
    }
    self->new_top = self->files->len - n_after;
    return TRUE;
}

/* The worker opens a backing file by the name that the header above it has. It reports an image
 * whose header cannot be read. */
static void
take_backing_name(SinterResolveFiles *self, guint place)
{
    const SinterOfflineFile *file = get_file(self, place);
    SinterOfflineFile *below = place + 1 < self->files->len ? get_file(self, place + 1) : NULL;
    g_autoptr(SinterIo) io = sinter_io_new_fd(file->fd, file->path, SINTER_IO_READ, NULL);
    g_autoptr(SinterImageInfo) info = NULL;
    SinterIdentity identity;

    info = io ? sinter_image_info_new_for_io(io, file->format, NULL) : NULL;
    if (!below || !info || !info->backing_path ||
        sinter_identity_read(info->backing_path, &identity, NULL) != 0 ||
        !sinter_file_id_equal(identity, below->identity))
        return;
    g_free(below->name);
    below->name = g_strdup(info->backing_path);
}

SinterResolveFiles *
sinter_resolve_files_open(const SinterDisk *disk, const SinterDiskPlan *plan, GError **error)
{
    g_autoptr(SinterResolveFiles) self = g_new0(SinterResolveFiles, 1);

    self->files = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_offline_file_free);
    if (!add_chains(self, disk, plan, error))
        return NULL;
    for (guint i = 0; i < self->files->len; i++) {
        if (!sinter_offline_file_open(get_file(self, i), error))
            return NULL;
    }
    for (guint i = 0; i < self->files->len; i++) {
        if (!sinter_offline_file_lock(get_file(self, i), error))
            return NULL;
    }
    for (guint i = 0; i < self->files->len; i++)
        take_backing_name(self, i);
    return g_steal_pointer(&self);
}

void
sinter_resolve_files_make_task(const SinterResolveFiles *files, SinterWorkerTask *task)
{
    sinter_worker_task_init(task, SINTER_WORKER_COMPARE);
    for (guint i = 0; i < files->files->len; i++)
        sinter_worker_task_add_file(task, get_file(files, i));
    task->request->last = files->new_top;
}

/* --- the result ------------------------------------------------------------------------------- */

/* (transfer full) (nullable): when the file was last written; a device does not record that */
static char *
describe_time(const SinterOfflineFile *file)
{
    g_autoptr(GDateTime) time = NULL;
    g_autofree char *text = NULL;
    struct stat st;

    if (fstat(file->fd, &st) < 0 || !S_ISREG(st.st_mode))
        return NULL;
    time = g_date_time_new_from_unix_utc(st.st_mtime);
    text = time ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S UTC") : NULL;
    return text ? g_strdup_printf("last written %s", text) : NULL;
}

/* Completes @report with the name of the image and the time. */
static void
describe(SinterImageReport *report, const SinterOfflineFile *file)
{
    g_autofree char *result = g_steal_pointer(&report->text);
    g_autofree char *time = describe_time(file);

    g_free(report->path);
    report->path = g_strdup(file->path);
    report->text =
        g_strconcat(result ? result : "", result && time ? "; " : "", time ? time : "", NULL);
}

GPtrArray *
sinter_resolve_files_report(const SinterResolveFiles *files, SinterImageReport *compared,
                            const char *failure)
{
    GPtrArray *reports = sinter_image_reports_new();
    SinterImageReport *old =
        sinter_image_report_new(compared ? SINTER_IMAGE_CHECKED : SINTER_IMAGE_FAILED, NULL);

    old->complete = compared != NULL;
    if (!compared)
        compared = sinter_image_report_new(SINTER_IMAGE_FAILED, failure);
    describe(old, get_file(files, 0));
    describe(compared, get_file(files, files->new_top));
    g_ptr_array_add(reports, old);
    g_ptr_array_add(reports, compared);
    return reports;
}
