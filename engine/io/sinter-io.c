/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The common part of every I/O driver. It owns the reference count and checks each range once, so
 * that a driver never sees one that overflows; it distinguishes a short read at the end of a file
 * from one that is an error; and it provides fallbacks for operations that a driver lacks.
 */

#include "sinter-io.h"
#include "sinter-error.h"
#include "sinter/lock.h"

#include <string.h>

/* Small enough to stay in the processor's cache between reading and writing. */
#define COPY_BUFFER_BYTES (256 * 1024)
#define COPY_BUFFER_ALIGNMENT 4096

gpointer
sinter_io_alloc(const SinterIoClass *klass, const char *path, SinterIoFlags flags)
{
    SinterIo *self = g_malloc0(klass->instance_bytes);

    g_atomic_ref_count_init(&self->refs);
    self->klass = klass;
    self->path = g_strdup(path);
    self->flags = flags;
    return self;
}

SinterIo *
sinter_io_ref(SinterIo *io)
{
    g_atomic_ref_count_inc(&io->refs);
    return io;
}

void
sinter_io_unref(SinterIo *io)
{
    if (!io || !g_atomic_ref_count_dec(&io->refs))
        return;
    io->klass->finalize(io);
    g_free(io->path);
    g_free(io);
}

const char *
sinter_io_get_path(SinterIo *io)
{
    return io->path;
}

static gboolean
io_check_range(SinterIo *io, const char *verb, guint64 offset, guint64 len, GError **error)
{
    if (offset <= G_MAXINT64 && len <= G_MAXINT64 - offset)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                "%s '%s': %" G_GUINT64_FORMAT " bytes at offset %" G_GUINT64_FORMAT
                " exceed the maximum size of a file",
                verb, io->path, len, offset);
    return FALSE;
}

static gboolean
io_check_writable(SinterIo *io, gconstpointer method, GError **error)
{
    if (method && (io->flags & (SINTER_IO_WRITE | SINTER_IO_CREATE)))
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED,
                "writing '%s': it is open for reading only", io->path);
    return FALSE;
}

gboolean
sinter_io_read_some(SinterIo *io, guint64 offset, void *buf, gsize len, gsize *ret_len,
                    GError **error)
{
    gssize n;

    if (!io_check_range(io, "reading", offset, len, error))
        return FALSE;
    n = io->klass->read(io, offset, buf, len, error);
    if (n < 0)
        return FALSE;
    if ((gsize)n < len) {
        SinterIoStat st;

        /* a short read means the end of the file, or faulty storage */
        if (!sinter_io_stat(io, &st, error))
            return FALSE;
        if (offset + (gsize)n < st.size_bytes) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_SHORT_READ,
                        "reading '%s' at offset %" G_GUINT64_FORMAT ": only %" G_GSSIZE_FORMAT
                        " of %" G_GSIZE_FORMAT " bytes came back",
                        io->path, offset, n, len);
            return FALSE;
        }
    }
    *ret_len = (gsize)n;
    return TRUE;
}

gboolean
sinter_io_read(SinterIo *io, guint64 offset, void *buf, gsize len, GError **error)
{
    gsize n = 0;

    if (!sinter_io_read_some(io, offset, buf, len, &n, error))
        return FALSE;
    if (n == len)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                "reading '%s': the file ends at %" G_GUINT64_FORMAT ", before the %" G_GSIZE_FORMAT
                " bytes at offset %" G_GUINT64_FORMAT " do",
                io->path, offset + n, len, offset);
    return FALSE;
}

gboolean
sinter_io_read_padded(SinterIo *io, guint64 offset, void *buf, gsize len, GError **error)
{
    gsize n = 0;

    if (!sinter_io_read_some(io, offset, buf, len, &n, error))
        return FALSE;
    memset((guint8 *)buf + n, 0, len - n);
    return TRUE;
}

void
sinter_io_guard_start(SinterIo *io, gsize n_bytes, SinterIoGuard guard)
{
    io->guarded_bytes = n_bytes;
    io->guard = guard;
}

/*
 * Asks the guard about a write of @len bytes at @offset. The bytes are at @buf or, if that is NULL,
 * in @from at @from_offset.
 */
