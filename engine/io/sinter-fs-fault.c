/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Storage that fails on demand. One counter serves all files of the set, so the Nth call is the Nth
 * call of an operation, on any file.
 */

#include "sinter-fs-fault.h"
#include "sinter-error.h"
#include "sinter-io-forward.h"

#include <errno.h>

#define SECTOR_BYTES 512

/* A part of a file that cannot be read. */
typedef struct {
    char *path;
    guint64 offset;
    guint64 length;
    guint n_times; /* how often it still fails; G_MAXUINT: always */
} BadRange;

typedef struct {
    SinterFsForward base;
    GMutex lock; /* guards all below */
    SinterFaultCalls calls;
    SinterFaultKind kind;
    guint64 nth; /* 0: nothing fails */
    guint64 count;
    gboolean lasting;
    GArray *bad; /* of BadRange */
    gboolean is_full;
} SinterFsFault;

/* Counts a call. Returns whether and how it must fail. */
static gboolean
fault_strikes(SinterFs *fs, SinterFaultCalls call, SinterFaultKind *ret_kind)
{
    SinterFsFault *self = (SinterFsFault *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);

    if (!(self->calls & call))
        return FALSE;
    self->count++;
    *ret_kind = self->kind;
    return self->nth != 0 &&
           (self->count == self->nth || (self->lasting && self->count > self->nth));
}

static gboolean
fault_is_bad(SinterIo *io, guint64 offset, gsize len)
{
    SinterFsFault *self = (SinterFsFault *)((SinterIoForward *)io)->owner;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);

    for (guint i = 0; i < self->bad->len; i++) {
        BadRange *bad = &g_array_index(self->bad, BadRange, i);

        if (bad->n_times == 0 || offset >= bad->offset + bad->length ||
            bad->offset >= offset + len || g_strcmp0(bad->path, io->path) != 0)
            continue;
        if (bad->n_times != G_MAXUINT)
            bad->n_times--;
        return TRUE;
    }
    return FALSE;
}

static int
fault_errno(SinterFaultKind kind)
{
    return kind == SINTER_FAULT_ENOSPC ? ENOSPC : EIO;
}

static gboolean
fault_set(SinterFaultKind kind, const char *what, const char *path, GError **error)
{
    sinter_error_set_errno(error, fault_errno(kind), "%s '%s'", what, path);
    return FALSE;
}

/* Returns FALSE with an error if this call of an open file must fail. */
static gboolean
fault_pass(SinterIo *io, SinterFaultCalls call, const char *what, GError **error)
{
    SinterFaultKind kind;

    return !fault_strikes(((SinterIoForward *)io)->owner, call, &kind) ||
           fault_set(kind, what, io->path, error);
}

static gssize
fault_read(SinterIo *io, guint64 offset, void *buf, gsize len, GError **error)
{
    SinterFaultKind kind;

    if (fault_is_bad(io, offset, len)) {
        fault_set(SINTER_FAULT_EIO, "reading", io->path, error);
        return -1;
    }
    if (fault_strikes(((SinterIoForward *)io)->owner, SINTER_FAULT_READ, &kind)) {
        if (kind != SINTER_FAULT_SHORT) {
            fault_set(kind, "reading", io->path, error);
            return -1;
        }
        len /= 2;
    }
    return sinter_io_forward_read(io, offset, buf, len, error);
}

/* The part of an interrupted write that is stored: storage writes whole sectors. */
static gsize
fault_short_write(guint64 offset, gsize len)
{
    guint64 end = (offset + len / 2) / SECTOR_BYTES * SECTOR_BYTES;

    return end > offset ? (gsize)(end - offset) : 0;
}

static gboolean
fault_is_full(SinterFs *fs)
{
    SinterFsFault *self = (SinterFsFault *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);

    return self->is_full;
}

/* Returns whether part of the range is a hole or beyond the end. */
static gboolean
fault_needs_space(SinterIo *io, guint64 offset, guint64 len)
{
    while (len > 0) {
        SinterIoExtent extent;

        if (!sinter_io_forward_extents(io, offset, len, &extent, NULL) || extent.is_hole)
            return TRUE;
        offset += extent.length_bytes;
        len -= extent.length_bytes;
    }
    return FALSE;
}

