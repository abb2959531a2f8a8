/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/sinter-io.h"
#include "sinter/bitmap.h"

G_BEGIN_DECLS

/*
 * sinter_bitmap_change() of an image whose data file does not have its name yet: @data_io
 * (nullable) is that file, open and locked.
 */
gboolean sinter_bitmap_change_over(SinterFs *fs, const char *path, SinterIo *data_io,
                                   const SinterBitmapChange *change, gsize *ret_n_done,
                                   GError **error);

G_END_DECLS
