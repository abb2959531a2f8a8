/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A format as a plugin. A "boxed" image starts with 8 bytes of magic and the size of the disk in 8
 * bytes (little-endian). The content of the disk begins at byte 4096, unencoded.
 *
 *     cc -shared -fPIC -o format-boxed.so format-boxed.c \
 *         $(pkg-config --cflags --libs sinter-plugin)
 */

#include <sinter-plugin.h>
#include <sinter/format.h>
#include <sinter/sinter-error.h>
#include <string.h>

#define MAGIC "BOXED 1\n"
#define MAGIC_BYTES 8
#define HEADER_BYTES 4096

static gboolean
boxed_probe(const guint8 *start, gsize len)
{
    return len >= MAGIC_BYTES && memcmp(start, MAGIC, MAGIC_BYTES) == 0;
}

/* Every value from the image is checked against the file before it is used. */
static gboolean
boxed_inspect(SinterIo *io, SinterImageInfo *info, GError **error)
{
    guint8 header[MAGIC_BYTES + 8];
    guint64 size;

    if (!sinter_io_read(io, 0, header, sizeof header, error))
        return FALSE;
    if (!boxed_probe(header, sizeof header)) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_CORRUPT, "it is not a boxed image");
        return FALSE;
    }
    memcpy(&size, header + MAGIC_BYTES, sizeof size);
    info->virtual_size = GUINT64_FROM_LE(size);
    if (info->file_size < HEADER_BYTES || info->virtual_size > info->file_size - HEADER_BYTES)
        info->trouble = g_strdup("the disk is larger than the file");
    return TRUE;
}

static gboolean
boxed_open(SinterImage *image, const SinterFormatOpen *how, GError **error)
{
    const char *trouble = sinter_image_get_info(image)->trouble;

    if (trouble)
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_CORRUPT, trouble);
    else if (how->snapshot)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "there is no snapshot '%s'",
                    how->snapshot);
    return !trouble && !how->snapshot;
}

/* The whole disk is stored contiguously in the file. The engine reads it. */
static gboolean
boxed_map(SinterImage *image, guint64 offset, guint64 len, SinterExtent *ret, GError **error)
{
    *ret = (SinterExtent){
        .offset = offset,
        .length = len,
        .host_offset = HEADER_BYTES + offset,
        .kind = SINTER_EXTENT_DATA,
        .flags = SINTER_EXTENT_HAS_HOST,
    };
    return TRUE;
}

static const SinterFormat boxed = {
    .struct_size = sizeof(SinterFormat),
    .api_version = SINTER_FORMAT_API_VERSION,
    .name = "boxed",
    .probe = boxed_probe,
    .inspect = boxed_inspect,
    .open = boxed_open,
    .map = boxed_map,
};

SINTER_PLUGIN_DEFINE(format_boxed) = {
    .abi = SINTER_PLUGIN_ABI,
    .struct_size = sizeof(SinterPlugin),
    .kind = SINTER_PLUGIN_FORMAT,
    .name = "format-boxed",
    .summary = "reads boxed images",
    .operations = &boxed,
};
