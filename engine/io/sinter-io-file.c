/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The driver for regular files and block devices of the host. It owns one descriptor, and a second
 * one that bypasses the page cache for aligned access: with SINTER_IO_DIRECT for all access,
 * otherwise for bulk overwrites. The kernel keeps the two coherent. Invariant: after a flush has
 * failed, every later flush fails, too, because the kernel reports a lost page only once.
 */

#include "sinter-io-file.h"
#include "sinter-error.h"
#include "sinter-file.h"
#include "sinter-layout.h"
#include "sinter-lock.h"
#include "sinter-offload.h"
#include "sinter-io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* An alignment that every device and file system accepts for O_DIRECT. */
#define DIRECT_ALIGNMENT 4096
/* For reads; one that a device with larger sectors refuses goes through the page cache. */
#define DIRECT_READ_ALIGNMENT 512
/* Smaller writes are faster through the page cache. */
#define BULK_MIN_BYTES (64 * 1024)
/* The kernel's limit for the value of an extended attribute, and for the list of names. */
#define ATTRIBUTE_MAX_BYTES (64 * 1024)
/* Writeback starts after this many bytes, so that a flush has little left to write. */
#define WRITEBACK_BYTES (16 * 1024 * 1024)

typedef struct {
    SinterIo io;
    SinterFd fd;
    SinterFd direct_fd; /* -1 without SINTER_IO_DIRECT, or if the file system refuses it */
    SinterFd bulk_fd;   /* the same for overwriting; created on first use, by … */
    GOnce bulk_once;
    dev_t device;
    ino_t inode;
    gboolean is_block_device;
    gint flush_failed; /* atomic */
    gboolean by_path;  /* opened by io.path, not passed in: the path must keep naming it */
    SinterIoLock held;
    /* what does not work into this file, from its own device and from others */
    SinterOffload offload[2];
    gint unsynced_bytes; /* atomic: bytes written since writeback was last started */
} SinterIoFile;

static gboolean
is_aligned_to(guint64 offset, const void *buf, gsize len, guint alignment)
{
    return ((offset | len | (guintptr)buf) & (alignment - 1)) == 0;
}

static gboolean
is_aligned(guint64 offset, const void *buf, gsize len)
{
    return is_aligned_to(offset, buf, len, DIRECT_ALIGNMENT);
}

static int
file_fd_for(SinterIoFile *self, guint64 offset, const void *buf, gsize len)
{
    return self->direct_fd >= 0 && is_aligned(offset, buf, len) ? self->direct_fd : self->fd;
}

static gssize
file_read(SinterIo *io, guint64 offset, void *buf, gsize len, GError **error)
{
    SinterIoFile *self = (SinterIoFile *)io;
    gboolean direct =
        self->direct_fd >= 0 && is_aligned_to(offset, buf, len, DIRECT_READ_ALIGNMENT);
    int fd = direct ? self->direct_fd : self->fd;
    gsize done = 0;

    while (done < len) {
        ssize_t n = pread(fd, (guint8 *)buf + done, len - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EINVAL && fd == self->direct_fd) {
            fd = self->fd;
            continue;
        }
        if (n < 0) {
            sinter_error_set_errno(error, errno, "reading '%s' at offset %" G_GUINT64_FORMAT,
                                   io->path, offset + done);
            return -1;
        }
        if (n == 0)
            break;
        done += (gsize)n;
        /* the tail of a file is not aligned, nor is what follows an unaligned part */
        fd = self->fd;
    }
    return (gssize)done;
}

