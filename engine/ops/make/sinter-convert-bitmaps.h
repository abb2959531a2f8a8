/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chain/sinter-chain.h"

G_BEGIN_DECLS

/* An image to which bitmaps are copied, and that no other process can reach. */
typedef struct {
    SinterFs *fs;
    const char *path;
    const char *format;
    SinterIo *data_io; /* nullable: its data file */
} SinterConvertBitmaps;

/*
 * Copies the bitmaps of the top image of @source to @target: their bits, and whether they are
 * enabled. A bitmap that cannot be trusted is skipped if @skip_broken is set, otherwise it is an
 * error. Durable on return.
 */
gboolean sinter_convert_bitmaps(const SinterConvertBitmaps *target, SinterChain *source,
                                gboolean skip_broken, GError **error);

G_END_DECLS
