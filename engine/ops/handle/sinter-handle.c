/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The public handle on an image that is open for writing: the driver's writer, the lock for writers
 * that must be called by one thread at a time, and the replacements for callbacks that the driver
 * does not implement. Each range is checked here, once. Invariant: nothing in the image changes
 * before the locks of the image are held.
 */

#include "sinter-handle-internal.h"
#include "format/format-raw.h"
#include "sinter-error.h"

#include <string.h>

struct _SinterHandle {
    SinterFs *fs;
    SinterIo *io;
    gboolean write_only; /* the caller cannot read */
    const SinterFormat *format;
    SinterFormatTraits traits;
    gpointer writer; /* the driver's */
    GMutex lock;     /* guards @writer, unless the driver allows concurrent calls */
};

/* Amount per write when zeroing or copying by writing. */
#define BUFFER_BYTES (64 * 1024)

static void
handle_enter(SinterHandle *self)
{
    if (self->format->threads == SINTER_FORMAT_SERIALIZED)
        g_mutex_lock(&self->lock);
}

static void
handle_leave(SinterHandle *self)
{
    if (self->format->threads == SINTER_FORMAT_SERIALIZED)
        g_mutex_unlock(&self->lock);
}

static gboolean
handle_check(SinterHandle *self, const char *verb, guint64 offset, guint64 length, GError **error)
{
    if (offset <= self->traits.virtual_size && length <= self->traits.virtual_size - offset)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "%s %" G_GUINT64_FORMAT " bytes at offset %" G_GUINT64_FORMAT
                ": the disk '%s' ends at %" G_GUINT64_FORMAT,
                verb, length, offset, sinter_io_get_path(self->io), self->traits.virtual_size);
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

/* Takes ownership of the backing in @options. */
static gboolean
handle_prepare(SinterHandle *self, const SinterHandleOptions *options, GError **error)
{
    g_autoptr(SinterChain) backing = options->backing;
    const SinterFormatFile file = {
        .fs = self->fs,
        .io = self->io,
        .data_io = options->data_io,
        .io_flags = sinter_handle_io_flags(options->flags),
        .probe_backing = (options->flags & SINTER_HANDLE_PROBE) != 0,
    };
    SinterFormatWrite how = { .no_backing = options->no_backing };

    if (!self->format->write_open) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "images of format '%s' are read-only", self->format->name);
        return FALSE;
    }
    if (!sinter_io_lock(self->io, SINTER_IO_LOCK_ALONE, error))
        return FALSE;
    if ((options->flags & SINTER_HANDLE_KEEP_FORMAT) && self->format == &sinter_format_raw)
        sinter_format_keep_raw(self->io);
    how.backing = g_steal_pointer(&backing);
    self->writer = self->format->write_open(&file, &how, &self->traits, error);
    return self->writer != NULL;
}