/* Only a hint: an error shows in the flush. */
static void
file_note_written(SinterIoFile *self, guint64 len)
{
    gint n = (gint)MIN(len, WRITEBACK_BYTES);

    if (g_atomic_int_add(&self->unsynced_bytes, n) + n < WRITEBACK_BYTES)
        return;
    g_atomic_int_set(&self->unsynced_bytes, 0);
    sync_file_range(self->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

/* Writes with @fd what it accepts, and the rest with the descriptor that accepts everything. */
static gboolean
file_write_with(SinterIoFile *self, int fd, guint64 offset, const void *buf, gsize len,
                GError **error)
{
    gsize done = 0;

    while (done < len) {
        ssize_t n = pwrite(fd, (const guint8 *)buf + done, len - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EINVAL && fd == self->bulk_fd) {
            fd = self->fd;
            continue;
        }
        if (n <= 0) {
            sinter_error_set_errno(error, n < 0 ? errno : EIO,
                                   "writing '%s' at offset %" G_GUINT64_FORMAT, self->io.path,
                                   offset + done);
            return FALSE;
        }
        done += (gsize)n;
        fd = self->fd;
    }
    return TRUE;
}

static gboolean
file_write(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error)
{
    SinterIoFile *self = (SinterIoFile *)io;

    if (!file_write_with(self, file_fd_for(self, offset, buf, len), offset, buf, len, error))
        return FALSE;
    file_note_written(self, len);
    return TRUE;
}

/*
 * Opens a second description of the open file, without using its name. Returns -1 if not possible.
 */
static int
file_open_direct(int fd, SinterIoFlags flags)
{
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);

    return open(link, O_DIRECT | O_CLOEXEC | (flags == SINTER_IO_READ ? O_RDONLY : O_RDWR));
}

static gpointer
file_open_bulk(gpointer data)
{
    SinterIoFile *self = data;

    self->bulk_fd = file_open_direct(self->fd, SINTER_IO_WRITE);
    return NULL;
}

/* Opens nothing for a file that was passed in: the process may not be allowed to open files. */
static gboolean
file_overwrites(SinterIo *io)
{
    SinterIoFile *self = (SinterIoFile *)io;

    if (self->direct_fd < 0 && self->by_path)
        g_once(&self->bulk_once, file_open_bulk, self);
    return self->direct_fd >= 0 || self->bulk_fd >= 0;
}

static gboolean
file_overwrite(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error)
{
    SinterIoFile *self = (SinterIoFile *)io;

    if (self->direct_fd >= 0 || len < BULK_MIN_BYTES || !is_aligned(offset, buf, len) ||
        !file_overwrites(io))
        return file_write(io, offset, buf, len, error);
    return file_write_with(self, self->bulk_fd, offset, buf, len, error);
}

static gboolean
file_copy(SinterIo *io, guint64 offset, SinterIo *from, guint64 from_offset, guint64 len,
          guint64 *ret_done, GError **error)
{
    SinterIoFile *self = (SinterIoFile *)io;
    SinterIoFile *source = (SinterIoFile *)from;
    SinterOffload *offload = &self->offload[self->device == source->device];
    SinterOffloadRange range = { source->fd, self->fd, from_offset, offset, len };

    if (sinter_offload_clone(offload, &range)) {
        *ret_done = len;
        return TRUE;
    }
    /* the kernel would copy through the page cache, which must be bypassed here */
    if (self->direct_fd >= 0 || source->direct_fd >= 0)
        return TRUE;
    if (!sinter_offload_copy(offload, &range, ret_done)) {
        sinter_error_set_errno(error, errno,
                               "copying %" G_GUINT64_FORMAT " bytes from '%s' at offset "
                               "%" G_GUINT64_FORMAT " to '%s' at offset %" G_GUINT64_FORMAT,
                               len, from->path, from_offset, io->path, offset);
        return FALSE;
    }
    file_note_written(self, *ret_done);
    return TRUE;
}

static gboolean
file_copies(SinterIo *io, SinterIo *from)
{
    SinterIoFile *self = (SinterIoFile *)io;

    return sinter_offload_may_help(&self->offload[self->device == ((SinterIoFile *)from)->device],
                                   self->fd);
}

static gboolean
file_shares(SinterIo *io, SinterIo *from)
{
    SinterIoFile *self = (SinterIoFile *)io;
    SinterIoFile *source = (SinterIoFile *)from;

    return sinter_offload_can_clone(&self->offload[self->device == source->device], source->fd,
                                    self->fd);
}

static gboolean
file_discard(SinterIo *io, guint64 offset, guint64 len, GError **error)
{
    SinterIoFile *self = (SinterIoFile *)io;

    while (fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                     (off_t)len) < 0) {
        if (errno == EINTR)
            continue;
        if (errno == EOPNOTSUPP || errno == ENOSYS || errno == ENODEV)
            return sinter_io_write_zeros(io, offset, len, error);
        sinter_error_set_errno(error, errno,
                               "punching a hole into '%s' at offset %" G_GUINT64_FORMAT, io->path,
                               offset);
        return FALSE;
    }
    return TRUE;
}

