/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Turns a scanned chain into file descriptors that can be passed on. Invariant: each descriptor
 * refers to a file that the scan saw with the same identity, and is opened for writing only if the
 * plan writes to it. All locks are held before the first byte is read, and after that each path is
 * checked to still lead to the locked file, because a lock does not move with a name.
 */

#include "sinter-offline-files.h"

#include "sinter-file.h"
#include "sinter-identity.h"

#include <errno.h>
#include <fcntl.h>
#include <sinter/image.h>
#include <sinter/lock.h>
#include <sys/stat.h>

/* The byte that virtlockd locks as its lease of an image; QEMU does not use it. */
#define LEASE_BYTE 0

typedef struct {
    char *path;
    char *name; /* the name in the header of the layer above, possibly another path to the same
                 * file */
    char *format;
    SinterIdentity identity;
    gboolean written;
    SinterFd fd;
    SinterFd direct_fd; /* of the merge's destination; -1: none */
} File;

struct _SinterOfflineFiles {
    GPtrArray *files; /* of File, the active layer first */
    guint first;      /* the ends of the range */
    guint last;
    SinterWorkerDirection direction;
};

static void
file_free(gpointer data)
{
    File *file = data;

    sinter_fd_clear(&file->direct_fd);
    sinter_fd_clear(&file->fd);
    g_free(file->path);
    g_free(file->name);
    g_free(file->format);
    g_free(file);
}

void
sinter_offline_files_free(SinterOfflineFiles *files)
{
    if (!files)
        return;
    g_ptr_array_unref(files->files);
    g_free(files);
}

static File *
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
    File *file = g_new0(File, 1);

    file->path = g_strdup(layer->path);
    file->name = g_strdup(layer->path);
    file->format = g_strdup(layer->format);
    file->identity = (SinterIdentity){ layer->device, layer->inode };
    file->written = is_written(self, self->files->len);
    file->fd = file->direct_fd = -1;
    g_ptr_array_add(self->files, file);
}

/* --- opening ---------------------------------------------------------------------------------- */

/* The open flags for the file type in @st; a device is opened exclusively, against mounts and other
 * exclusive users. */
static int
open_flags(const File *file, const struct stat *st)
{
    int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

    if (!file->written)
        return flags | O_RDONLY;
    return flags | O_RDWR | (S_ISBLK(st->st_mode) ? O_EXCL : 0);
}

/*
 * First opens the path with O_PATH, which allows nothing but inspection; then opens the same file
 * through that descriptor, not by its path.
 */
static gboolean
open_file(File *file, GError **error)
{
    g_auto(SinterFd) seen = open(file->path, O_PATH | O_CLOEXEC);
    g_autofree char *link = NULL;
    SinterIdentity identity;
    struct stat st;

    if (seen < 0 || fstat(seen, &st) < 0) {
        sinter_error_set_errno(error, errno, "opening '%s'", file->path);
        return FALSE;
    }
    sinter_identity_from_stat(&st, &identity);
    if (!(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) ||
        !sinter_file_id_equal(identity, file->identity)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                    "'%s' was replaced since the domain was read", file->path);
        return FALSE;
    }
    link = g_strdup_printf("/proc/self/fd/%d", seen);
    file->fd = open(link, open_flags(file, &st));
    if (file->fd >= 0)
        return TRUE;
    if (errno == EBUSY)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_LOCKED,
                    "'%s' is a device that is mounted or in exclusive use", file->path);
    else
        sinter_error_set_errno(error, errno, "opening '%s'%s", file->path,
                               file->written ? " for writing" : "");
    return FALSE;
}

/*
 * Opens the file a second time, with O_DIRECT to bypass the page cache: the flag belongs to the
 * open file description, and the worker cannot set it itself. The first descriptor holds the locks
 * and claims. Without O_DIRECT the merge is slower.
 */
static void
open_direct(File *file)
{
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", file->fd);

    file->direct_fd = open(link, O_RDWR | O_DIRECT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

/* --- locking ---------------------------------------------------------------------------------- */

/* If virtlockd protects the host's images, it locks this byte for a running domain, and does not
 * let a domain start while another process has the lock. */
static gboolean
lock_lease(const File *file, GError **error)
{
    struct flock lock = {
        .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = LEASE_BYTE, .l_len = 1
    };

    if (fcntl(file->fd, F_OFD_SETLK, &lock) == 0)
        return TRUE;
    if (errno == EAGAIN || errno == EACCES)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_LOCKED,
                    "a domain holds a lease on '%s' (virtlockd)", file->path);
    else
        sinter_error_set_errno(error, errno, "locking '%s'", file->path);
    return FALSE;
}

static gboolean
lock_file(File *file, GError **error)
{
    SinterIdentity now;

    if (!sinter_lock_descriptor(file->fd, file->path, file->written, error) ||
        !lock_lease(file, error))
        return FALSE;
    if (sinter_identity_read(file->path, &now, NULL) == 0 &&
        sinter_file_id_equal(now, file->identity))
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                "'%s' was replaced while it was being opened", file->path);
    return FALSE;
}

/* --- checking the headers --------------------------------------------------------------------- */

static void
set_header_error(const File *file, const SinterImageInfo *info, const File *below, GError **error)
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
check_backing_format(const File *file, const SinterImageInfo *info, const File *below,
                     GError **error)
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
    const File *file = get_file(self, place);
    File *below = place + 1 < self->files->len ? get_file(self, place + 1) : NULL;
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

    self->files = g_ptr_array_new_with_free_func(file_free);
    if (!find_stretch(self, disk, plan, error))
        return NULL;
    for (guint i = 0; i < disk->layers->len; i++) {
        add_file(self, g_ptr_array_index(disk->layers, i));
        if (!open_file(get_file(self, i), error))
            return NULL;
    }
    for (guint i = 0; i < self->files->len; i++) {
        if (!lock_file(get_file(self, i), error))
            return NULL;
    }
    for (guint i = 0; i < self->files->len; i++) {
        if (!check_header(self, i, error))
            return NULL;
    }
    open_direct(get_file(self, get_result_place(self)));
    return g_steal_pointer(&self);
}

/* --- accessors -------------------------------------------------------------------------------- */

guint
sinter_offline_files_get_n(const SinterOfflineFiles *files)
{
    return files->files->len;
}

int
sinter_offline_files_get_fd(const SinterOfflineFiles *files, guint place)
{
    return get_file(files, place)->fd;
}

int
sinter_offline_files_get_direct_fd(const SinterOfflineFiles *files)
{
    return get_file(files, get_result_place(files))->direct_fd;
}

const char *
sinter_offline_files_get_result_format(const SinterOfflineFiles *files)
{
    return get_file(files, get_result_place(files))->format;
}

SinterWorkerRequest *
sinter_offline_files_make_request(const SinterOfflineFiles *files, guint first_fd,
                                  guint64 bandwidth_bytes_per_sec)
{
    SinterWorkerRequest *request = sinter_worker_request_new();

    for (guint i = 0; i < files->files->len; i++) {
        const File *file = get_file(files, i);

        sinter_worker_request_add_file(request, file->name, file->format, first_fd + i,
                                       file->direct_fd >= 0 ? first_fd + files->files->len : 0);
    }
    request->first = files->first;
    request->last = files->last;
    request->direction = files->direction;
    request->bandwidth_bytes_per_sec = bandwidth_bytes_per_sec;
    return request;
}