static gboolean
fault_write(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error)
{
    SinterFaultKind kind;

    if (fault_is_full(((SinterIoForward *)io)->owner) && fault_needs_space(io, offset, len))
        return fault_set(SINTER_FAULT_ENOSPC, "writing", io->path, error);
    if (!fault_strikes(((SinterIoForward *)io)->owner, SINTER_FAULT_WRITE, &kind))
        return sinter_io_forward_write(io, offset, buf, len, error);
    if (kind == SINTER_FAULT_SHORT &&
        !sinter_io_forward_write(io, offset, buf, fault_short_write(offset, len), error))
        return FALSE;
    return fault_set(kind, "writing", io->path, error);
}

static gboolean
fault_discard(SinterIo *io, guint64 offset, guint64 len, GError **error)
{
    return fault_pass(io, SINTER_FAULT_DISCARD, "discarding in", error) &&
           sinter_io_forward_discard(io, offset, len, error);
}

static gboolean
fault_truncate(SinterIo *io, guint64 size_bytes, GError **error)
{
    return fault_pass(io, SINTER_FAULT_TRUNCATE, "resizing", error) &&
           sinter_io_forward_truncate(io, size_bytes, error);
}

static gboolean
fault_flush(SinterIo *io, GError **error)
{
    return fault_pass(io, SINTER_FAULT_FLUSH, "flushing", error) &&
           sinter_io_forward_flush(io, error);
}

static gboolean
fault_stat(SinterIo *io, SinterIoStat *ret, GError **error)
{
    return fault_pass(io, SINTER_FAULT_STAT, "reading the size of", error) &&
           sinter_io_forward_stat(io, ret, error);
}

static gboolean
fault_extents(SinterIo *io, guint64 offset, guint64 len, SinterIoExtent *ret, GError **error)
{
    return fault_pass(io, SINTER_FAULT_EXTENTS, "mapping", error) &&
           sinter_io_forward_extents(io, offset, len, ret, error);
}

static gboolean
fault_allocate(SinterIo *io, guint64 offset, guint64 len, GError **error)
{
    return fault_pass(io, SINTER_FAULT_ALLOCATE, "allocating in", error) &&
           sinter_io_forward_allocate(io, offset, len, error);
}

static gboolean
fault_adopt(SinterIo *io, SinterIo *like, GError **error)
{
    return fault_pass(io, SINTER_FAULT_RIGHTS, "setting the owner of", error) &&
           sinter_io_forward_adopt(io, like, error);
}

static gboolean
fault_set_mode(SinterIo *io, guint32 mode, GError **error)
{
    return fault_pass(io, SINTER_FAULT_RIGHTS, "setting the permissions of", error) &&
           sinter_io_forward_set_mode(io, mode, error);
}

static gboolean
fault_lay_out(SinterIo *io, const SinterIoLayout *layout, GError **error)
{
    return fault_pass(io, SINTER_FAULT_RIGHTS, "laying out", error) &&
           sinter_io_forward_lay_out(io, layout, error);
}

static const SinterIoClass fault_io_class = {
    .driver = "fault",
    .instance_bytes = sizeof(SinterIoForward),
    .read = fault_read,
    .write = fault_write,
    .discard = fault_discard,
    .truncate = fault_truncate,
    .flush = fault_flush,
    .stat = fault_stat,
    .extents = fault_extents,
    .lock = sinter_io_forward_lock,
    .allocate = fault_allocate,
    .adopt = fault_adopt,
    .set_mode = fault_set_mode,
    .lay_out = fault_lay_out,
    .shares = sinter_io_forward_shares,
    .finalize = sinter_io_forward_finalize,
};

static gboolean
fault_pass_name(SinterFs *fs, SinterFaultCalls call, const char *what, const char *path,
                GError **error)
{
    SinterFaultKind kind;

    return !fault_strikes(fs, call, &kind) || fault_set(kind, what, path, error);
}

static gboolean
fault_pass_open(SinterFs *fs, SinterFaultCalls call, const char *path, GError **error)
{
    SinterFaultKind kind;

    if (!fault_strikes(fs, call, &kind))
        return TRUE;
    sinter_error_set_open_errno(error, fault_errno(kind), path);
    return FALSE;
}

