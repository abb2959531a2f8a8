/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A range of the guest's disk that is about to change, inside one L2 table: the common part of all
 * kinds of writes. The active state owns the table, so its entries may be changed.
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
 * Prepares the part of the range that begins at @offset and is in one L2 table: memory is
 * available, the bitmaps record it, the table is owned.
 */
gboolean sinter_qcow2_l2_range_begin(SinterQcow2Writer *self, guint64 offset, guint64 len,
                                     SinterQcow2L2Range *ret, GError **error);

/* Returns the entry of the cluster at the guest offset @offset, which the table must map. */
SinterQcow2L2Entry sinter_qcow2_l2_range_load(const SinterQcow2L2Range *self, guint64 offset);
void sinter_qcow2_l2_range_store(SinterQcow2L2Range *self, guint64 offset, SinterQcow2L2Entry l2);

/* The start of the cluster in which the range begins. */
static inline guint64
sinter_qcow2_l2_range_cluster(const SinterQcow2L2Range *self)
{
    return self->offset & ~(guint64)(self->writer->geo.cluster_size - 1);
}

/*
 * Returns whether the cluster of @l2 at the guest offset @offset may be written in place. Fails if
 * the entry is inconsistent.
 */
gboolean sinter_qcow2_entry_is_own(SinterQcow2Writer *self, SinterQcow2L2Entry l2, guint64 offset,
                                   gboolean *ret, GError **error);

G_END_DECLS
