/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2/write/qcow2-writer.h"

G_BEGIN_DECLS

/* What version 2 of the format cannot say, in any state of the disk. */
typedef struct {
    gboolean zeros;      /* entries with the zero flag */
    gboolean compressed; /* clusters that are compressed, whatever the type */
} SinterQcow2Downgradable;

gboolean sinter_qcow2_downgrade_examine(SinterQcow2Writer *writer, SinterQcow2Downgradable *ret,
                                        GError **error);

/*
 * Makes entries with the zero flag, in all states of the disk, into unallocated ones or, over a
 * backing file, into clusters of zeros. The image has no subclusters and no data file. The writer
 * is good for nothing afterwards but to be freed.
 */
gboolean sinter_qcow2_downgrade_zeros(SinterQcow2Writer *writer, GError **error);

G_END_DECLS
