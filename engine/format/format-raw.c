/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The raw format: the file is the disk. Regular files and block devices. The disk is the file
 * rounded up to sectors, as QEMU has it, and what that adds reads as zeros.
 */

#include "sinter-image.h"
#include "sinter-error.h"

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
    return TRUE;
}

static gboolean
raw_open(SinterImage *image, const SinterFormatOpen *how, GError **error)
{
    if (how->snapshot) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                    "there is no snapshot '%s': a raw image has none", how->snapshot);
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

const SinterFormat sinter_format_raw = {
    .struct_size = sizeof(SinterFormat),
    .api_version = SINTER_FORMAT_API_VERSION,
    .name = "raw",
    .probe = raw_probe,
    .inspect = raw_inspect,
    .open = raw_open,
    .map = raw_map,
};
