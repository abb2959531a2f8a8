/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Computes the size of an image before it is created, for any format: maps the source and calls the
 * driver.
 */

#include "sinter/measure.h"
#include "chain/sinter-chain.h"
#include "sinter-error.h"

/* Counts the bytes of the disk that are in clusters with data. */
static gboolean
count_data(guint64 cluster_size, guint64 *ret, gpointer data, GError **error)
{
    SinterChain *chain = data;
    g_auto(SinterChainWalk) walk = { 0 };
    guint64 counted_to = 0; /* the end of the last cluster counted */
    SinterExtent extent;

    *ret = 0;
    if (!sinter_chain_walk_init(&walk, chain, 0, sinter_chain_get_virtual_size(chain),
                                SINTER_MAP_FILE_HOLES_AUTO, error))
        return FALSE;
    do {
        guint64 from;
        guint64 to;

        if (!sinter_chain_walk_next(&walk, &extent, error))
            return FALSE;
        from = MAX(counted_to, extent.offset / cluster_size * cluster_size);
        to = (extent.offset + extent.length + cluster_size - 1) / cluster_size * cluster_size;
        if (sinter_extent_is_zero(&extent) || to <= from)
            continue;
        *ret += to - from;
        counted_to = to;
    } while (extent.length > 0);
    return TRUE;
}

static gboolean
measure(const SinterFormatMeasure *source, const SinterMeasureOptions *options, SinterMeasure *ret,
        GError **error)
{
    const SinterFormat *format = sinter_format_find(options->format, NULL);
    SinterMeasure measured = { 0 };

    if (!format || !format->measure) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    format ? "Format driver '%s' does not support size measurement"
                           : "Unknown file format '%s'",
                    options->format);
        return FALSE;
    }
    if (!format->measure(source, options, &measured, error))
        return FALSE;
    *ret = measured;
    return TRUE;
}

gboolean
sinter_measure_size(guint64 virtual_size, const SinterMeasureOptions *options, SinterMeasure *ret,
                    GError **error)
{
    const SinterFormatMeasure source = { .virtual_size = virtual_size };

    return measure(&source, options, ret, error);
}

gboolean
sinter_measure_chain(SinterChain *chain, const SinterMeasureOptions *options, SinterMeasure *ret,
                     GError **error)
{
    const SinterFormat *format = sinter_format_find(options->format, NULL);
    SinterImage *top = sinter_chain_layer(chain, 0);
    g_autoptr(GPtrArray) bitmaps = NULL;
    SinterFormatMeasure source = {
        .virtual_size = sinter_chain_get_virtual_size(chain),
        .count_data = count_data,
        .data = chain,
        .top = top->info,
    };

    if (format && format->bitmaps && !options->without_bitmaps && top->format->list_bitmaps) {
        bitmaps = sinter_image_list_bitmaps(top->io, top->info->format, error);
        if (!bitmaps)
            return FALSE;
        source.bitmaps = bitmaps;
    }
    return measure(&source, options, ret, error);
}
