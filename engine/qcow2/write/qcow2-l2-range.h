/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A stretch of the guest's disk that is about to change, inside one L2 table: what all kinds of
 * writes share. The table is owned by the active state, so its entries may be changed.
 */

#include "qcow2-writer.h"

G_BEGIN_DECLS

typedef struct {
    SinterQcow2Writer *writer;
    SinterQcow2Table *table; /* owned: may be changed */
    guint64 offset;
    gsize len;
} SinterQcow2L2Range;

/*
 * The part of the range that begins at @offset and lies in one L2 table, ready for changes: there
 * is room in memory, the bitmaps know of it, the table is owned.
 */
gboolean sinter_qcow2_l2_range_begin(SinterQcow2Writer *self, guint64 offset, guint64 len,
                                     SinterQcow2L2Range *ret, GError **error);

/* The entry of the cluster at the guest offset @offset, which lies in the table's reach. */
SinterQcow2L2Entry sinter_qcow2_l2_range_load(const SinterQcow2L2Range *self, guint64 offset);
void sinter_qcow2_l2_range_store(SinterQcow2L2Range *self, guint64 offset, SinterQcow2L2Entry l2);

/* Where the cluster begins that the stretch begins in. */
static inline guint64
sinter_qcow2_l2_range_cluster(const SinterQcow2L2Range *self)
{
    return self->offset & ~(guint64)(self->writer->geo.cluster_size - 1);
}

/*
 * Whether the cluster of @l2 at the guest offset @offset may be written where it is. An error
 * where the entry lies.
 */
gboolean sinter_qcow2_entry_is_own(SinterQcow2Writer *self, SinterQcow2L2Entry l2, guint64 offset,
                                   gboolean *ret, GError **error);

G_END_DECLS
