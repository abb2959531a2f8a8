/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2/layout/qcow2-header.h"

G_BEGIN_DECLS

/* An entry of the bitmap directory, as stored. */
typedef struct {
    guint64 entry_offset; /* in the file */
    guint64 entry_bytes;
    guint64 table_offset;
    guint32 table_entries;
    guint32 flags;
    guint8 type;
    guint8 granularity_bits;
    char *name;
    GBytes *extra; /* NULL: none */
} SinterQcow2Bitmap;

/*
 * Loads the bitmap directory, of SinterQcow2Bitmap *; empty if the image has no valid bitmaps. NULL
 * with an error if an entry is out of bounds.
 */
GPtrArray *sinter_qcow2_bitmaps_load(SinterIo *io, const SinterQcow2Header *header, GError **error);

void sinter_qcow2_bitmap_free(SinterQcow2Bitmap *bitmap);

/*
 * Loads the bits of a bitmap, whose table must have @n_entries, in whole clusters. Free with
 * g_free().
 */
guint8 *sinter_qcow2_bitmap_load_bits(SinterIo *io, const SinterQcow2Geometry *geo,
                                      const SinterQcow2Bitmap *bitmap, guint64 n_entries,
                                      GError **error);

G_END_DECLS
