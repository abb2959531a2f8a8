/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sizes of images during an operation. Invariant: the new part of an image that grows reads as
 * zeros from the moment at which the image is larger.
 */

#include "sinter-grow.h"
#include "sinter-error.h"
#include "ops/handle/sinter-handle-internal.h"
#include "sinter-member.h"
#include "sinter/resize.h"

static gboolean
resize(SinterChain *chain, const SinterImage *image, SinterIo *io, guint64 size, GError **error)
{
    const SinterResizeOptions how = { .size = size };
    const SinterFormatFile file = {
        .fs = chain->fs,
        .io = io,
        .io_flags = sinter_handle_io_flags(SINTER_HANDLE_NO_LOCK),
    };

    if (image->format->resize)
        return image->format->resize(&file, &how, error);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "Format driver '%s' does not support resizing", image->format->name);
    return FALSE;
}

/* Grows the image of @layer, which is open for writing as @io, to at least @size. */
static gboolean
grow(SinterChain *chain, guint layer, SinterIo *io, guint64 size, GError **error)
{
    const SinterImage *image = sinter_chain_layer(chain, layer);
    gboolean is_flat = image->format->is_flat;

    /* a flat file may end within a sector, but the disk does not */
    if ((is_flat ? image->info->file_size : image->virtual_size) >= size)
        return TRUE;
    if (is_flat && !sinter_io_check_reach(image->io, size, error))
        return FALSE;
    if (resize(chain, image, io, size, error))
        return TRUE;
    sinter_error_prefix(error, "resizing '%s' to the size of the disk: ", image->info->path);
    return FALSE;
}

SinterHandle *
sinter_grow_open(SinterChain *chain, guint layer, SinterIoFlags flags, guint64 size, GError **error)
{
    g_autoptr(SinterIo) io = sinter_member_open_io(chain, layer, flags, error);

    return io && grow(chain, layer, io, size, error)
               ? sinter_member_open_disk(chain, layer, io, error)
               : NULL;
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
