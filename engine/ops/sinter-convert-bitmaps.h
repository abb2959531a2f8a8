/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chain/sinter-chain.h"

G_BEGIN_DECLS

/*
 * Gives the image at @path, which nobody else reaches and whose data file, if it has one, is
 * @data_io, copies of the bitmaps of @source's top image: what they mark, and whether they are
 * enabled. One that cannot be trusted is left out with
 * @skip_broken, else it is an error. Durable at the end.
 */
gboolean sinter_convert_bitmaps(SinterFs *fs, SinterChain *source, const char *path,
                                SinterIo *data_io, gboolean skip_broken, GError **error);

G_END_DECLS