static SinterHandle *
handle_new(SinterFs *fs, SinterIo *io, const SinterFormat *format)
{
    SinterHandle *self = g_new0(SinterHandle, 1);

    g_mutex_init(&self->lock);
    self->fs = fs ? sinter_fs_ref(fs) : NULL;
    self->io = sinter_io_ref(io);
    self->format = format;
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
    self = handle_new(fs, io, driver);
    self->write_only = (how->flags & SINTER_HANDLE_WRITE_ONLY) != 0;
    if (!handle_prepare(self, how, error)) {
        sinter_error_wrap_open(error, sinter_io_get_path(io));
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
    SinterHandle *self = handle_new(NULL, io, &sinter_format_raw);

    self->writer = sinter_raw_writer_new(io, virtual_size, &self->traits);
    return self;
}

const SinterFormat *
sinter_handle_get_format(SinterHandle *handle)
{
    return handle->format;
}

const SinterFormatTraits *
sinter_handle_get_traits(SinterHandle *handle)
{
    return &handle->traits;
}

SinterIo *
sinter_handle_get_data_io(SinterHandle *handle)
{
    return handle->traits.data_io;
}

SinterChain *
sinter_handle_get_backing(SinterHandle *handle)
{
    return handle->traits.backing;
}

void
sinter_handle_store_zeros(SinterHandle *handle)
{
    if (!handle->format->write_store_zeros)
        return;
    handle_enter(handle);
    handle->format->write_store_zeros(handle->writer);
    handle_leave(handle);
}

guint64
sinter_handle_get_virtual_size(SinterHandle *handle)
{
    return handle->traits.virtual_size;
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
    handle_enter(handle);
    ok = handle->format->write_read(handle->writer, offset, buf, length, error);
    handle_leave(handle);
    return ok;
}

gboolean
sinter_handle_write_at(SinterHandle *handle, guint64 offset, const void *buf, gsize length,
                       GError **error)
{
    gboolean ok;

    if (!handle_check(handle, "writing", offset, length, error))
        return FALSE;
    handle_enter(handle);
    ok = handle->format->write(handle->writer, offset, buf, length, error);
    handle_leave(handle);
    return ok;
}

gboolean
sinter_handle_place_at(SinterHandle *handle, guint64 offset, guint64 length, SinterFormatPlace *ret,
                       GError **error)
{
    gboolean ok;

    *ret = (SinterFormatPlace){ .offset = offset };
    if (!handle_check(handle, "writing", offset, length, error))
        return FALSE;
    handle_enter(handle);
    ok = handle->format->write_place(handle->writer, offset, length, ret, error);
    handle_leave(handle);
    return ok;
}

/* An image's own place is overwritten in bulk; new places are left to the file system's
 * allocation. */
static gboolean
handle_fill(SinterHandle *handle, const SinterFormatPlace *place, const void *buf, GError **error)
{
    SinterIo *io = handle->traits.data_io;

    return place->is_new ? sinter_io_write(io, place->host, buf, (gsize)place->length, error)
                         : sinter_io_overwrite(io, place->host, buf, (gsize)place->length, error);
}

gboolean
sinter_handle_put_at(SinterHandle *handle, const SinterFormatPlace *place, const void *buf,
                     GError **error)
{
    gboolean ok = handle_fill(handle, place, buf, error);

    if (!ok)
        sinter_handle_drop_at(handle, place);
    if (!ok || !place->is_new)
        return ok;
    handle_enter(handle);
    ok = handle->format->write_map(handle->writer, place, error);
    handle_leave(handle);
    return ok;
}

void
sinter_handle_drop_at(SinterHandle *handle, const SinterFormatPlace *place)
{
    if (!place->is_new)
        return;
    handle_enter(handle);
    handle->format->write_drop(handle->writer, place);
    handle_leave(handle);
}

/* For a format that cannot copy. */
static gboolean
copy_by_writing(SinterHandle *self, guint64 offset, SinterIo *from, guint64 from_offset,
                guint64 length, GError **error)
{
    g_autofree guint8 *buffer = g_malloc(BUFFER_BYTES);

    for (guint64 done = 0; done < length;) {
        gsize n = (gsize)MIN(length - done, BUFFER_BYTES);

        if (!sinter_io_read(from, from_offset + done, buffer, n, error) ||
            !sinter_handle_write_at(self, offset + done, buffer, n, error))
            return FALSE;
        done += n;
    }
    return TRUE;
}

gboolean
sinter_handle_copy_at(SinterHandle *handle, guint64 offset, SinterIo *from, guint64 from_offset,
                      guint64 length, GError **error)
{
    gboolean ok;

    if (!handle_check(handle, "writing", offset, length, error))
        return FALSE;
    if (!handle->format->write_copy)
        return copy_by_writing(handle, offset, from, from_offset, length, error);
    handle_enter(handle);
    ok = handle->format->write_copy(handle->writer, offset, from, from_offset, length, error);
    handle_leave(handle);
    return ok;
}

gboolean
sinter_handle_adopt_at(SinterHandle *handle, const guint64 *offsets, guint64 n, SinterIo *from,
                       guint64 from_offset, GError **error)
{
    gboolean ok;

    for (guint64 i = 0; i < n; i++) {
        if (!handle_check(handle, "writing", offsets[i], handle->traits.cluster_size, error))
            return FALSE;
    }
    handle_enter(handle);
    ok = handle->format->write_adopt(handle->writer, offsets, n, from, from_offset, error);
    handle_leave(handle);
    return ok;
}

gboolean
sinter_handle_copies(SinterHandle *handle, SinterIo *from)
{
    return handle->format->write_copy && sinter_io_copies(handle->traits.data_io, from);
}

gboolean
sinter_handle_put_compressed_at(SinterHandle *handle, guint64 offset, const void *data,
                                gsize n_bytes, GError **error)
{
    gboolean ok;

    if (!handle_check(handle, "writing", offset, 1, error))
        return FALSE;
    handle_enter(handle);
    ok = handle->format->write_stream(handle->writer, offset, data, n_bytes, error);
    handle_leave(handle);
    return ok;
}

gsize
sinter_handle_compress(SinterHandle *handle, const guint8 *cluster, guint8 *out)
{
    return handle->format->compress(handle->writer, cluster, out);
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
    if (!handle->format->write_holds)
        return TRUE;
    handle_enter(handle);
    ok = handle->format->write_holds(handle->writer, offset, length, ret_held, ret_length, error);
    handle_leave(handle);
    return ok;
}

/* For a format without explicit zeros. */
static gboolean
zero_by_writing(SinterHandle *self, guint64 offset, guint64 length, GError **error)
{
    static const guint8 zeros[BUFFER_BYTES];

    for (guint64 done = 0, n; done < length; done += n) {
        n = MIN(length - done, sizeof zeros);
        if (!sinter_handle_write_at(self, offset + done, zeros, (gsize)n, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
sinter_handle_zero_at(SinterHandle *handle, guint64 offset, guint64 length, GError **error)
{
    gboolean ok;

    if (!handle_check(handle, "zeroing", offset, length, error))
        return FALSE;
    if (!handle->format->write_zero)
        return zero_by_writing(handle, offset, length, error);
    handle_enter(handle);
    ok = handle->format->write_zero(handle->writer, offset, length, error);
    handle_leave(handle);
    return ok;
}

gboolean
sinter_handle_discard_at(SinterHandle *handle, guint64 offset, guint64 length, GError **error)
{
    gboolean ok;

    if (!handle_check(handle, "discarding", offset, length, error))
        return FALSE;
    if (!handle->format->write_discard)
        return TRUE;
    handle_enter(handle);
    ok = handle->format->write_discard(handle->writer, offset, length, error);
    handle_leave(handle);
    return ok;
}

gboolean
sinter_handle_empty(SinterHandle *handle, GError **error)
{
    gboolean ok;

    if (!handle->format->write_empty) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "'%s': an image of format '%s' cannot be emptied",
                    sinter_io_get_path(handle->io), handle->format->name);
        return FALSE;
    }
    handle_enter(handle);
    ok = handle->format->write_empty(handle->writer, error);
    handle_leave(handle);
    return ok;
}

gboolean
sinter_handle_uncover_at(SinterHandle *handle, guint64 offset, guint64 length, guint64 *ret_end,
                         GError **error)
{
    gboolean ok;

    *ret_end = offset;
    if (!handle_check(handle, "uncovering", offset, length, error))
        return FALSE;
    if (!handle->format->write_uncover)
        return TRUE;
    handle_enter(handle);
    ok = handle->format->write_uncover(handle->writer, offset, length, ret_end, error);
    handle_leave(handle);
    return ok;
}

gboolean
sinter_handle_flush(SinterHandle *handle, GError **error)
{
    gboolean ok;

    handle_enter(handle);
    ok = handle->format->write_flush(handle->writer, error);
    handle_leave(handle);
    return ok;
}

gboolean
sinter_handle_check_flushes(SinterHandle *handle, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (sinter_io_flush(handle->io, &local) &&
        (handle->traits.data_io == handle->io || sinter_io_flush(handle->traits.data_io, &local)))
        return TRUE;
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_FAILED, local->message);
    return FALSE;
}

gboolean
sinter_handle_close(SinterHandle *handle, GError **error)
{
    gboolean ok = handle->format->write_close(handle->writer, error);

    sinter_handle_abandon(handle);
    return ok;
}

void
sinter_handle_abandon(SinterHandle *handle)
{
    if (!handle)
        return;
    if (handle->writer)
        handle->format->write_free(handle->writer);
    sinter_io_unref(handle->io);
    sinter_fs_unref(handle->fs);
    g_mutex_clear(&handle->lock);
    g_free(handle);
}
