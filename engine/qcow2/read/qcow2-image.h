/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The state of an open qcow2 image: its header, the cache of its tables, and the view (the active
 * state or an internal snapshot) that is read.
 */

#include "format/sinter-image.h"
#include "qcow2-cache.h"
#include "qcow2-l1-table.h"

G_BEGIN_DECLS

typedef struct {
    SinterImage *image; /* the image that this state belongs to */
    SinterQcow2Header *header;
    SinterQcow2Cache *cache;
    SinterQcow2L1Table view;
    gsize is_preallocated; /* g_once: 1 no, 2 yes */
} SinterQcow2Image;

/* SinterFormat callbacks. */
gboolean sinter_qcow2_image_open(SinterImage *image, const SinterFormatOpen *how, GError **error);
void sinter_qcow2_image_close(SinterImage *image);

G_END_DECLS
