/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chain/sinter-chain.h"

G_BEGIN_DECLS

/* An image that is to get bitmaps, and that nobody else reaches. */
typedef struct {
    SinterFs *fs;
    const char *path;
    const char *format;
    SinterIo *data_io; /* nullable: its data file */
} SinterConvertBitmaps;

/*
 * Gives @target copies of the bitmaps of @source's top image: what they mark, and whether they are
 * enabled. One that cannot be trusted is left out with @skip_broken, else it is an error. Durable
 * at the end.
 */
gboolean sinter_convert_bitmaps(const SinterConvertBitmaps *target, SinterChain *source,
                                gboolean skip_broken, GError **error);

G_END_DECLS
