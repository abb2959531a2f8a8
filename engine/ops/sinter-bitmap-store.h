/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2/change/qcow2-bitmap-set.h"
#include "sinter-edit.h"
#include "sinter/bitmap.h"

G_BEGIN_DECLS

/* Stores the changed bitmaps of the image, which is open anew afterwards. Durable. */
gboolean sinter_bitmap_store(SinterEdit *edit, SinterQcow2BitmapSet *set, GError **error);

/*
 * sinter_bitmap_change() of an image whose data file does not have its name yet: @data_io
 * (nullable) is that file, open and locked.
 */
gboolean sinter_bitmap_change_over(SinterFs *fs, const char *path, SinterIo *data_io,
                                   const char *format, SinterHandleFlags flags, const char *name,
                                   const SinterBitmapAction *actions, gsize n_actions,
                                   const SinterBitmapSource *from, gsize *ret_n_done,
                                   GError **error);

G_END_DECLS
