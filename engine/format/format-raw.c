/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The raw format: the file is the disk. Regular files and block devices.
 */

#include "sinter-format.h"

static gboolean
raw_probe(const guint8 *start, gsize len)
{
    return TRUE;
}

static gboolean
raw_inspect(SinterIo *io, SinterImageInfo *info, GError **error)
{
    info->virtual_size = info->file_size;
    return TRUE;
}

const SinterFormat sinter_format_raw = {
    .name = "raw",
    .probe = raw_probe,
    .inspect = raw_inspect,
};
