/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The raw format: the file is the disk. Regular files and block devices. As in QEMU, the disk size
 * is the file size rounded up to sectors; the added part reads as zeros, and only what the file has
 * is written. The writer is a reference to the file and has no state, so any number of threads may
 * use it.
 */

#include "format-raw.h"
#include "format-raw-make.h"
#include "sinter-error.h"
#include "sinter-image.h"

#define SECTOR_BYTES 512

static gboolean
raw_probe(const guint8 *start, gsize len)
{
    return TRUE;
}

static gboolean
raw_inspect(SinterIo *io, SinterImageInfo *info, GError **error)
{
    info->virtual_size = (info->file_size + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
    info->looks_like = sinter_format_find_contradiction(io);
    return TRUE;
}

static gboolean
raw_open(SinterImage *image, const SinterFormatOpen *how, GError **error)
{
    if (how->snapshot) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                    "there is no snapshot '%s': raw images have no snapshots", how->snapshot);
        return FALSE;
    }
    return TRUE;
}

static gboolean
raw_map(SinterImage *image, guint64 offset, guint64 len, SinterExtent *ret, GError **error)
{
    SinterIoExtent extent;

    if (!sinter_io_extent(image->io, offset, len, &extent, error))
        return FALSE;
    *ret = (SinterExtent){
        .offset = offset,
        .length = extent.length_bytes,
        .host_offset = offset,
        .kind = extent.is_hole ? SINTER_EXTENT_ZERO : SINTER_EXTENT_DATA,
        .flags = SINTER_EXTENT_HAS_HOST,
    };
    return TRUE;
}

/* --- writing --- */

gpointer
sinter_raw_writer_new(SinterIo *io, guint64 virtual_size, SinterFormatTraits *ret)
{
    *ret = (SinterFormatTraits){ .virtual_size = virtual_size, .unit_size = 1, .data_io = io };
    return sinter_io_ref(io);
}

static gpointer
raw_write_open(const SinterFormatFile *file, const SinterFormatWrite *how, SinterFormatTraits *ret,
               GError **error)
{
    guint64 size;

    sinter_chain_free(how->backing);
    return sinter_io_get_size(file->io, &size, error) ? sinter_raw_writer_new(file->io, size, ret)
                                                      : NULL;
}

static void
raw_write_free(gpointer writer)
{
    sinter_io_unref(writer);
}

static gboolean
raw_write_read(gpointer writer, guint64 offset, void *buf, gsize len, GError **error)
{
    return sinter_io_read(writer, offset, buf, len, error);
}

static gboolean
raw_write(gpointer writer, guint64 offset, const void *buf, gsize len, GError **error)
{
    return sinter_io_write(writer, offset, buf, len, error);
}

static gboolean
raw_write_flush(gpointer writer, GError **error)
{
    return sinter_io_flush(writer, error);
}

static gboolean
raw_write_zero(gpointer writer, guint64 offset, guint64 len, GError **error)
{
    return sinter_io_discard(writer, offset, len, error);
}

static gboolean
raw_write_copy(gpointer writer, guint64 offset, SinterIo *from, guint64 from_offset, guint64 len,
               GError **error)
{
    return sinter_io_copy(writer, offset, from, from_offset, len, error);
}

/* Each byte has a fixed place: its guest offset. */
static gboolean
raw_write_place(gpointer writer, guint64 offset, guint64 len, SinterFormatPlace *ret,
                GError **error)
{
    ret->host = offset;
    ret->length = len;
    return TRUE;
}

const SinterFormat sinter_format_raw = {
    .struct_size = sizeof(SinterFormat),
    .api_version = SINTER_FORMAT_API_VERSION,
    .name = "raw",
    .threads = SINTER_FORMAT_PARALLEL,
    .is_flat = TRUE,
    .probe = raw_probe,
    .inspect = raw_inspect,
    .open = raw_open,
    .map = raw_map,
    .create_check = sinter_raw_create_check,
    .create = sinter_raw_create,
    .measure = sinter_raw_measure,
    .write_open = raw_write_open,
    .write_close = raw_write_flush,
    .write_free = raw_write_free,
    .write_read = raw_write_read,
    .write = raw_write,
    .write_flush = raw_write_flush,
    .write_zero = raw_write_zero,
    .write_discard = raw_write_zero,
    .write_copy = raw_write_copy,
    .write_place = raw_write_place,
    .resize = sinter_raw_resize,
};