static gboolean
io_ask_guard(SinterIo *io, guint64 offset, const void *buf, SinterIo *from, guint64 from_offset,
             guint64 len, GError **error)
{
    g_autofree guint8 *start = NULL;
    gsize present = 0;
    gsize n;

    if (!io->guard || offset >= io->guarded_bytes || len == 0)
        return TRUE;
    n = (gsize)MIN(len, io->guarded_bytes - offset);
    start = g_malloc0(io->guarded_bytes);
    if (!sinter_io_read_some(io, 0, start, io->guarded_bytes, &present, error) ||
        (!buf && !sinter_io_read(from, from_offset, start + offset, n, error)))
        return FALSE;
    if (buf)
        memcpy(start + offset, buf, n);
    return io->guard(io, start, MAX(present, (gsize)offset + n), error);
}

gboolean
sinter_io_write(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error)
{
    return io_check_writable(io, io->klass->write, error) &&
           io_check_range(io, "writing", offset, len, error) &&
           io_ask_guard(io, offset, buf, NULL, 0, len, error) &&
           (len == 0 || io->klass->write(io, offset, buf, len, error));
}

gboolean
sinter_io_overwrite(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error)
{
    if (!io->klass->overwrite)
        return sinter_io_write(io, offset, buf, len, error);
    return io_check_writable(io, io->klass->write, error) &&
           io_check_range(io, "writing", offset, len, error) &&
           io_ask_guard(io, offset, buf, NULL, 0, len, error) &&
           (len == 0 || io->klass->overwrite(io, offset, buf, len, error));
}

gboolean
sinter_io_overwrites(SinterIo *io)
{
    return io->klass->overwrites && io->klass->overwrites(io);
}

gboolean
sinter_io_write_zeros(SinterIo *io, guint64 offset, guint64 len, GError **error)
{
    static const guint8 zeros[64 * 1024];

    while (len > 0) {
        gsize n = (gsize)MIN(len, sizeof zeros);

        if (!sinter_io_write(io, offset, zeros, n, error))
            return FALSE;
        offset += n;
        len -= n;
    }
    return TRUE;
}

/* Copies through a buffer what the kernel does not copy. */
static gboolean
io_copy_bytes(SinterIo *io, guint64 offset, SinterIo *from, guint64 from_offset, guint64 len,
              GError **error)
{
    gsize room = (gsize)MIN(len, COPY_BUFFER_BYTES);
    guint8 *buffer = g_aligned_alloc(1, MAX(room, 1), COPY_BUFFER_ALIGNMENT);
    gboolean ok = TRUE;

    while (ok && len > 0) {
        gsize n = (gsize)MIN(len, room);

        ok = sinter_io_read(from, from_offset, buffer, n, error) &&
             sinter_io_write(io, offset, buffer, n, error);
        offset += n;
        from_offset += n;
        len -= n;
    }
    g_aligned_free(buffer);
    return ok;
}

gboolean
sinter_io_copy(SinterIo *io, guint64 offset, SinterIo *from, guint64 from_offset, guint64 len,
               GError **error)
{
    guint64 done = 0;

    if (!io_check_writable(io, io->klass->write, error) ||
        !io_check_range(io, "copying to", offset, len, error) ||
        !io_check_range(from, "copying from", from_offset, len, error) ||
        !io_ask_guard(io, offset, NULL, from, from_offset, len, error))
        return FALSE;
    if (io->klass->copy && io->klass == from->klass &&
        !io->klass->copy(io, offset, from, from_offset, len, &done, error))
        return FALSE;
    return done == len ||
           io_copy_bytes(io, offset + done, from, from_offset + done, len - done, error);
}

gboolean
sinter_io_copies(SinterIo *io, SinterIo *from)
{
    return io->klass->copies && io->klass == from->klass && io->klass->copies(io, from);
}

gboolean
sinter_io_shares_blocks(SinterIo *io, SinterIo *from)
{
    return io->klass->shares && io->klass == from->klass && io->klass->shares(io, from);
}

gboolean
sinter_io_discard(SinterIo *io, guint64 offset, guint64 len, GError **error)
{
    SinterIoStat st;

    if (!io_check_writable(io, io->klass->write, error) ||
        !io_check_range(io, "discarding in", offset, len, error) || !sinter_io_stat(io, &st, error))
        return FALSE;
    if (offset >= st.size_bytes)
        return TRUE;
    len = MIN(len, st.size_bytes - offset);
    if (len == 0)
        return TRUE;
    return io->klass->discard ? io->klass->discard(io, offset, len, error)
                              : sinter_io_write_zeros(io, offset, len, error);
}

