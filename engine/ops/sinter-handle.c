/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The public handle on an image that is being written. It owns the lock under which formats that
 * keep state in memory work, and checks each range once. What holds: nothing of the image changes
 * before the image's locks are held.
 */

#include "sinter/handle.h"
#include "format/sinter-format.h"
#include "qcow2/qcow2-writer.h"
#include "sinter-error.h"

#include <string.h>

struct _SinterHandle {
    SinterFs *fs;
    SinterIo *io;
    guint64 virtual_size;
    GMutex lock;               /* guards @writer and all behind it */
    SinterQcow2Writer *writer; /* NULL: raw, the file is the disk */
};

static gboolean
handle_check(SinterHandle *self, const char *verb, guint64 offset, guint64 length, GError **error)
{
    if (offset <= self->virtual_size && length <= self->virtual_size - offset)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "%s %" G_GUINT64_FORMAT " bytes at offset %" G_GUINT64_FORMAT
                ": the disk '%s' ends at %" G_GUINT64_FORMAT,
                verb, length, offset, sinter_io_get_path(self->io), self->virtual_size);
    return FALSE;
}

static gboolean
handle_prepare(SinterHandle *self, const SinterFormat *format, SinterIoFlags io_flags,
               SinterHandleFlags flags, GError **error)
{
    SinterIoStat st;

    if (!sinter_io_lock(self->io, SINTER_IO_LOCK_ALONE, error))
        return FALSE;
    if (format == &sinter_format_raw) {
        if (!sinter_io_stat(self->io, &st, error))
            return FALSE;
        self->virtual_size = st.size_bytes;
        return TRUE;
    }
    self->writer = sinter_qcow2_writer_open(self->fs, self->io, io_flags,
                                            (flags & SINTER_HANDLE_PROBE) != 0, error);
    if (!self->writer)
        return FALSE;
    self->virtual_size = self->writer->header->virtual_size_bytes;
    return TRUE;
}

SinterHandle *
sinter_handle_open(SinterFs *fs, const char *path, const char *format, SinterHandleFlags flags,
                   GError **error)
{
    g_autoptr(SinterHandle) self = g_new0(SinterHandle, 1);
    const SinterFormat *driver = sinter_format_find(format, error);
    SinterIoFlags io_flags = SINTER_IO_WRITE | SINTER_IO_EXCLUSIVE;

    g_mutex_init(&self->lock);
    if (flags & SINTER_HANDLE_NO_LOCK)
        io_flags |= SINTER_IO_NO_LOCK;
    if (flags & SINTER_HANDLE_DIRECT)
        io_flags |= SINTER_IO_DIRECT;
    self->fs = fs ? sinter_fs_ref(fs) : sinter_fs_new_host(NULL, error);
    self->io = self->fs && driver ? sinter_fs_open(self->fs, path, io_flags, error) : NULL;
    if (!self->io)
        return NULL;
    if (!handle_prepare(self, driver, io_flags, flags, error)) {
        g_prefix_error(error, "Could not open '%s': ", path);
        return NULL;
    }
    return g_steal_pointer(&self);
}

guint64
sinter_handle_get_virtual_size(SinterHandle *handle)
{
    return handle->virtual_size;
}

gboolean
sinter_handle_read_at(SinterHandle *handle, guint64 offset, void *buf, gsize length, GError **error)
{
    gboolean ok;

    if (!handle_check(handle, "reading", offset, length, error))
        return FALSE;
    if (!handle->writer)
        return sinter_io_read(handle->io, offset, buf, length, error);
    g_mutex_lock(&handle->lock);
    ok = sinter_qcow2_writer_read(handle->writer, offset, buf, length, error);
    g_mutex_unlock(&handle->lock);
    return ok;
}

gboolean
sinter_handle_write_at(SinterHandle *handle, guint64 offset, const void *buf, gsize length,
                       GError **error)
{
    gboolean ok;

    if (!handle_check(handle, "writing", offset, length, error))
        return FALSE;
    if (!handle->writer)
        return sinter_io_write(handle->io, offset, buf, length, error);
    g_mutex_lock(&handle->lock);
    ok = sinter_qcow2_writer_write(handle->writer, offset, buf, length, error);
    g_mutex_unlock(&handle->lock);
    return ok;
}

gboolean
sinter_handle_zero_at(SinterHandle *handle, guint64 offset, guint64 length, GError **error)
{
    gboolean ok;

    if (!handle_check(handle, "zeroing", offset, length, error))
        return FALSE;
    if (!handle->writer)
        return sinter_io_discard(handle->io, offset, length, error);
    g_mutex_lock(&handle->lock);
    ok = sinter_qcow2_writer_zero(handle->writer, offset, length, error);
    g_mutex_unlock(&handle->lock);
    return ok;
}

gboolean
sinter_handle_discard_at(SinterHandle *handle, guint64 offset, guint64 length, GError **error)
{
    gboolean ok;

    if (!handle_check(handle, "discarding", offset, length, error))
        return FALSE;
    if (!handle->writer)
        return sinter_io_discard(handle->io, offset, length, error);
    g_mutex_lock(&handle->lock);
    ok = sinter_qcow2_writer_discard(handle->writer, offset, length, error);
    g_mutex_unlock(&handle->lock);
    return ok;
}

gboolean
sinter_handle_flush(SinterHandle *handle, GError **error)
{
    gboolean ok;

    if (!handle->writer)
        return sinter_io_flush(handle->io, error);
    g_mutex_lock(&handle->lock);
    ok = sinter_qcow2_writer_flush(handle->writer, error);
    g_mutex_unlock(&handle->lock);
    return ok;
}

gboolean
sinter_handle_close(SinterHandle *handle, GError **error)
{
    gboolean ok = handle->writer ? sinter_qcow2_writer_close(handle->writer, error)
                                 : sinter_io_flush(handle->io, error);

    sinter_handle_abandon(handle);
    return ok;
}

void
sinter_handle_abandon(SinterHandle *handle)
{
    if (!handle)
        return;
    sinter_qcow2_writer_free(handle->writer);
    sinter_io_unref(handle->io);
    sinter_fs_unref(handle->fs);
    g_mutex_clear(&handle->lock);
    g_free(handle);
}
