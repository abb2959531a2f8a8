/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Raw images have no header, so their first bytes may contradict the format that is recorded or was
 * probed. Invariant: guest writes cannot turn a probed raw file into an image of another format,
 * and a file that looks like such an image is not destroyed because it was recorded as raw.
 */

#include "sinter-format.h"
#include "sinter-error.h"

#include <string.h>

static gboolean
refuse_header(SinterIo *io, const guint8 *start, gsize len, GError **error)
{
    const char *name = sinter_format_look_at(start, len);

    if (strcmp(name, sinter_format_raw.name) == 0)
        return TRUE;
    g_set_error(
        error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
        "'%s' is a raw image whose format is not recorded, and the data to be written is a header "
        "of format '%s': the file would then be probed as '%s'. Store the format 'raw' in its "
        "overlay (sinter-img rebase -u -b NAME -F raw OVERLAY), or give the format, and try again",
        sinter_io_get_path(io), name, name);
    return FALSE;
}

void
sinter_format_keep_raw(SinterIo *io)
{
    sinter_io_guard_start(io, SINTER_FORMAT_PROBE_BYTES, refuse_header);
}

char *
sinter_format_find_contradiction(SinterIo *io)
{
    guint8 start[SINTER_FORMAT_PROBE_BYTES];
    const char *name;
    gsize len = 0;

    /* an unreadable file contradicts nothing; a later read reports the error */
    if (!sinter_io_read_some(io, 0, start, sizeof start, &len, NULL))
        return NULL;
    name = sinter_format_look_at(start, len);
    if (strcmp(name, sinter_format_raw.name) == 0 || strcmp(name, "luks") == 0)
        return NULL;
    return g_strdup(name);
}

gboolean
sinter_format_check_recorded(const SinterImageInfo *info, GError **error)
{
    if (!info->looks_like)
        return TRUE;
    g_set_error(
        error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
        "'%s' is recorded as format '%s', but starts with a header of format '%s', which would be "
        "destroyed. If its format is '%s', store it in the overlay (sinter-img rebase -u -b NAME "
        "-F %s OVERLAY); if its format is '%s', copy the disk with 'sinter-img convert' instead",
        info->path, info->format, info->looks_like, info->looks_like, info->looks_like,
        info->format);
    return FALSE;
}
