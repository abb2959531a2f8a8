/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2/qcow2-bitmap-set.h"
#include "sinter-edit.h"

G_BEGIN_DECLS

/* Stores the changed bitmaps of the image, which is open anew afterwards. Durable. */
gboolean sinter_bitmap_store(SinterEdit *edit, SinterQcow2BitmapSet *set, GError **error);

G_END_DECLS
