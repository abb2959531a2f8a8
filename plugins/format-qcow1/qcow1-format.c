/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The plugin: read support for qcow version 1, the format that QEMU calls "qcow". Defines the table
 * of callbacks and fills in the metadata of an image.
 */

#include "qcow1-header.h"
#include "qcow1-image.h"
#include "sinter-error.h"
#include "sinter-plugin.h"

/* Stores a problem that prevents the use of the image in @info. Inspecting such an image is not an
 * error. */
static void
fill_trouble(SinterImageInfo *info, const SinterQcow1Header *header, SinterIo *io)
{
    g_autoptr(GError) error = NULL;

    if (!sinter_qcow1_header_check(header, info->file_size, &error) ||
        !sinter_qcow1_header_read_backing(header, io, &info->backing_name, &error))
        info->trouble = g_strdup(error->message);
}

static gboolean
qcow1_inspect(SinterIo *io, SinterImageInfo *info, GError **error)
{
    SinterQcow1Header header;

    if (!sinter_qcow1_header_read(io, &header, error))
        return FALSE;
    fill_trouble(info, &header, io);
    info->version = SINTER_QCOW1_VERSION;
    info->virtual_size = sinter_qcow1_header_virtual_size(&header);
    info->encrypted = header.crypt_method != SINTER_QCOW1_CRYPT_NONE;
    if (header.crypt_method == SINTER_QCOW1_CRYPT_AES)
        info->encryption = g_strdup("aes");
    if (header.cluster_bits < 32)
        info->cluster_size = 1U << header.cluster_bits;
    if (info->backing_name)
        info->backing_path = sinter_image_resolve_name(info->path, info->backing_name, NULL);
    return TRUE;
}

static const SinterFormat qcow1_format = {
    .struct_size = sizeof(SinterFormat),
    .api_version = SINTER_FORMAT_API_VERSION,
    .name = "qcow",
    .probe = sinter_qcow1_header_probe,
    .inspect = qcow1_inspect,
    .open = sinter_qcow1_image_open,
    .map = sinter_qcow1_image_map,
    .close = sinter_qcow1_image_close,
    .read_compressed = sinter_qcow1_image_read_compressed,
};

SINTER_PLUGIN_DEFINE(format_qcow1) = {
    .abi = SINTER_PLUGIN_ABI,
    .struct_size = sizeof(SinterPlugin),
    .kind = SINTER_PLUGIN_FORMAT,
    .name = "format-qcow1",
    .summary = "reads qcow images of version 1",
    .operations = &qcow1_format,
};
