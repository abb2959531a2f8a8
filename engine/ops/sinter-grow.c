/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sizes of images under an operation. What holds: an image that grows shows zeros where it is new,
 * from the moment on at which it is longer.
 */

#include "sinter-grow.h"
#include "sinter-error.h"
#include "sinter-handle-internal.h"
#include "sinter-member.h"
#include "sinter/resize.h"

static gboolean
check_device(SinterIo *io, guint64 size, GError **error)
{
    SinterIoStat st;

    if (!sinter_io_stat(io, &st, error))
        return FALSE;
    if (!st.is_block_device || st.size_bytes >= size)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE,
                "'%s' is a device of %" G_GUINT64_FORMAT
                " bytes, and the disk has %" G_GUINT64_FORMAT,
                sinter_io_get_path(io), st.size_bytes, size);
    return FALSE;
}

gboolean
sinter_grow_member(SinterChain *chain, guint layer, guint64 size, GError **error)
{
    const SinterImage *image = sinter_chain_layer(chain, layer);
    const char *path = image->info->path;
    guint64 present =
        image->format == &sinter_format_raw ? image->info->file_size : image->virtual_size;

    /* a raw file may end inside a sector, and the disk does not */
    if (present >= size)
        return TRUE;
    if (image->format == &sinter_format_raw && !check_device(image->io, size, error))
        return FALSE;
    if (!sinter_member_is_file(chain, layer, path)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                    "'%s' is another file by now than the one that was looked at", path);
        return FALSE;
    }
    if (sinter_image_resize(chain->fs, path, image->info->format, SINTER_HANDLE_NO_LOCK, size,
                            SINTER_PREALLOCATION_OFF, FALSE, error))
        return TRUE;
    g_prefix_error(error, "making '%s' as large as the disk: ", path);
    return FALSE;
}

gboolean
sinter_grow_zero_missing(SinterHandle *handle, guint64 from, guint64 to, GError **error)
{
    while (from < to) {
        gboolean held = FALSE;
        guint64 n = 0;

        if (!sinter_handle_holds_at(handle, from, to - from, &held, &n, error) ||
            (!held && !sinter_handle_zero_at(handle, from, n, error)))
            return FALSE;
        from += n;
    }
    return TRUE;
}
