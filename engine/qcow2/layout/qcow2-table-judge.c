/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Judges whether a cluster can be an L2 table. Invariant: an entry is good only if all its bits may
 * be set in this file; guest data passes only if nearly every 8 bytes of it do.
 */

#include "qcow2-table-judge.h"

/* Broken entries that a table may have: one in so many. */
#define BAD_SHARE 16
/* So many good entries are no accident, also if snapshots share all of them. */
#define USED_ENOUGH 8
#define COMPRESSED_ENOUGH 4
/* The highest refcount that is usual, and the part of a block that is used. */
#define REFS_MAX 16
#define REFS_SHARE 4

static SinterQcow2EntryJudgement
judge_compressed(const SinterQcow2Geometry *geo, guint64 n_clusters, guint64 entry)
{
    SinterQcow2CompressedRef ref = sinter_qcow2_l2_compressed(geo, entry);
    guint64 file_bytes = n_clusters << geo->cluster_bits;

    if ((entry & SINTER_QCOW2_COPIED) || ref.host_offset < geo->cluster_size ||
        ref.host_offset >= file_bytes || ref.host_bytes > file_bytes - ref.host_offset)
        return SINTER_QCOW2_ENTRY_BAD;
    return SINTER_QCOW2_ENTRY_COMPRESSED;
}

SinterQcow2EntryJudgement
sinter_qcow2_judge_entry(const SinterQcow2Geometry *geo, guint64 n_clusters, SinterQcow2L2Entry l2)
{
    guint64 offset = l2.entry & SINTER_QCOW2_OFFSET_MASK;

    if (l2.entry & SINTER_QCOW2_COMPRESSED)
        return l2.bitmap != 0 ? SINTER_QCOW2_ENTRY_BAD
                              : judge_compressed(geo, n_clusters, l2.entry);
    if ((l2.entry & sinter_qcow2_l2_reserved(geo)) != 0 ||
        (offset & (geo->cluster_size - 1)) != 0 || sinter_qcow2_l2_contradictions(geo, l2) != 0)
        return SINTER_QCOW2_ENTRY_BAD;
    if (!sinter_qcow2_l2_has_host(geo, l2))
        return l2.entry & SINTER_QCOW2_COPIED ? SINTER_QCOW2_ENTRY_BAD : SINTER_QCOW2_ENTRY_EMPTY;
    if (!geo->external_data && offset >> geo->cluster_bits >= n_clusters)
        return SINTER_QCOW2_ENTRY_BAD;
    return SINTER_QCOW2_ENTRY_DATA;
}

SinterQcow2TableJudgement
sinter_qcow2_judge_table(const SinterQcow2Geometry *geo, guint64 n_clusters, const guint8 *table)
{
    SinterQcow2TableJudgement judgement = { 0 };

    for (guint32 i = 0; i < geo->l2_entries; i++) {
        SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(geo, table, i);

        switch (sinter_qcow2_judge_entry(geo, n_clusters, l2)) {
        case SINTER_QCOW2_ENTRY_EMPTY:
            break;
        case SINTER_QCOW2_ENTRY_DATA:
            judgement.n_used++;
            judgement.n_copied += (l2.entry & SINTER_QCOW2_COPIED) != 0;
            break;
        case SINTER_QCOW2_ENTRY_COMPRESSED:
            judgement.n_used++;
            judgement.n_compressed++;
            break;
        case SINTER_QCOW2_ENTRY_BAD:
            judgement.n_bad++;
            break;
        }
    }
    return judgement;
}

gboolean
sinter_qcow2_judgement_is_table(const SinterQcow2TableJudgement *self)
{
    guint32 n_data = self->n_used - self->n_compressed;

    if (self->n_used == 0 || self->n_bad > self->n_used / BAD_SHARE)
        return FALSE;
    if (n_data == 0)
        return self->n_compressed >= COMPRESSED_ENOUGH;
    return self->n_copied == n_data || self->n_used >= USED_ENOUGH;
}

gboolean
sinter_qcow2_judge_refblock(const SinterQcow2Geometry *geo, const guint8 *block)
{
    guint32 n = 1U << geo->refblock_bits;
    guint32 n_used = 0;

    if (geo->refcount_order < 3)
        return FALSE;
    for (guint32 i = 0; i < n; i++) {
        guint64 refs = sinter_qcow2_refcount_load(geo->refcount_order, block, i);

        if (refs > REFS_MAX)
            return FALSE;
        n_used += refs != 0;
    }
    return n_used >= n / REFS_SHARE;
}

gboolean
sinter_qcow2_judgement_is_intact(const SinterQcow2TableJudgement *self)
{
    return self->n_bad <= self->n_used / BAD_SHARE || (self->n_bad == 1 && self->n_used > 0);
}