static gboolean
file_stat(SinterIo *io, SinterIoStat *ret, GError **error)
{
    SinterIoFile *self = (SinterIoFile *)io;
    struct stat st;
    guint64 device_bytes = 0;

    if (fstat(self->fd, &st) < 0 ||
        (self->is_block_device && ioctl(self->fd, BLKGETSIZE64, &device_bytes) < 0)) {
        sinter_error_set_errno(error, errno, "reading the size of '%s'", io->path);
        return FALSE;
    }
    ret->is_block_device = self->is_block_device;
    ret->device = self->device;
    ret->inode = self->inode;
    ret->n_links = (guint32)st.st_nlink;
    ret->mode = st.st_mode & 07777;
    ret->size_bytes = self->is_block_device ? device_bytes : (guint64)st.st_size;
    ret->allocated_bytes = self->is_block_device ? device_bytes : (guint64)st.st_blocks * 512;
    return TRUE;
}

static gboolean
file_truncate(SinterIo *io, guint64 size_bytes, GError **error)
{
    SinterIoFile *self = (SinterIoFile *)io;
    SinterIoStat st;

    if (self->is_block_device) {
        if (!file_stat(io, &st, error))
            return FALSE;
        if (size_bytes <= st.size_bytes)
            return TRUE;
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE,
                    "'%s' is a block device of %" G_GUINT64_FORMAT
                    " bytes and cannot grow to %" G_GUINT64_FORMAT,
                    io->path, st.size_bytes, size_bytes);
        return FALSE;
    }
    if (ftruncate(self->fd, (off_t)size_bytes) == 0)
        return TRUE;
    sinter_error_set_errno(error, errno, "resizing '%s' to %" G_GUINT64_FORMAT " bytes", io->path,
                           size_bytes);
    return FALSE;
}

static gboolean
file_allocate(SinterIo *io, guint64 offset, guint64 len, GError **error)
{
    SinterIoFile *self = (SinterIoFile *)io;

    if (self->is_block_device)
        return TRUE; /* a device has all its space allocated */
    while (fallocate(self->fd, 0, (off_t)offset, (off_t)len) < 0) {
        if (errno == EINTR)
            continue;
        if (errno == EOPNOTSUPP || errno == ENOSYS || errno == ENODEV)
            return sinter_io_write_zeros(io, offset, len, error);
        sinter_error_set_errno(error, errno, "allocating %" G_GUINT64_FORMAT " bytes in '%s'", len,
                               io->path);
        return FALSE;
    }
    return TRUE;
}

static gboolean
file_flush(SinterIo *io, GError **error)
{
    SinterIoFile *self = (SinterIoFile *)io;

    if (g_atomic_int_get(&self->flush_failed)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                    "flushing '%s': an earlier flush failed, so written data may be lost",
                    io->path);
        return FALSE;
    }
    if (fdatasync(self->fd) == 0)
        return TRUE;
    g_atomic_int_set(&self->flush_failed, TRUE);
    sinter_error_set_errno(error, errno, "flushing '%s'", io->path);
    return FALSE;
}

static gboolean
file_extents(SinterIo *io, guint64 offset, guint64 len, SinterIoExtent *ret, GError **error)
{
    SinterIoFile *self = (SinterIoFile *)io;
    off_t data = lseek(self->fd, (off_t)offset, SEEK_DATA);
    off_t hole;

    if (data < 0 && errno == ENXIO) {
        *ret = (SinterIoExtent){ len, TRUE };
        return TRUE;
    }
    if (data > (off_t)offset) {
        *ret = (SinterIoExtent){ MIN(len, (guint64)data - offset), TRUE };
        return TRUE;
    }
    hole = data < 0 ? -1 : lseek(self->fd, (off_t)offset, SEEK_HOLE);
    /* a device or file system without hole information: everything counts as data */
    *ret = (SinterIoExtent){ hole > (off_t)offset ? MIN(len, (guint64)hole - offset) : len, FALSE };
    return TRUE;
}

