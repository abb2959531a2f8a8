/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The state of an open qcow2 image: its header, the cache of its tables, and the view (the
 * active state or an internal snapshot) that is read.
 */

#include "format/sinter-image.h"
#include "qcow2-cache.h"
#include "qcow2-header.h"

G_BEGIN_DECLS

/* A readable state of the disk: an L1 table and the size it is good for. */
typedef struct {
    guint64 l1_offset;
    guint32 l1_entries;
    guint64 virtual_size_bytes;
} SinterQcow2View;

typedef struct {
    SinterImage *image; /* whose state this is */
    SinterQcow2Header *header;
    SinterQcow2Cache *cache;
    SinterQcow2View view;
    gsize is_preallocated; /* g_once: 1 no, 2 yes */
} SinterQcow2Image;

/* SinterFormat callbacks. */
gboolean sinter_qcow2_image_open(SinterImage *image, const char *snapshot, SinterIoFlags flags,
                                 gsize cache_bytes, GError **error);
void sinter_qcow2_image_close(SinterImage *image);

/*
 * Whether @view can be read: its L1 table is in bounds, covers the size, and no two of its
 * entries name one L2 table (by which a small file would feign an endless map).
 */
gboolean sinter_qcow2_view_check(const SinterQcow2View *view, const SinterQcow2Header *header,
                                 SinterIo *io, GError **error);

G_END_DECLS
