/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Turns a scanned chain into file descriptors that can be passed on. Invariant: a file is opened
 * for writing only if the plan writes to it, and all locks are held before the first byte is read.
 */

#include "sinter-offline-files.h"

#include "sinter-identity.h"
#include "sinter-point.h"

#include <sinter/image.h>

struct _SinterOfflineFiles {
    GPtrArray *files; /* of SinterOfflineFile, the active layer first */
    guint first;      /* the ends of the range */
    guint last;
    SinterWorkerDirection direction;
};

void
sinter_offline_files_free(SinterOfflineFiles *files)
{
    if (!files)
        return;
    g_ptr_array_unref(files->files);
    g_free(files);
}

static SinterOfflineFile *
get_file(const SinterOfflineFiles *self, guint place)
{
    return g_ptr_array_index(self->files, place);
}

/* --- selecting the images --------------------------------------------------------------------- */

/* The index of @path in the chain; the number of layers for NULL, which means below the last
 * one. */
static gboolean
find_place(const SinterDisk *disk, const char *path, guint *ret_place, GError **error)
{
    for (guint i = 0; i < disk->layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(disk->layers, i);

        if (path && g_strcmp0(layer->path, path) == 0) {
            *ret_place = i;
            return TRUE;
        }
    }
    if (!path) {
        *ret_place = disk->layers->len;
        return TRUE;
    }
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                "'%s' is no longer in the chain of disk %s", path, disk->target);
    return FALSE;
}

static gboolean
find_stretch(SinterOfflineFiles *self, const SinterDisk *disk, const SinterDiskPlan *plan,
             GError **error)
{
    guint base;

    if (!find_place(disk, plan->top_path, &self->first, error) ||
        !find_place(disk, plan->base_path, &base, error))
        return FALSE;
    self->direction =
        plan->operation == SINTER_OPERATION_PULL ? SINTER_WORKER_UP : SINTER_WORKER_DOWN;
    /* a pull stops above its base */
    self->last = self->direction == SINTER_WORKER_UP ? base - 1 : base;
    if (self->first < self->last && self->last < disk->layers->len)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                "the chain of disk %s has changed since the plan was made", disk->target);
    return FALSE;
}

static guint
get_result_place(const SinterOfflineFiles *self)
{
    return self->direction == SINTER_WORKER_UP ? self->first : self->last;
}

/* When merging down, the layer above the range gets a new backing file name as well. */
static gboolean
is_written(const SinterOfflineFiles *self, guint place)
{
    return place == get_result_place(self) ||
           (self->direction == SINTER_WORKER_DOWN && place + 1 == self->first);
}

static void
add_file(SinterOfflineFiles *self, const SinterLayer *layer)
{
    const SinterIdentity identity = { layer->device, layer->inode };

    g_ptr_array_add(self->files, sinter_offline_file_new(layer->path, layer->format, &identity,
                                                         is_written(self, self->files->len)));
}

/* --- checking the headers --------------------------------------------------------------------- */

static void
set_header_error(const SinterOfflineFile *file, const SinterImageInfo *info,
                 const SinterOfflineFile *below, GError **error)
{
    const char *backing = info->backing_path ? info->backing_path : info->backing_name;

    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                "the backing file in the header of '%s' is %s%s%s, and in the domain XML %s%s%s: "
                "make them agree (sinter-img rebase -u, virsh edit)",
                file->path, backing ? "'" : "nothing", backing ? backing : "", backing ? "'" : "",
                below ? "'" : "nothing", below ? below->path : "", below ? "'" : "");
}

/* Without the format in the header the chain could not be opened by its headers alone, and libvirt
 * would refuse it. */
static gboolean
check_backing_format(const SinterOfflineFile *file, const SinterImageInfo *info,
                     const SinterOfflineFile *below, GError **error)
{
    if (g_strcmp0(info->backing_format, below->format) == 0)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "'%s' stores %s%s%s as the format of its backing file '%s', whose format is '%s': "
                "store it with sinter-img rebase -u -F %s",
                file->path, info->backing_format ? "'" : "nothing",
                info->backing_format ? info->backing_format : "", info->backing_format ? "'" : "",
                below->path, below->format, below->format);
    return FALSE;
}

/* Checks that the image at @place has the next one as its backing file, and the last one has
 * none. */
static gboolean
check_header(const SinterOfflineFiles *self, guint place, GError **error)
{
    const SinterOfflineFile *file = get_file(self, place);
    SinterOfflineFile *below = place + 1 < self->files->len ? get_file(self, place + 1) : NULL;
    g_autoptr(SinterIo) io = sinter_io_new_fd(file->fd, file->path, SINTER_IO_READ, error);
    g_autoptr(SinterImageInfo) info = NULL;
    SinterIdentity identity;

    info = io ? sinter_image_info_new_for_io(io, file->format, error) : NULL;
    if (!info)
        return FALSE;
    if (!below && !info->backing_name)
        return TRUE;
    if (below && info->backing_path &&
        sinter_identity_read(info->backing_path, &identity, NULL) == 0 &&
        sinter_file_id_equal(identity, below->identity)) {
        g_free(below->name);
        below->name = g_strdup(info->backing_path);
        return check_backing_format(file, info, below, error);
    }
    set_header_error(file, info, below, error);
    return FALSE;
}

SinterOfflineFiles *
sinter_offline_files_open(const SinterDisk *disk, const SinterDiskPlan *plan, GError **error)
{
    g_autoptr(SinterOfflineFiles) self = g_new0(SinterOfflineFiles, 1);

    self->files = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_offline_file_free);
    if (!find_stretch(self, disk, plan, error))
        return NULL;
    for (guint i = 0; i < disk->layers->len; i++) {
        add_file(self, g_ptr_array_index(disk->layers, i));
        if (!sinter_offline_file_open(get_file(self, i), error))
            return NULL;
    }
    SINTER_POINT("images-opened");
    for (guint i = 0; i < self->files->len; i++) {
        if (!sinter_offline_file_lock(get_file(self, i), error))
            return NULL;
    }
    SINTER_POINT("images-locked");
    for (guint i = 0; i < self->files->len; i++) {
        if (!check_header(self, i, error))
            return NULL;
    }
    SINTER_POINT("headers-checked");
    sinter_offline_file_open_direct(get_file(self, get_result_place(self)));
    return g_steal_pointer(&self);
}

/* --- accessors -------------------------------------------------------------------------------- */

const char *
sinter_offline_files_get_result_format(const SinterOfflineFiles *files)
{
    return get_file(files, get_result_place(files))->format;
}

void
sinter_offline_files_make_task(const SinterOfflineFiles *files, guint64 bandwidth_bytes_per_sec,
                               SinterWorkerTask *task)
{
    sinter_worker_task_init(task, SINTER_WORKER_MERGE);
    for (guint i = 0; i < files->files->len; i++)
        sinter_worker_task_add_file(task, get_file(files, i));
    task->request->first = files->first;
    task->request->last = files->last;
    task->request->direction = files->direction;
    task->request->bandwidth_bytes_per_sec = bandwidth_bytes_per_sec;
}
