/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Measures how much of what a chain stores is still visible. Two walks: over the chain as the guest
 * sees it, for the visible part of each layer, and over each layer alone, for what it stores. The
 * difference is hidden by the layers above.
 */

#include "sinter-chain-usage.h"

#include <sinter/chain.h>

#include "sinter-error.h"

/* For the mapping tables of one chain: they are read sequentially, and the daemon's memory use must
 * stay small. */
#define CACHE_BYTES (2 * 1024 * 1024)

/* State of a walk. */
typedef struct {
    GArray *bytes; /* of guint64: stored bytes seen, by layer */
    GCancellable *cancellable;
} Walk;

static gboolean
add_extent(const SinterExtent *extent, gpointer user_data)
{
    Walk *walk = user_data;

    if ((extent->kind == SINTER_EXTENT_DATA || extent->kind == SINTER_EXTENT_COMPRESSED) &&
        !(extent->flags & SINTER_EXTENT_FILE_HOLE) && extent->layer < walk->bytes->len)
        g_array_index(walk->bytes, guint64, extent->layer) += extent->length;
    return !g_cancellable_is_cancelled(walk->cancellable);
}

static SinterChain *
open_chain(const SinterLayer *layer, SinterChainFlags flags, GError **error)
{
    SinterChainOptions options = {
        .format = layer->format,
        .flags = SINTER_CHAIN_NO_LOCK | flags,
        .cache_bytes = CACHE_BYTES,
    };

    return sinter_chain_open(layer->path, &options, error);
}

static gboolean
walk_chain(SinterChain *chain, Walk *walk, GError **error)
{
    if (!sinter_chain_map(chain, 0, sinter_chain_get_virtual_size(chain), SINTER_MAP_DEFAULT,
                          add_extent, walk, error))
        return FALSE;
    if (!g_cancellable_is_cancelled(walk->cancellable))
        return TRUE;
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_CANCELLED, "it was cancelled");
    return FALSE;
}

static gboolean
check_layers(const SinterDisk *disk, GError **error)
{
    for (guint i = 0; i < disk->layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(disk->layers, i);

        if (layer->path && layer->format &&
            (layer->type == SINTER_SOURCE_FILE || layer->type == SINTER_SOURCE_BLOCK))
            continue;
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "'%s' is not a file of this host with a known format", layer->description);
        return FALSE;
    }
    if (disk->layers->len > 0)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED, "drive '%s' is empty", disk->target);
    return FALSE;
}

/* Measures what the guest sees of each layer. */
static gboolean
measure_visible(const SinterDisk *disk, Walk *walk, GError **error)
{
    g_autoptr(SinterChain) chain = open_chain(g_ptr_array_index(disk->layers, 0), 0, error);

    if (!chain)
        return FALSE;
    if (sinter_chain_get_n_layers(chain) != disk->layers->len) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                    "the chain of disk %s has %u layers according to its images, and %u according "
                    "to libvirt",
                    disk->target, sinter_chain_get_n_layers(chain), disk->layers->len);
        return FALSE;
    }
    return walk_chain(chain, walk, error);
}

/* Measures what a layer stores. */
static gboolean
measure_held(const SinterLayer *layer, GCancellable *cancellable, guint64 *ret_bytes,
             GError **error)
{
    g_autoptr(SinterChain) chain = open_chain(layer, SINTER_CHAIN_NO_BACKING, error);
    g_autoptr(GArray) bytes = g_array_new(FALSE, TRUE, sizeof(guint64));
    Walk walk = { bytes, cancellable };

    g_array_set_size(bytes, 1);
    if (!chain || !walk_chain(chain, &walk, error))
        return FALSE;
    *ret_bytes = g_array_index(bytes, guint64, 0);
    return TRUE;
}

GArray *
sinter_chain_usage_measure(const SinterDisk *disk, GCancellable *cancellable, GError **error)
{
    g_autoptr(GArray) visible = g_array_new(FALSE, TRUE, sizeof(guint64));
    g_autoptr(GArray) usage = g_array_new(FALSE, TRUE, sizeof(SinterLayerUsage));
    Walk walk = { visible, cancellable };

    if (!check_layers(disk, error))
        return NULL;
    g_array_set_size(visible, disk->layers->len);
    g_array_set_size(usage, disk->layers->len);
    if (!measure_visible(disk, &walk, error))
        return NULL;
    for (guint i = 0; i < usage->len; i++) {
        SinterLayerUsage *one = &g_array_index(usage, SinterLayerUsage, i);
        guint64 seen = g_array_index(visible, guint64, i);

        if (!measure_held(g_ptr_array_index(disk->layers, i), cancellable, &one->data_bytes, error))
            return NULL;
        /* no layer is above the active one; and the second walk may have seen less of a layer that
         * is being written */
        one->shadowed_bytes = i > 0 && one->data_bytes > seen ? one->data_bytes - seen : 0;
    }
    return g_steal_pointer(&usage);
}
