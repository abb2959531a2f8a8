/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Carries dirty bitmaps in a merge. A backup since some moment copies what the bitmaps of one name
 * mark in any layer of the chain, so the result's bitmap gets the bits of all merged ones.
 * Invariant: until the names change, a bitmap that the result has already only marks what is marked
 * above it as well; so an interruption makes no backup incomplete.
 */

#include "sinter-merge-bitmaps.h"

#include <string.h>

#include "chain/sinter-chain.h"
#include "sinter-error.h"
#include "sinter/bitmap.h"

typedef struct {
    SinterChain *chain;
    guint top;
    guint base;
    guint result;
    GPtrArray *lists; /* of GPtrArray of SinterBitmapInfo: layers from 0 to @base */
} Carry;

/* (nullable) */
static const SinterBitmapInfo *
find_name(const Carry *self, guint layer, const char *name)
{
    const GPtrArray *list = g_ptr_array_index(self->lists, layer);

    for (guint i = 0; i < list->len; i++) {
        const SinterBitmapInfo *bitmap = g_ptr_array_index(list, i);

        if (strcmp(bitmap->name, name) == 0)
            return bitmap;
    }
    return NULL;
}

/* (nullable): the bitmap of that name, if it records all writes to the layer */
static const SinterBitmapInfo *
find_bitmap(const Carry *self, guint layer, const char *name)
{
    const SinterBitmapInfo *bitmap = find_name(self, layer, name);

    return bitmap && bitmap->enabled && !bitmap->in_use ? bitmap : NULL;
}

/* The number of layers, from the top of the chain on, that have the bitmap without a gap. */
static guint
measure_depth(const Carry *self, const char *name)
{
    guint depth = 0;

    while (depth <= self->base && find_bitmap(self, depth, name))
        depth++;
    return depth;
}

static gboolean
merge_bitmap(const Carry *self, guint layer, const SinterBitmapInfo *bitmap, gboolean adds,
             GError **error)
{
    const SinterImageInfo *from = sinter_chain_layer(self->chain, layer)->info;
    const SinterImageInfo *to = sinter_chain_layer(self->chain, self->result)->info;
    const SinterBitmapSource source = { .path = from->path, .format = from->format };
    const SinterBitmapAction actions[] = {
        { .kind = SINTER_BITMAP_ADD, .granularity = bitmap->granularity },
        { .kind = SINTER_BITMAP_MERGE, .source = bitmap->name },
    };
    const SinterBitmapChange change = {
        .format = to->format,
        .flags = SINTER_HANDLE_NO_LOCK,
        .name = bitmap->name,
        .actions = adds ? actions : actions + 1,
        .n_actions = adds ? 2 : 1,
        .from = &source,
    };
    gsize n_done = 0;

    if (sinter_bitmap_change(self->chain->fs, to->path, &change, &n_done, error))
        return TRUE;
    sinter_error_prefix(error, "carrying the dirty bitmap '%s' of '%s' to '%s': ", bitmap->name,
                        from->path, to->path);
    return FALSE;
}

static gboolean
carry_bitmap(const Carry *self, const char *name, GError **error)
{
    guint end = MIN(measure_depth(self, name), self->base + 1);
    gboolean adds = !find_name(self, self->result, name);

    /* one that is incomplete must not look complete */
    if (!adds && !find_bitmap(self, self->result, name))
        return TRUE;
    for (guint layer = self->top; layer < end; layer++) {
        if (layer == self->result)
            continue;
        if (!merge_bitmap(self, layer, find_bitmap(self, layer, name), adds, error))
            return FALSE;
        adds = FALSE;
    }
    return TRUE;
}

static gboolean
load_lists(Carry *self, GError **error)
{
    for (guint i = 0; i <= self->base; i++) {
        const SinterImage *image = sinter_chain_layer(self->chain, i);
        GPtrArray *list = sinter_image_list_bitmaps(image->io, image->info->format, error);

        if (!list)
            return FALSE;
        g_ptr_array_add(self->lists, list);
    }
    return TRUE;
}

gboolean
sinter_merge_bitmaps(SinterChain *chain, const SinterMergePlan *plan, SinterMergeStretch stretch,
                     GError **error)
{
    g_autoptr(GPtrArray) lists = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    Carry self = { .chain = chain,
                   .top = stretch.top,
                   .base = stretch.base,
                   .result = plan->direction == SINTER_MERGE_DOWN ? stretch.base : stretch.top,
                   .lists = lists };
    const GPtrArray *names;

    if (!sinter_chain_layer(chain, self.result)->format->bitmaps)
        return TRUE;
    if (!load_lists(&self, error))
        return FALSE;
    /* the bitmaps of the highest merged layer are all that can be continuous */
    names = g_ptr_array_index(lists, self.top);
    for (guint i = 0; i < names->len; i++) {
        if (!carry_bitmap(&self, ((const SinterBitmapInfo *)g_ptr_array_index(names, i))->name,
                          error))
            return FALSE;
    }
    return TRUE;
}
