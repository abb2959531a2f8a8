/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Holds refcount blocks while refcounts in them change. Memory is bounded. */

#include "qcow2-count-blocks.h"

#define BUDGET_BYTES (4 * 1024 * 1024)

void
sinter_qcow2_count_blocks_init(SinterQcow2CountBlocks *self, const SinterQcow2Check *check)
{
    self->check = check;
    sinter_qcow2_table_set_init(&self->blocks, check->io, check->geo.cluster_size, BUDGET_BYTES);
}

void
sinter_qcow2_count_blocks_clear(SinterQcow2CountBlocks *self)
{
    sinter_qcow2_table_set_clear(&self->blocks);
}

/* The entry of the refcount table for @cluster, 0: none. */
static guint64
block_of(const SinterQcow2CountBlocks *self, guint64 cluster)
{
    guint64 index = cluster >> self->check->geo.refblock_bits;

    return index < self->check->reftable_entries
               ? sinter_be64_load(self->check->reftable + index * 8)
               : 0;
}

gboolean
sinter_qcow2_count_blocks_holds(const SinterQcow2CountBlocks *self, guint64 cluster, guint64 value)
{
    return block_of(self, cluster) != 0 &&
           value <= sinter_qcow2_refcount_max(self->check->geo.refcount_order);
}

static gboolean
blocks_write(SinterQcow2CountBlocks *self, GError **error)
{
    if (!sinter_qcow2_table_set_write(&self->blocks, FALSE, error))
        return FALSE;
    sinter_qcow2_table_set_mark_clean(&self->blocks, FALSE);
    sinter_qcow2_table_set_make_room(&self->blocks);
    return TRUE;
}

gboolean
sinter_qcow2_count_blocks_set(SinterQcow2CountBlocks *self, guint64 cluster, guint64 value,
                              GError **error)
{
    guint order = self->check->geo.refcount_order;
    guint32 at = (guint32)(cluster & ((1U << self->check->geo.refblock_bits) - 1));
    SinterQcow2Table *block = sinter_qcow2_table_get(&self->blocks, block_of(self, cluster), error);

    if (!block)
        return FALSE;
    sinter_qcow2_refcount_store(order, block->data, at, value);
    sinter_qcow2_table_touch(block, (at << order) >> 3, MAX((1U << order) >> 3, 1));
    return !sinter_qcow2_table_set_is_over_budget(&self->blocks) || blocks_write(self, error);
}

gboolean
sinter_qcow2_count_blocks_finish(SinterQcow2CountBlocks *self, GError **error)
{
    return blocks_write(self, error) && sinter_io_flush(self->check->io, error);
}
