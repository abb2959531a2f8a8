/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Creates and resizes raw images: both change only the file's length and the space reserved for it.
 * The size of a block device is fixed.
 */

#include "format-raw-make.h"
#include "io/sinter-io.h"
#include "sinter-error.h"
#include "sinter-resize-check.h"

#define SECTOR_BYTES 512

static guint64
whole_sectors(guint64 bytes)
{
    return (bytes + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
}

gboolean
sinter_raw_create_check(const SinterCreateOptions *options, GError **error)
{
    if (options->virtual_size > G_MAXINT64 - SECTOR_BYTES)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT, "Image is too big");
    if (options->backing_name || options->data_file_name)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "a raw image cannot have a backing file");
    if (options->preallocation == SINTER_PREALLOCATION_METADATA)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "Unsupported preallocation mode: metadata");
    return TRUE;
}

gboolean
sinter_raw_create(SinterIo *io, SinterIo *data_io, const SinterCreateOptions *options,
                  GError **error)
{
    guint64 size = whole_sectors(options->virtual_size);
    SinterIoStat st;

    if (!sinter_io_stat(io, &st, error))
        return FALSE;
    if (st.is_block_device && st.size_bytes < size) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE, "Cannot grow device files");
        return FALSE;
    }
    if (options->preallocation == SINTER_PREALLOCATION_FULL)
        return sinter_io_write_zeros(io, 0, size, error) && sinter_io_flush(io, error);
    if (options->preallocation == SINTER_PREALLOCATION_FALLOC &&
        !sinter_io_allocate(io, 0, size, error))
        return FALSE;
    return sinter_io_truncate(io, size, error) && sinter_io_flush(io, error);
}

gboolean
sinter_raw_measure(const SinterFormatMeasure *source, const SinterMeasureOptions *options,
                   SinterMeasure *ret, GError **error)
{
    ret->required = whole_sectors(MIN(source->virtual_size, G_MAXINT64));
    ret->fully_allocated = ret->required;
    return TRUE;
}

static gboolean
raw_add(SinterIo *io, guint64 old, const SinterResizeOptions *what, GError **error)
{
    if (what->preallocation == SINTER_PREALLOCATION_FULL)
        return sinter_io_write_zeros(io, old, what->size - old, error);
    if (what->preallocation == SINTER_PREALLOCATION_FALLOC &&
        !sinter_io_allocate(io, old, what->size - old, error))
        return FALSE;
    return sinter_io_truncate(io, what->size, error);
}

gboolean
sinter_raw_resize(const SinterFormatFile *file, const SinterResizeOptions *what, GError **error)
{
    guint64 size = what->size;
    SinterIo *io = file->io;
    SinterIoStat st;

    if (what->preallocation == SINTER_PREALLOCATION_METADATA)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "Unsupported preallocation mode: metadata");
    if (!sinter_io_stat(io, &st, error) ||
        !sinter_resize_check_direction(st.size_bytes, what, error))
        return FALSE;
    if (st.is_block_device)
        return size == st.size_bytes || sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                                            "Cannot resize device files");
    if (size < st.size_bytes && what->preallocation != SINTER_PREALLOCATION_OFF)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "Cannot use preallocation for shrinking files");
    if (size <= st.size_bytes)
        return sinter_io_truncate(io, size, error) && sinter_io_flush(io, error);
    if (raw_add(io, st.size_bytes, what, error) && sinter_io_flush(io, error))
        return TRUE;
    /* a part of the added space is useless */
    sinter_io_truncate(io, st.size_bytes, NULL);
    return FALSE;
}
