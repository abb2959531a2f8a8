/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sizes of images under an operation. What holds: an image that grows shows zeros where it is new,
 * from the moment on at which it is longer.
 */

#include "sinter-grow.h"
#include "sinter-error.h"
#include "ops/handle/sinter-handle-internal.h"
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
    gboolean is_flat = image->format->is_flat;
    guint64 present = is_flat ? image->info->file_size : image->virtual_size;
    const SinterResizeOptions how = { .size = size };

    /* a flat file may end inside a sector, and the disk does not */
    if (present >= size)
        return TRUE;
    if (is_flat && !check_device(image->io, size, error))
        return FALSE;
    if (!sinter_member_is_file(chain, layer, path)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                    "'%s' is another file by now than the one that was looked at", path);
        return FALSE;
    }
    if (sinter_image_resize(chain->fs, path, image->info->format, SINTER_HANDLE_NO_LOCK, &how,
                            error))
        return TRUE;
    sinter_error_prefix(error, "making '%s' as large as the disk: ", path);
    return FALSE;
}

static gboolean
zero_missing(SinterHandle *handle, guint64 from, guint64 to, GError **error)
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

gboolean
sinter_grow_hide(SinterHandle *handle, SinterChain *below, guint64 from, GError **error)
{
    guint64 to = MIN(sinter_handle_get_virtual_size(handle), sinter_chain_get_virtual_size(below));
    g_auto(SinterChainWalk) walk = { 0 };
    SinterExtent extent;

    if (from >= to)
        return TRUE;
    sinter_handle_store_zeros(handle);
    if (!sinter_chain_walk_init(&walk, below, from, to - from, SINTER_MAP_FILE_HOLES_AUTO, error))
        return FALSE;
    do {
        if (!sinter_chain_walk_next(&walk, &extent, error) ||
            (!sinter_extent_is_zero(&extent) &&
             !zero_missing(handle, extent.offset, extent.offset + extent.length, error)))
            return FALSE;
    } while (extent.length > 0);
    return TRUE;
}
