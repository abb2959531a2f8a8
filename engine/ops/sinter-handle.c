/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The public handle on an image that is being written. It owns the lock under which formats that
 * keep state in memory work, and checks each range once. What holds: nothing of the image changes
 * before the image's locks are held.
 */

#include "sinter-handle-internal.h"
#include "format/sinter-format.h"
#include "qcow2/write/qcow2-compress.h"
#include "sinter-error.h"

#include <string.h>

struct _SinterHandle {
    SinterFs *fs;
    SinterIo *io;
    guint64 virtual_size;
    gboolean write_only;       /* nothing is read for the caller */
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

SinterIoFlags
sinter_handle_io_flags(SinterHandleFlags flags)
{
    SinterIoFlags io_flags = SINTER_IO_WRITE | SINTER_IO_EXCLUSIVE;

    if (flags & SINTER_HANDLE_NO_LOCK)
        io_flags |= SINTER_IO_NO_LOCK;
    if (flags & SINTER_HANDLE_DIRECT)
        io_flags |= SINTER_IO_DIRECT;
    return io_flags;
}

/* Takes the options' backing. */
static gboolean
handle_prepare(SinterHandle *self, const SinterFormat *format, const SinterHandleOptions *options,
               GError **error)
{
    g_autoptr(SinterChain) backing = options->backing;
    SinterQcow2WriterOptions how = {
        .io_flags = sinter_handle_io_flags(options->flags),
        .probe_backing = (options->flags & SINTER_HANDLE_PROBE) != 0,
        .no_backing = options->no_backing,
        .data_io = options->data_io,
    };
    SinterIoStat st;

    if (!sinter_io_lock(self->io, SINTER_IO_LOCK_ALONE, error))
        return FALSE;
    if (format == &sinter_format_raw) {
        if (!sinter_io_stat(self->io, &st, error))
            return FALSE;
        self->virtual_size = st.size_bytes;
        return TRUE;
    }
    how.backing = g_steal_pointer(&backing);
    self->writer = sinter_qcow2_writer_open(self->fs, self->io, &how, error);
    if (!self->writer)
        return FALSE;
    self->virtual_size = self->writer->header->virtual_size_bytes;
    return TRUE;
}

static SinterHandle *
handle_new(SinterFs *fs, SinterIo *io)
{
    SinterHandle *self = g_new0(SinterHandle, 1);

    g_mutex_init(&self->lock);
    self->fs = fs ? sinter_fs_ref(fs) : NULL;
    self->io = sinter_io_ref(io);
    return self;
}

SinterHandle *
sinter_handle_open_io(SinterFs *fs, SinterIo *io, const char *format,
                      const SinterHandleOptions *options, GError **error)
{
    static const SinterHandleOptions defaults;
    const SinterHandleOptions *how = options ? options : &defaults;
    const SinterFormat *driver = sinter_format_find(format, error);
    g_autoptr(SinterHandle) self = NULL;

    if (!driver) {
        sinter_chain_free(how->backing);
        return NULL;
    }
    self = handle_new(fs, io);
    self->write_only = (how->flags & SINTER_HANDLE_WRITE_ONLY) != 0;
    if (!handle_prepare(self, driver, how, error)) {
        g_prefix_error(error, "Could not open '%s': ", sinter_io_get_path(io));
        return NULL;
    }
    return g_steal_pointer(&self);
}

SinterHandle *
sinter_handle_open(SinterFs *fs, const char *path, const char *format, SinterHandleFlags flags,
                   GError **error)
{
    const SinterHandleOptions options = { .flags = flags };
    g_autoptr(SinterFs) files = fs ? sinter_fs_ref(fs) : sinter_fs_new_host(NULL, error);
    g_autoptr(SinterIo) io = NULL;

    if (files && sinter_format_find(format, error))
        io = sinter_fs_open(files, path, sinter_handle_io_flags(flags), error);
    return io ? sinter_handle_open_io(files, io, format, &options, error) : NULL;
}

SinterHandle *
sinter_handle_new_raw(SinterIo *io, guint64 virtual_size)
{
    SinterHandle *self = handle_new(NULL, io);

    self->virtual_size = virtual_size;
    return self;
}

SinterIo *
sinter_handle_get_io(SinterHandle *handle)
{
    return handle->io;
}

SinterIo *
sinter_handle_get_data_io(SinterHandle *handle)
{
    return handle->writer ? handle->writer->data_io : handle->io;
}

SinterChain *
sinter_handle_get_backing(SinterHandle *handle)
{
    return handle->writer ? handle->writer->backing : NULL;
}

void
sinter_handle_store_zeros(SinterHandle *handle)
{
    if (handle->writer)
        handle->writer->stores_zeros = TRUE;
}

const SinterQcow2Header *
sinter_handle_get_header(SinterHandle *handle)
{
    return handle->writer ? handle->writer->header : NULL;
}

SinterQcow2Writer *
sinter_handle_lock_writer(SinterHandle *handle)
{
    g_mutex_lock(&handle->lock);
    return handle->writer;
}

void
sinter_handle_unlock_writer(SinterHandle *handle)
{
    g_mutex_unlock(&handle->lock);
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

    if (handle->write_only) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "reading '%s': it was opened for writing only", sinter_io_get_path(handle->io));
        return FALSE;
    }
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
sinter_handle_place_at(SinterHandle *handle, guint64 offset, guint64 length, SinterQcow2Place *ret,
                       GError **error)
{
    gboolean ok;

    *ret = (SinterQcow2Place){ .offset = offset, .host = offset, .length = length };
    if (!handle_check(handle, "writing", offset, length, error))
        return FALSE;
    if (!handle->writer)
        return TRUE;
    g_mutex_lock(&handle->lock);
    ok = sinter_qcow2_writer_place(handle->writer, offset, length, ret, error);
    g_mutex_unlock(&handle->lock);
    return ok;
}