/* A rename between opening and locking would leave the lock on the wrong file. */
static gboolean
file_is_still_named(SinterIoFile *self)
{
    struct stat here;
    struct stat there;

    return fstat(self->fd, &here) == 0 && stat(self->io.path, &there) == 0 &&
           sinter_file_id_same(&here, &there);
}

static gboolean
file_lock(SinterIo *io, SinterIoLock mode, GError **error)
{
    SinterIoFile *self = (SinterIoFile *)io;

    if (!sinter_lock_switch(self->fd, io->path, self->held, mode, error))
        return FALSE;
    if (mode != SINTER_IO_LOCK_NONE && self->by_path && !file_is_still_named(self)) {
        sinter_lock_switch(self->fd, io->path, mode, self->held, NULL);
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                    "locking '%s': the file was replaced since it was opened", io->path);
        return FALSE;
    }
    self->held = mode;
    return TRUE;
}

/*
 * Copies the extended attribute @name of @like to @fd. Ignores attributes that only root may set.
 */
static gboolean
copy_attribute(int fd, int like, const char *name)
{
    gboolean vital = g_str_has_prefix(name, "system.posix_acl_");
    g_autofree char *value = g_malloc(ATTRIBUTE_MAX_BYTES);
    ssize_t len = fgetxattr(like, name, value, ATTRIBUTE_MAX_BYTES);

    return (len >= 0 && fsetxattr(fd, name, value, (size_t)len, 0) == 0) || !vital;
}

static gboolean
copy_attributes(int fd, int like)
{
    g_autofree char *names = g_malloc(ATTRIBUTE_MAX_BYTES);
    ssize_t len = flistxattr(like, names, ATTRIBUTE_MAX_BYTES);

    for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
        if (!copy_attribute(fd, like, names + at))
            return FALSE;
    }
    return len >= 0 || errno == ENOTSUP;
}

