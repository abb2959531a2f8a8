/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Moves the content of disks into a file, in pieces, by several threads. */

#include "io/sinter-io.h"
#include "sinter/convert.h"

G_BEGIN_DECLS

typedef struct {
    SinterChain *const *sources;
    guint n_sources;
    SinterIo *target;
    gboolean target_is_zero; /* what is not written reads as zeros */
    gboolean in_order;       /* each byte is written, in the order of the disk */
    const SinterConvertOptions *options;
} SinterCopyJob;

/* Of all sources together; an error where they are too much for any file. */
gboolean sinter_copy_total_bytes(const SinterCopyJob *job, guint64 *ret, GError **error);

/* Writes all that must be written. Does not flush. */
gboolean sinter_copy_run(const SinterCopyJob *job, GError **error);

G_END_DECLS
