/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Copies dirty bitmaps from image to image: creates each bitmap and merges the source bitmap into
 * it. */

#include "sinter-convert-bitmaps.h"
#include "ops/change/sinter-bitmap-over.h"
#include "sinter-error.h"

static gboolean
copy_bitmap(const SinterConvertBitmaps *target, SinterImage *image, const SinterBitmapInfo *bitmap,
            GError **error)
{
    const SinterBitmapSource from = { .path = sinter_io_get_path(image->io),
                                      .format = image->info->format };
    const SinterBitmapAction actions[] = {
        { .kind = SINTER_BITMAP_ADD, .granularity = bitmap->granularity },
        { .kind = SINTER_BITMAP_MERGE, .source = bitmap->name },
        { .kind = SINTER_BITMAP_DISABLE },
    };
    const SinterBitmapChange change = {
        .format = target->format,
        .flags = SINTER_HANDLE_NO_LOCK,
        .name = bitmap->name,
        .actions = actions,
        .n_actions = bitmap->enabled ? 2 : 3,
        .from = &from,
    };
    gsize n_done = 0;

    if (sinter_bitmap_change_over(target->fs, target->path, target->data_io, &change, &n_done,
                                  error))
        return TRUE;
    sinter_error_prefix(error, "Failed to %s bitmap %s: ", n_done == 0 ? "create" : "populate",
                        bitmap->name);
    return FALSE;
}

gboolean
sinter_convert_bitmaps(const SinterConvertBitmaps *target, SinterChain *source,
                       gboolean skip_broken, GError **error)
{
    SinterImage *image = sinter_chain_layer(source, 0);
    g_autoptr(GPtrArray) bitmaps = sinter_image_list_bitmaps(image->io, image->info->format, error);

    for (guint i = 0; bitmaps && i < bitmaps->len; i++) {
        const SinterBitmapInfo *bitmap = g_ptr_array_index(bitmaps, i);

        if (bitmap->in_use && skip_broken)
            continue;
        if (bitmap->in_use) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                        "Cannot copy inconsistent bitmap '%s'", bitmap->name);
            return FALSE;
        }
        if (!copy_bitmap(target, image, bitmap, error))
            return FALSE;
    }
    return bitmaps != NULL;
}