static gboolean
file_adopt(SinterIo *io, SinterIo *like, GError **error)
{
    int fd = ((SinterIoFile *)io)->fd;
    int like_fd = ((SinterIoFile *)like)->fd;
    struct stat st;

    /* permissions last: changing the owner clears some of them */
    if (fstat(like_fd, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0 &&
        copy_attributes(fd, like_fd) && fchmod(fd, st.st_mode & 07777) == 0)
        return TRUE;
    sinter_error_set_errno(error, errno,
                           "setting the owner and permissions of '%s' to those of '%s'", io->path,
                           like->path);
    return FALSE;
}

static gboolean
file_set_mode(SinterIo *io, guint32 mode, GError **error)
{
    if (fchmod(((SinterIoFile *)io)->fd, mode) == 0)
        return TRUE;
    sinter_error_set_errno(error, errno, "setting the permissions of '%s'", io->path);
    return FALSE;
}

static gboolean
file_lay_out(SinterIo *io, const SinterIoLayout *layout, GError **error)
{
    if (sinter_layout_set(((SinterIoFile *)io)->fd, layout))
        return TRUE;
    /* the text of QEMU's tools, which name no cause */
    sinter_error_set_errno(error, errno, "Failed to set extent size hint");
    return FALSE;
}

static gboolean
file_is_mount(SinterIo *io)
{
    struct statx st;

    return statx(((SinterIoFile *)io)->fd, "", AT_EMPTY_PATH, 0, &st) == 0 &&
           (st.stx_attributes & st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0;
}

static void
file_finalize(SinterIo *io)
{
    SinterIoFile *self = (SinterIoFile *)io;

    sinter_fd_clear(&self->bulk_fd);
    sinter_fd_clear(&self->direct_fd);
    sinter_fd_clear(&self->fd);
}

static const SinterIoClass file_class = {
    .driver = "file",
    .instance_bytes = sizeof(SinterIoFile),
    .read = file_read,
    .write = file_write,
    .overwrite = file_overwrite,
    .overwrites = file_overwrites,
    .discard = file_discard,
    .truncate = file_truncate,
    .allocate = file_allocate,
    .flush = file_flush,
    .stat = file_stat,
    .extents = file_extents,
    .lock = file_lock,
    .adopt = file_adopt,
    .set_mode = file_set_mode,
    .is_mount = file_is_mount,
    .lay_out = file_lay_out,
    .copy = file_copy,
    .copies = file_copies,
    .shares = file_shares,
    .finalize = file_finalize,
};

gboolean
sinter_io_file_check_kind(int fd, const char *path, struct stat *ret_st, GError **error)
{
    if (fstat(fd, ret_st) < 0) {
        sinter_error_set_open_errno(error, errno, path);
        return FALSE;
    }
    if (S_ISREG(ret_st->st_mode) || S_ISBLK(ret_st->st_mode))
        return TRUE;
    sinter_error_set_open(error, SINTER_ERROR_INVALID_ARGUMENT, path, "%s",
                          S_ISDIR(ret_st->st_mode)
                              ? g_strerror(EISDIR)
                              : "it is neither a regular file nor a block device");
    return FALSE;
}

SinterIo *
sinter_io_file_new(int fd, const char *path, SinterIoFlags flags, gboolean by_path, GError **error)
{
    g_auto(SinterFd) owned = fd;
    SinterIoFile *self;
    struct stat st;

    if (!sinter_io_file_check_kind(owned, path, &st, error))
        return NULL;
    self = sinter_io_alloc(&file_class, path, flags);
    self->is_block_device = S_ISBLK(st.st_mode);
    /* for a block device its own number: two nodes may name one device */
    self->device = self->is_block_device ? 0 : st.st_dev;
    self->inode = self->is_block_device ? (ino_t)st.st_rdev : st.st_ino;
    self->fd = sinter_fd_steal(&owned);
    self->direct_fd = -1;
    self->bulk_fd = -1;
    self->bulk_once = (GOnce)G_ONCE_INIT;
    self->by_path = by_path;
    if (flags & SINTER_IO_DIRECT)
        self->direct_fd = file_open_direct(self->fd, flags & (SINTER_IO_WRITE | SINTER_IO_CREATE));
    return &self->io;
}

gboolean
sinter_io_file_link(SinterIo *io, const char *path, GError **error)
{
    /* by /proc: linking a descriptor directly requires a capability */
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", ((SinterIoFile *)io)->fd);

    if (linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
        return TRUE;
    sinter_error_set_errno(error, errno, "linking '%s' to the name '%s'", io->path, path);
    return FALSE;
}

gboolean
sinter_io_file_set_bulk(SinterIo *io, int fd, GError **error)
{
    SinterIoFile *self = (SinterIoFile *)io;

    g_return_val_if_fail(io->klass == &file_class && self->bulk_fd < 0, FALSE);
    self->bulk_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (self->bulk_fd >= 0)
        return TRUE;
    sinter_error_set_errno(error, errno, "using the descriptor %d for '%s'", fd, io->path);
    return FALSE;
}

SinterIo *
sinter_io_new_fd(int fd, const char *name, SinterIoFlags flags, GError **error)
{
    g_auto(SinterFd) own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int mode = own < 0 ? -1 : fcntl(own, F_GETFL);

    if (mode < 0) {
        sinter_error_set_errno(error, errno, "using the descriptor %d for '%s'", fd, name);
        return NULL;
    }
    if ((flags & SINTER_IO_CREATE) || (mode & O_ACCMODE) == O_WRONLY ||
        ((flags & SINTER_IO_WRITE) && (mode & O_ACCMODE) != O_RDWR)) {
        g_set_error(
            error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
            "using the descriptor %d for '%s': its access mode does not allow the operation", fd,
            name);
        return NULL;
    }
    return sinter_io_file_new(sinter_fd_steal(&own), name, flags, FALSE, error);
}
