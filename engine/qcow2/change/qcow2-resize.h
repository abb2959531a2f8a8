/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The steps by which a disk gets another size, for qcow2-resize-disk.c to put in order. The
 * writer does not record in bitmaps: whoever resizes takes care of them.
 */

#include "qcow2-bitmap-set.h"
#include "qcow2/write/qcow2-writer.h"
#include "sinter/create.h"

G_BEGIN_DECLS

/* Whether the disk can be made @size bytes long. Nothing has changed. */
gboolean sinter_qcow2_resize_check(const SinterQcow2Writer *writer, guint64 size,
                                   SinterPreallocation preallocation, GError **error);

/*
 * Makes the L1 table long enough for @size. With @ret_moved set the writer is good for nothing but
 * to be freed, and the image to be opened anew.
 */
gboolean sinter_qcow2_resize_grow_l1(SinterQcow2Writer *writer, guint64 size, gboolean *ret_moved,
                                     GError **error);

/* To a larger size, for which the L1 table is long enough. */
gboolean sinter_qcow2_resize_grow(SinterQcow2Writer *writer, guint64 size,
                                  SinterPreallocation preallocation, GError **error);

/* To a smaller size. The disk is small from the first durable change on; then space is freed. */
gboolean sinter_qcow2_resize_shrink(SinterQcow2Writer *writer, guint64 size, GError **error);

/*
 * The disk has the size that the bitmaps of @set, which are stored, were made for: those that were
 * marked as in use for it are valid again.
 */
gboolean sinter_qcow2_resize_trust_bitmaps(SinterQcow2Writer *writer,
                                           const SinterQcow2BitmapSet *set, GError **error);

G_END_DECLS
