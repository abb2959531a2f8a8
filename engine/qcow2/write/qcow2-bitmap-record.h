/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bitmaps that record what is written. Their bits are kept in memory while the image is open for
 * writing; in the file they are marked "in use" before the first change, and so never trusted
 * after a cut, until all of their bits are stored again.
 */

#include "qcow2-writer-state.h"

G_BEGIN_DECLS

/* Loads the enabled bitmaps of an image that was just opened. @is_idle: none of them records. */
gboolean sinter_qcow2_bitmap_record_open(SinterQcow2Writer *self, gboolean is_idle, GError **error);

/* The range is about to change. */
gboolean sinter_qcow2_bitmap_record_mark(SinterQcow2Writer *self, guint64 offset, guint64 len,
                                         GError **error);

/* Stores what was marked; the bitmaps are valid again. All else must be durable. */
gboolean sinter_qcow2_bitmap_record_store(SinterQcow2Writer *self, GError **error);

/*
 * After a failure of @failed, whose bitmaps are still marked "in use": stores each bitmap that fits
 * through @fresh, a writer of the same image as it is in the file, which records nothing itself. Its
 * bits then mark all that was to be written. One that does not fit stays marked.
 */
void sinter_qcow2_bitmap_record_rescue(SinterQcow2Writer *failed, SinterQcow2Writer *fresh);

G_END_DECLS
