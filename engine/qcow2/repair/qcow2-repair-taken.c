/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Takes clusters and counts them. Invariant: the refcount of a cluster is durable before an entry
 * refers to it; a crash in between leaves a leak.
 */

#include "qcow2-repair-taken.h"
#include "qcow2-count-blocks.h"
#include "qcow2-structure-build.h"

gboolean
sinter_qcow2_round_take(SinterQcow2Round *self, guint64 n, guint64 n_refs, guint64 *ret,
                        GError **error)
{
    guint bits = self->check->geo.cluster_bits;
    guint64 first;

    if (!sinter_qcow2_fresh_take(&self->fresh, n, &first, error))
        return FALSE;
    for (guint64 i = first; i < first + n; i++) {
        if (n_refs > 1)
            sinter_qcow2_check_count(self->check, i << bits, 1, n_refs - 1, SINTER_QCOW2_USE_LOOSE,
                                     0);
        g_array_append_val(self->taken, i);
    }
    *ret = first << bits;
    return TRUE;
}

static guint64
taken_at(const SinterQcow2Round *self, guint i)
{
    return g_array_index(self->taken, guint64, i);
}

gboolean
sinter_qcow2_round_count_taken(SinterQcow2Round *self, GError **error)
{
    const SinterQcow2RefcountMap *map = self->check->map;
    g_auto(SinterQcow2CountBlocks) blocks = { 0 };

    sinter_qcow2_count_blocks_init(&blocks, self->check);
    if (!sinter_io_flush(self->io, error))
        return FALSE;
    for (guint i = 0; i < self->taken->len; i++) {
        if (self->needs_structure ||
            !sinter_qcow2_count_blocks_holds(
                &blocks, taken_at(self, i),
                sinter_qcow2_refcount_map_get_refs(map, taken_at(self, i))))
            return sinter_qcow2_structure_build(self, TRUE, error);
    }
    for (guint i = 0; i < self->taken->len; i++) {
        if (!sinter_qcow2_count_blocks_set(
                &blocks, taken_at(self, i),
                sinter_qcow2_refcount_map_get_refs(map, taken_at(self, i)), error))
            return FALSE;
    }
    return sinter_qcow2_count_blocks_finish(&blocks, error);
}