/* A place of its own is written over in bulk; new ones a file system lays out best by itself. */
static gboolean
handle_fill(SinterHandle *handle, const SinterQcow2Place *place, const void *buf, GError **error)
{
    SinterIo *io = sinter_handle_get_data_io(handle);

    return place->is_new ? sinter_io_write(io, place->host, buf, (gsize)place->length, error)
                         : sinter_io_overwrite(io, place->host, buf, (gsize)place->length, error);
}

gboolean
sinter_handle_put_at(SinterHandle *handle, const SinterQcow2Place *place, const void *buf,
                     GError **error)
{
    gboolean ok = handle_fill(handle, place, buf, error);

    if (!ok)
        sinter_handle_drop_at(handle, place);
    if (!ok || !place->is_new)
        return ok;
    g_mutex_lock(&handle->lock);
    ok = sinter_qcow2_writer_map(handle->writer, place, error);
    g_mutex_unlock(&handle->lock);
    return ok;
}

void
sinter_handle_drop_at(SinterHandle *handle, const SinterQcow2Place *place)
{
    if (!place->is_new)
        return;
    g_mutex_lock(&handle->lock);
    sinter_qcow2_writer_drop(handle->writer, place);
    g_mutex_unlock(&handle->lock);
}

gboolean
sinter_handle_copy_at(SinterHandle *handle, guint64 offset, SinterIo *from, guint64 from_offset,
                      guint64 length, GError **error)
{
    gboolean ok;

    if (!handle_check(handle, "writing", offset, length, error))
        return FALSE;
    if (!handle->writer)
        return sinter_io_copy(handle->io, offset, from, from_offset, length, error);
    g_mutex_lock(&handle->lock);
    ok = sinter_qcow2_writer_copy(handle->writer, offset, from, from_offset, length, error);
    g_mutex_unlock(&handle->lock);
    return ok;
}

gboolean
sinter_handle_adopt_at(SinterHandle *handle, const guint64 *offsets, guint64 n, SinterIo *from,
                       guint64 from_offset, GError **error)
{
    gboolean ok;

    for (guint64 i = 0; i < n; i++) {
        if (!handle_check(handle, "writing", offsets[i], handle->writer->geo.cluster_size, error))
            return FALSE;
    }
    g_mutex_lock(&handle->lock);
    ok = sinter_qcow2_writer_adopt(handle->writer, offsets, n, from, from_offset, error);
    g_mutex_unlock(&handle->lock);
    return ok;
}

gboolean
sinter_handle_copies(SinterHandle *handle, SinterIo *from)
{
    return sinter_io_copies(handle->writer ? handle->writer->data_io : handle->io, from);
}

gboolean
sinter_handle_put_compressed_at(SinterHandle *handle, guint64 offset, const void *data,
                                gsize n_bytes, GError **error)
{
    gboolean ok;

    g_return_val_if_fail(handle->writer, FALSE);
    if (!handle_check(handle, "writing", offset, 1, error))
        return FALSE;
    g_mutex_lock(&handle->lock);
    ok = sinter_qcow2_writer_put_compressed(handle->writer, offset, data, n_bytes, error);
    g_mutex_unlock(&handle->lock);
    return ok;
}

gsize
sinter_handle_compress(SinterHandle *handle, const guint8 *cluster, guint8 *out)
{
    const SinterQcow2Header *header = handle->writer->header;

    return sinter_qcow2_compress(header->compression_type, cluster, header->geo.cluster_size, out,
                                 header->geo.cluster_size - 1);
}

gboolean
sinter_handle_holds_at(SinterHandle *handle, guint64 offset, guint64 length, gboolean *ret_held,
                       guint64 *ret_length, GError **error)
{
    gboolean ok;

    if (!handle_check(handle, "looking at", offset, length, error))
        return FALSE;
    *ret_held = TRUE;
    *ret_length = length;
    if (!handle->writer)
        return TRUE;
    g_mutex_lock(&handle->lock);
    ok = sinter_qcow2_writer_holds(handle->writer, offset, length, ret_held, ret_length, error);
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
