/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The steps that resize a disk; qcow2-resize-disk.c orders them. The writer does not record in
 * bitmaps: the caller maintains them.
 */

#include "qcow2-bitmap-set.h"
#include "qcow2/write/qcow2-writer.h"
#include "sinter/create.h"

G_BEGIN_DECLS

/* Checks whether the disk can be resized to @size bytes. Changes nothing. */
gboolean sinter_qcow2_resize_check(const SinterQcow2Writer *writer, guint64 size,
                                   SinterPreallocation preallocation, GError **error);

/*
 * Makes the L1 table long enough for @size. If it sets @ret_moved, the writer must be freed and the
 * image reopened.
 */
gboolean sinter_qcow2_resize_grow_l1(SinterQcow2Writer *writer, guint64 size, gboolean *ret_moved,
                                     GError **error);

/* Grows the disk to @size, for which the L1 table must be long enough. */
gboolean sinter_qcow2_resize_grow(SinterQcow2Writer *writer, guint64 size,
                                  SinterPreallocation preallocation, GError **error);

/*
 * Shrinks the disk to @size. The disk has the new size from the first durable change on; then space
 * is freed.
 */
gboolean sinter_qcow2_resize_shrink(SinterQcow2Writer *writer, guint64 size, GError **error);

/*
 * Makes the stored bitmaps of @set valid again that were marked "in use" for the resize. The disk
 * must have the size that they were made for.
 */
gboolean sinter_qcow2_resize_trust_bitmaps(SinterQcow2Writer *writer,
                                           const SinterQcow2BitmapSet *set, GError **error);

G_END_DECLS