static SinterIo *
fault_open(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error)
{
    return fault_pass_open(fs, SINTER_FAULT_OPEN, path, error)
               ? sinter_fs_forward_open(fs, &fault_io_class, path, flags, error)
               : NULL;
}

static SinterIo *
fault_open_unnamed(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error)
{
    return fault_pass_open(fs, SINTER_FAULT_OPEN_UNNAMED, path, error)
               ? sinter_fs_forward_open_unnamed(fs, &fault_io_class, path, flags, error)
               : NULL;
}

static gboolean
fault_link(SinterFs *fs, SinterIo *io, const char *path, GError **error)
{
    return fault_pass_name(fs, SINTER_FAULT_NAMES, "naming", path, error) &&
           sinter_fs_forward_link(fs, io, path, error);
}

static GPtrArray *
fault_list(SinterFs *fs, const char *path, GError **error)
{
    return fault_pass_name(fs, SINTER_FAULT_NAMES, "listing the directory of", path, error)
               ? sinter_fs_forward_list(fs, path, error)
               : NULL;
}

static gboolean
fault_rename(SinterFs *fs, const char *from, const char *to, gboolean replaces, GError **error)
{
    return fault_pass_name(fs, SINTER_FAULT_NAMES, "renaming", from, error) &&
           sinter_fs_forward_rename(fs, from, to, replaces, error);
}

static gboolean
fault_remove(SinterFs *fs, const char *path, GError **error)
{
    return fault_pass_name(fs, SINTER_FAULT_NAMES, "removing", path, error) &&
           sinter_fs_forward_remove(fs, path, error);
}

static gboolean
fault_sync_folder(SinterFs *fs, const char *path, GError **error)
{
    return fault_pass_name(fs, SINTER_FAULT_NAMES, "syncing the directory of", path, error) &&
           sinter_fs_forward_sync_folder(fs, path, error);
}

static void
bad_range_clear(gpointer data)
{
    g_free(((BadRange *)data)->path);
}

static void
fault_finalize(SinterFs *fs)
{
    g_array_unref(((SinterFsFault *)fs)->bad);
    g_mutex_clear(&((SinterFsFault *)fs)->lock);
    sinter_fs_forward_finalize(fs);
}

static const SinterFsClass fault_fs_class = {
    .driver = "fault",
    .instance_bytes = sizeof(SinterFsFault),
    .open = fault_open,
    .open_unnamed = fault_open_unnamed,
    .link = fault_link,
    .list = fault_list,
    .rename = fault_rename,
    .remove = fault_remove,
    .sync_folder = fault_sync_folder,
    .resolve = sinter_fs_forward_resolve,
    .finalize = fault_finalize,
};

SinterFs *
sinter_fs_fault_new(SinterFs *inner)
{
    SinterFsFault *self = sinter_fs_alloc(&fault_fs_class);

    g_mutex_init(&self->lock);
    self->base.inner = sinter_fs_ref(inner);
    self->calls = SINTER_FAULT_ALL;
    self->bad = g_array_new(FALSE, FALSE, sizeof(BadRange));
    g_array_set_clear_func(self->bad, bad_range_clear);
    return &self->base.fs;
}

void
sinter_fs_fault_fill(SinterFs *fs)
{
    SinterFsFault *self = (SinterFsFault *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);

    self->is_full = TRUE;
}

void
sinter_fs_fault_arm(SinterFs *fs, SinterFaultCalls calls, SinterFaultKind kind, guint64 nth,
                    gboolean lasting)
{
    SinterFsFault *self = (SinterFsFault *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);

    self->calls = calls;
    self->kind = kind;
    self->nth = nth;
    self->lasting = lasting;
    self->count = 0;
}

void
sinter_fs_fault_add_bad_range(SinterFs *fs, const char *path, guint64 offset, guint64 length,
                              guint n_times)
{
    SinterFsFault *self = (SinterFsFault *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    BadRange bad = { g_strdup(path), offset, length, n_times };

    g_array_append_val(self->bad, bad);
}

guint64
sinter_fs_fault_get_count(SinterFs *fs)
{
    SinterFsFault *self = (SinterFsFault *)fs;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);

    return self->count;
}
