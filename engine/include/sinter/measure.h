/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:measure
 *
 * How much room an image of a given format would take.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: any.
 */

#include <sinter/chain.h>

G_BEGIN_DECLS

/**
 * SinterMeasureOptions:
 *
 * The image that is to be made; for "raw" only @format counts.
 *
 * @format: "raw" or "qcow2"
 * @cluster_size: a power of two, 512 to 2 MiB; 0 for 64 KiB
 * @refcount_bits: a power of two, 1 to 64; 0 for 16
 * @extended_l2: with subclusters
 * @has_backing: it stands on another image, so that nothing is known of what it will hold
 * @preallocated: with space for all data from the beginning
 * @without_bitmaps: of a version that has no bitmaps
 */
typedef struct {
    const char *format;
    guint cluster_size;
    guint refcount_bits;
    gboolean extended_l2;
    gboolean has_backing;
    gboolean preallocated;
    gboolean without_bitmaps;
} SinterMeasureOptions;

/**
 * SinterMeasure:
 * @required: with the source's content
 * @fully_allocated: when all of the disk has been written
 * @has_bitmaps: source and target can both have bitmaps
 * @bitmaps: what copies of the source's bitmaps would take
 */
typedef struct {
    guint64 required;
    guint64 fully_allocated;
    gboolean has_bitmaps;
    guint64 bitmaps;
} SinterMeasure;

/* For an empty disk of @virtual_size bytes. */
gboolean sinter_measure_size(guint64 virtual_size, const SinterMeasureOptions *options,
                             SinterMeasure *ret, GError **error);

/* For a copy of what the guest sees of @chain. Reads its map, none of its data. */
gboolean sinter_measure_chain(SinterChain *chain, const SinterMeasureOptions *options,
                              SinterMeasure *ret, GError **error);

G_END_DECLS
