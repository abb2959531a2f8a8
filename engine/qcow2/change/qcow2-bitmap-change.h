/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-bitmap-set.h"
#include "qcow2-edit.h"

G_BEGIN_DECLS

/* Stores the changed bitmaps of the image and reopens the image. Durable. */
gboolean sinter_qcow2_bitmap_change_store(SinterQcow2Edit *edit, SinterQcow2BitmapSet *set,
                                          GError **error);

/* SinterFormat's callback. */
gboolean sinter_qcow2_bitmap_change(const SinterFormatFile *file, SinterFormatBitmaps *what,
                                    GError **error);

G_END_DECLS
