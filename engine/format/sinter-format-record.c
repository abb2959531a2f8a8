/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Raw images have no header, so their first bytes may contradict the format that is recorded or was
 * probed. Invariant: guest writes cannot turn a probed raw file into an image of another format,
 * and a file that looks like such an image is not destroyed because it was recorded as raw.
 */

#include "sinter-format.h"
#include "sinter-error.h"

#include <string.h>

/* Sets the error for an image at @path that is @used_as one format, although @what starts with a
 * header of the format @found. */
static void
set_contradiction(GError **error, const char *path, const char *used_as, const char *what,
                  const char *found, const char *remedy)
{
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "'%s' is %s, but %sstarts with a header of format '%s'; %s", path, used_as, what,
                found, remedy);
}

static gboolean
refuse_header(SinterIo *io, const guint8 *start, gsize len, GError **error)
{
    const char *name = sinter_format_look_at(start, len);

    if (strcmp(name, sinter_format_raw.name) == 0)
        return TRUE;
    set_contradiction(error, sinter_io_get_path(io), "a raw image whose format is not recorded",
                      "the data to be written ", name,
                      "specify its format, or store it with "
                      "'sinter-img rebase -u -b NAME -F raw OVERLAY'");
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
    g_autofree char *used_as = NULL;
    g_autofree char *remedy = NULL;

    if (!info->looks_like)
        return TRUE;
    used_as = g_strdup_printf("recorded as format '%s'", info->format);
    remedy = g_strdup_printf("if its format is '%s', store it with "
                             "'sinter-img rebase -u -b NAME -F %s OVERLAY'; otherwise copy the "
                             "disk with 'sinter-img convert'",
                             info->looks_like, info->looks_like);
    set_contradiction(error, info->path, used_as, "", info->looks_like, remedy);
    return FALSE;
}
