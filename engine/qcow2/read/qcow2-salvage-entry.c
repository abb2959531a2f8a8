/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The rules for entries of L1 and L2 tables when a damaged image is read. Invariant: an entry that
 * is not all zero and refers to nothing is lost, never unallocated.
 */

#include "qcow2-salvage-entry.h"

void
sinter_qcow2_salvage_rules_init(SinterQcow2SalvageRules *self, const SinterQcow2Header *header,
                                guint64 l1_offset, guint64 l1_bytes)
{
    guint64 reftable = (guint64)header->reftable_clusters << header->cluster_bits;

    *self = (SinterQcow2SalvageRules){
        .geo = header->geo,
        .file_bytes = header->file_bytes,
        .l1_offset = l1_offset,
        .l1_bytes = l1_bytes,
        .reftable_offset = header->reftable_offset,
        .reftable_bytes = MIN(reftable, SINTER_QCOW2_REFTABLE_MAX_BYTES),
    };
}

static gboolean
is_in(guint64 host, guint64 offset, guint64 bytes)
{
    return host >= offset && host - offset < bytes;
}

/* Returns whether the cluster certainly holds metadata: the header, or a table that it names. */
static gboolean
is_metadata(const SinterQcow2SalvageRules *self, guint64 host)
{
    return host < self->geo.cluster_size || is_in(host, self->l1_offset, self->l1_bytes) ||
           is_in(host, self->reftable_offset, self->reftable_bytes);
}

SinterLoss
sinter_qcow2_salvage_judge_l1(const SinterQcow2SalvageRules *self, guint64 entry)
{
    guint64 host = entry & SINTER_QCOW2_OFFSET_MASK;

    if (entry == 0)
        return SINTER_LOSS_NONE;
    if (entry & SINTER_QCOW2_L1_RESERVED)
        return SINTER_LOSS_L1_RESERVED;
    if (host == 0)
        return SINTER_LOSS_L1_EMPTY;
    if (host & (self->geo.cluster_size - 1))
        return SINTER_LOSS_L1_UNALIGNED;
    if (host >= self->file_bytes)
        return SINTER_LOSS_L1_ENTRY_BEYOND;
    return is_metadata(self, host) ? SINTER_LOSS_L1_METADATA : SINTER_LOSS_NONE;
}

static SinterQcow2SalvageVerdict
judge_compressed(const SinterQcow2SalvageRules *self, SinterQcow2L2Entry l2)
{
    SinterQcow2CompressedRef ref = sinter_qcow2_l2_compressed(&self->geo, l2.entry);

    if (self->geo.external_data)
        return (SinterQcow2SalvageVerdict){ SINTER_LOSS_L2_MISPLACED, FALSE };
    if (ref.host_offset >= self->file_bytes)
        return (SinterQcow2SalvageVerdict){ SINTER_LOSS_COMPRESSED_BEYOND, FALSE };
    if (ref.host_offset < self->geo.cluster_size)
        return (SinterQcow2SalvageVerdict){ SINTER_LOSS_L2_METADATA, FALSE };
    /* the bitmap has no meaning there; the stream is checked when it is decoded */
    if (l2.bitmap != 0)
        return (SinterQcow2SalvageVerdict){ SINTER_LOSS_L2_SUBCLUSTERS, TRUE };
    return (SinterQcow2SalvageVerdict){ SINTER_LOSS_NONE, FALSE };
}

/* What is wrong with the flags of a standard entry. */
static SinterQcow2SalvageVerdict
judge_flags(const SinterQcow2SalvageRules *self, SinterQcow2L2Entry l2, gboolean has_host)
{
    const SinterQcow2Geometry *geo = &self->geo;

    if (l2.entry & SINTER_QCOW2_L2_RESERVED)
        return (SinterQcow2SalvageVerdict){ SINTER_LOSS_L2_RESERVED, has_host };
    if (l2.entry & sinter_qcow2_l2_reserved(geo))
        return (SinterQcow2SalvageVerdict){ SINTER_LOSS_L2_ZERO_BIT, FALSE };
    if (sinter_qcow2_l2_contradictions(geo, l2) != 0)
        return (SinterQcow2SalvageVerdict){ SINTER_LOSS_L2_SUBCLUSTERS, FALSE };
    if (!has_host && (l2.entry & (SINTER_QCOW2_COPIED | SINTER_QCOW2_ZERO)) == SINTER_QCOW2_COPIED)
        return (SinterQcow2SalvageVerdict){ SINTER_LOSS_L2_EMPTY, FALSE };
    return (SinterQcow2SalvageVerdict){ SINTER_LOSS_NONE, FALSE };
}

/* What is wrong with the place that a standard entry refers to. */
static SinterLoss
judge_place(const SinterQcow2SalvageRules *self, guint64 host)
{
    if (host & (self->geo.cluster_size - 1))
        return SINTER_LOSS_L2_UNALIGNED;
    if (self->geo.external_data)
        return SINTER_LOSS_NONE;
    if (host >= self->file_bytes)
        return SINTER_LOSS_L2_ENTRY_BEYOND;
    return is_metadata(self, host) ? SINTER_LOSS_L2_METADATA : SINTER_LOSS_NONE;
}

SinterQcow2SalvageVerdict
sinter_qcow2_salvage_judge_l2(const SinterQcow2SalvageRules *self, SinterQcow2L2Entry l2)
{
    gboolean has_host = sinter_qcow2_l2_has_host(&self->geo, l2);
    SinterLoss place;

    if (l2.entry & SINTER_QCOW2_COMPRESSED)
        return judge_compressed(self, l2);
    place = has_host ? judge_place(self, l2.entry & SINTER_QCOW2_OFFSET_MASK) : SINTER_LOSS_NONE;
    if (place != SINTER_LOSS_NONE)
        return (SinterQcow2SalvageVerdict){ place, FALSE };
    return judge_flags(self, l2, has_host);
}