gboolean
sinter_io_allocate(SinterIo *io, guint64 offset, guint64 len, GError **error)
{
    if (!io->klass->allocate)
        return sinter_io_write_zeros(io, offset, len, error);
    return io_check_writable(io, io->klass->write, error) &&
           io_check_range(io, "allocating space in", offset, len, error) &&
           (len == 0 || io->klass->allocate(io, offset, len, error));
}

gboolean
sinter_io_truncate(SinterIo *io, guint64 size_bytes, GError **error)
{
    return io_check_writable(io, io->klass->truncate, error) &&
           io_check_range(io, "resizing", size_bytes, 0, error) &&
           io->klass->truncate(io, size_bytes, error);
}

gboolean
sinter_io_flush(SinterIo *io, GError **error)
{
    return io->defers_flushes || !io->klass->flush || io->klass->flush(io, error);
}

void
sinter_io_defer_flushes(SinterIo *io, gboolean defers)
{
    io->defers_flushes = defers;
}

gboolean
sinter_io_stat(SinterIo *io, SinterIoStat *ret, GError **error)
{
    return io->klass->stat(io, ret, error);
}

gboolean
sinter_io_check_reach(SinterIo *io, guint64 size_bytes, GError **error)
{
    SinterIoStat st;

    if (!sinter_io_stat(io, &st, error))
        return FALSE;
    if (!st.is_block_device || st.size_bytes >= size_bytes)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE,
                "'%s' is a device of %" G_GUINT64_FORMAT
                " bytes, and the disk has %" G_GUINT64_FORMAT,
                sinter_io_get_path(io), st.size_bytes, size_bytes);
    return FALSE;
}

gboolean
sinter_io_get_size(SinterIo *io, guint64 *ret, GError **error)
{
    SinterIoStat st;

    if (!sinter_io_stat(io, &st, error))
        return FALSE;
    *ret = st.size_bytes;
    return TRUE;
}

gboolean
sinter_io_is_same_file(SinterIo *a, SinterIo *b)
{
    SinterIoStat first;
    SinterIoStat second;

    return sinter_io_stat(a, &first, NULL) && sinter_io_stat(b, &second, NULL) &&
           sinter_io_stat_same_file(&first, &second);
}

gboolean
sinter_io_extent(SinterIo *io, guint64 offset, guint64 len, SinterIoExtent *ret, GError **error)
{
    SinterIoStat st;

    if (!io_check_range(io, "mapping", offset, len, error))
        return FALSE;
    if (io->klass->extents)
        return io->klass->extents(io, offset, len, ret, error);
    if (!sinter_io_stat(io, &st, error))
        return FALSE;
    *ret = offset < st.size_bytes ? (SinterIoExtent){ MIN(len, st.size_bytes - offset), FALSE }
                                  : (SinterIoExtent){ len, TRUE };
    return TRUE;
}

gboolean
sinter_io_lock(SinterIo *io, SinterIoLock mode, GError **error)
{
    if (!io->klass->lock || (io->flags & SINTER_IO_NO_LOCK))
        return TRUE;
    return io->klass->lock(io, mode, error);
}

gboolean
sinter_io_adopt(SinterIo *io, SinterIo *like, GError **error)
{
    g_return_val_if_fail(io->klass == like->klass, FALSE);
    return !io->klass->adopt || io->klass->adopt(io, like, error);
}

gboolean
sinter_io_is_mount(SinterIo *io)
{
    return io->klass->is_mount && io->klass->is_mount(io);
}

gboolean
sinter_io_set_mode(SinterIo *io, guint32 mode, GError **error)
{
    return !io->klass->set_mode || io->klass->set_mode(io, mode, error);
}

gboolean
sinter_io_lay_out(SinterIo *io, const SinterIoLayout *layout, GError **error)
{
    return !io->klass->lay_out || io->klass->lay_out(io, layout, error);
}

gboolean
sinter_lock_for_reading(SinterIo *io, GError **error)
{
    return sinter_io_lock(io, SINTER_IO_LOCK_SHARED, error);
}
