/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/sinter-io.h"
#include "sinter/bitmap.h"

G_BEGIN_DECLS

/*
 * Like sinter_bitmap_change(), for an image whose data file does not have its final name yet:
 * @data_io (nullable) is that file, open and locked.
 */
gboolean sinter_bitmap_change_over(SinterFs *fs, const char *path, SinterIo *data_io,
                                   const SinterBitmapChange *change, gsize *ret_n_done,
                                   GError **error);

G_END_DECLS
