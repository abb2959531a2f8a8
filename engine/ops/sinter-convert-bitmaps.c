/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Copies dirty bitmaps from image to image: each is made anew and takes the marks of its model. */

#include "sinter-convert-bitmaps.h"
#include "sinter-bitmap-store.h"
#include "sinter-error.h"

static gboolean
copy_bitmap(SinterFs *fs, SinterImage *image, const SinterBitmapInfo *bitmap, const char *path,
            SinterIo *data_io, GError **error)
{
    const SinterBitmapSource from = { .path = sinter_io_get_path(image->io),
                                      .format = image->info->format };
    const SinterBitmapAction actions[] = {
        { .kind = SINTER_BITMAP_ADD, .granularity = bitmap->granularity },
        { .kind = SINTER_BITMAP_MERGE, .source = bitmap->name },
        { .kind = SINTER_BITMAP_DISABLE },
    };
    gsize n_actions = bitmap->enabled ? 2 : 3;
    gsize n_done = 0;

    if (sinter_bitmap_change_over(fs, path, data_io, "qcow2", SINTER_HANDLE_NO_LOCK, bitmap->name,
                                  actions, n_actions, &from, &n_done, error))
        return TRUE;
    sinter_error_prefix(error, "Failed to %s bitmap %s: ", n_done == 0 ? "create" : "populate",
                        bitmap->name);
    return FALSE;
}

gboolean
sinter_convert_bitmaps(SinterFs *fs, SinterChain *source, const char *path, SinterIo *data_io,
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
        if (!copy_bitmap(fs, image, bitmap, path, data_io, error))
            return FALSE;
    }
    return bitmaps != NULL;
}
