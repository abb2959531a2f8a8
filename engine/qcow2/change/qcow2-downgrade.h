/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2/write/qcow2-writer.h"

G_BEGIN_DECLS

/* Features that version 2 does not support, in any state of the disk. */
typedef struct {
    gboolean zeros;      /* entries with the zero flag */
    gboolean compressed; /* clusters compressed with any type */
} SinterQcow2Downgradable;

gboolean sinter_qcow2_downgrade_examine(SinterQcow2Writer *writer, SinterQcow2Downgradable *ret,
                                        GError **error);

/*
 * Replaces entries with the zero flag, in all states of the disk, by unallocated ones or, over a
 * backing file, by clusters of zeros. The image must have no subclusters and no data file. The
 * writer must only be freed afterwards.
 */
gboolean sinter_qcow2_downgrade_zeros(SinterQcow2Writer *writer, GError **error);

G_END_DECLS
