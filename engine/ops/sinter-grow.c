/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sizes of images under an operation. What holds: an image that grows shows zeros where it is new,
 * from the moment on at which it is longer.
 */

#include "sinter-grow.h"
#include "sinter-error.h"
#include "sinter-handle-internal.h"
#include "sinter-member.h"

#include <string.h>

static gboolean
grow_raw(SinterIo *io, guint64 size, GError **error)
{
    SinterIoStat st;

    if (!sinter_io_stat(io, &st, error))
        return FALSE;
    if (st.size_bytes >= size)
        return TRUE;
    if (!st.is_block_device)
        return sinter_io_truncate(io, size, error) && sinter_io_flush(io, error);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE,
                "'%s' is a device of %" G_GUINT64_FORMAT
                " bytes, and the disk has %" G_GUINT64_FORMAT,
                sinter_io_get_path(io), st.size_bytes, size);
    return FALSE;
}

gboolean
sinter_grow_member(SinterChain *chain, guint layer, guint64 size, GError **error)
{
    SinterImage *image = sinter_chain_layer(chain, layer);
    g_autoptr(SinterIo) io = NULL;

    if (image->virtual_size >= size && image->format != &sinter_format_raw)
        return TRUE;
    io = sinter_member_open_io(chain, layer, 0, error);
    if (!io)
        return FALSE;
    if (image->format == &sinter_format_raw)
        return grow_raw(io, size, error);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "'%s' is smaller than the disk; resize it first", image->info->path);
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
