/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The state of an open qcow2 image: its header, the cache of its tables, and the view (the active
 * state or an internal snapshot) that is read.
 */

#include "format/sinter-image.h"
#include "qcow2-cache.h"
#include "qcow2-l1-table.h"
#include "qcow2-salvage-tables.h"

G_BEGIN_DECLS

typedef struct {
    SinterImage *image; /* the image that this state belongs to */
    SinterQcow2Header *header;
    SinterQcow2Cache *cache;          /* NULL: the image is open to be salvaged, … */
    SinterQcow2SalvageTables *tables; /* … with these */
    gboolean lacks_data_file;         /* salvage: it cannot be opened */
    SinterQcow2L1Table view;
    gsize is_preallocated; /* g_once: 1 no, 2 yes */
} SinterQcow2Image;

/* Steps of opening: both for intact and for damaged images. */
gboolean sinter_qcow2_image_choose_view(SinterQcow2Image *self, const char *snapshot,
                                        GError **error);
gboolean sinter_qcow2_image_open_data_file(SinterQcow2Image *self, SinterIoFlags flags,
                                           GError **error);

/* SinterFormat callbacks. */
gboolean sinter_qcow2_image_open(SinterImage *image, const SinterFormatOpen *how, GError **error);
void sinter_qcow2_image_close(SinterImage *image);

G_END_DECLS
