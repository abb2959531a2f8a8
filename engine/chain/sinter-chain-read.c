/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads a chain as the guest sees it: follows the merged map and reads each extent at once from the
 * layer that defines it.
 */

#include "sinter-chain.h"

gboolean
sinter_chain_read(SinterChain *chain, guint64 offset, void *buf, gsize length, GError **error)
{
    g_auto(SinterChainCursor) cursor = { 0 };
    guint8 *out = buf;
    SinterExtent extent;

    if (!sinter_chain_check_range(chain, offset, length, error))
        return FALSE;
    sinter_chain_cursor_init(&cursor, chain, offset, length);
    do {
        if (!sinter_chain_cursor_next(&cursor, &extent, error))
            return FALSE;
        if (extent.length > 0 &&
            !sinter_image_read_run(sinter_chain_layer(chain, extent.layer), &extent, out, error))
            return FALSE;
        out += extent.length;
    } while (extent.length > 0);
    return TRUE;
}
