/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bitmaps that record writes. Their bits are in memory while the image is open for writing; in the
 * file they are marked "in use" before the first change, so after a crash they count as
 * inconsistent until all their bits are stored again.
 */

#include "qcow2-writer-state.h"

G_BEGIN_DECLS

/* Loads the enabled bitmaps of an image that was just opened. @is_idle: none of them records. */
gboolean sinter_qcow2_bitmap_record_open(SinterQcow2Writer *self, gboolean is_idle, GError **error);

/* Records that the range is about to change. */
gboolean sinter_qcow2_bitmap_record_mark(SinterQcow2Writer *self, guint64 offset, guint64 len,
                                         GError **error);

/* Stores the recorded bits and makes the bitmaps valid again. Everything else must be durable. */
gboolean sinter_qcow2_bitmap_record_store(SinterQcow2Writer *self, GError **error);

/*
 * After a failure of @failed, whose bitmaps are still marked "in use": stores each bitmap that fits
 * with @fresh, a writer of the same image in its state in the file, which records nothing itself.
 * The stored bits cover everything that was to be written. A bitmap that does not fit stays marked.
 */
void sinter_qcow2_bitmap_record_rescue(SinterQcow2Writer *failed, SinterQcow2Writer *fresh);

G_END_DECLS
