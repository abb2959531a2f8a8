/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:measure
 *
 * Computes the space that an image of a given format needs.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: any.
 */

#include <sinter/chain.h>

G_BEGIN_DECLS

/**
 * SinterMeasureOptions:
 *
 * The image to be created; for "raw" only @format is used.
 *
 * @format: "raw" or "qcow2"
 * @cluster_size: a power of two, 512 to 2 MiB; 0 for 64 KiB
 * @refcount_bits: a power of two, 1 to 64; 0 for 16
 * @extended_l2: with subclusters
 * @has_backing: it has a backing file, so its future content is unknown
 * @preallocated: space for all data is allocated at creation
 * @without_bitmaps: the image's version does not support bitmaps
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
 * @required: bytes needed for the source's content
 * @fully_allocated: bytes needed when the whole disk has been written
 * @has_bitmaps: source and target both support bitmaps
 * @bitmaps: bytes needed for copies of the source's bitmaps
 */
typedef struct {
    guint64 required;
    guint64 fully_allocated;
    gboolean has_bitmaps;
    guint64 bitmaps;
} SinterMeasure;

/* Measures an image of an empty disk of @virtual_size bytes. */
gboolean sinter_measure_size(guint64 virtual_size, const SinterMeasureOptions *options,
                             SinterMeasure *ret, GError **error);

/* Measures a copy of the disk that the guest sees through @chain. Reads its map, but no data. */
gboolean sinter_measure_chain(SinterChain *chain, const SinterMeasureOptions *options,
                              SinterMeasure *ret, GError **error);

G_END_DECLS
