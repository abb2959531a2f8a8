/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Changes single refcounts in place, in the blocks of an intact refcount table. */

#include "qcow2/check/qcow2-check-pass.h"
#include "qcow2/write/qcow2-table.h"

G_BEGIN_DECLS

typedef struct {
    const SinterQcow2Check *check; /* borrowed */
    SinterQcow2TableSet blocks;
} SinterQcow2CountBlocks;

void sinter_qcow2_count_blocks_init(SinterQcow2CountBlocks *self, const SinterQcow2Check *check);
void sinter_qcow2_count_blocks_clear(SinterQcow2CountBlocks *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterQcow2CountBlocks, sinter_qcow2_count_blocks_clear)

/* Returns whether @value can be stored as the refcount of @cluster. */
gboolean sinter_qcow2_count_blocks_holds(const SinterQcow2CountBlocks *self, guint64 cluster,
                                         guint64 value);

/* Sets a refcount that the blocks hold. */
gboolean sinter_qcow2_count_blocks_set(SinterQcow2CountBlocks *self, guint64 cluster, guint64 value,
                                       GError **error);

/* Makes all changes durable. */
gboolean sinter_qcow2_count_blocks_finish(SinterQcow2CountBlocks *self, GError **error);

G_END_DECLS
