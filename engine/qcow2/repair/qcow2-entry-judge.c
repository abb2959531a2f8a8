/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Judges entries of L1 and L2 tables. Invariant: an entry keeps its place only if that place is in
 * the file and nothing else uses it, and loses it only if the caller may clear entries or nothing
 * in the image can have belonged to it.
 */

#include "qcow2-entry-judge.h"

static const char alone[] = "nothing else refers to the cluster";
static const char not_alone[] = "the cluster that the entry names has other users";
static const char nothing_leaked[] = "no cluster is leaked that could have belonged to the entry";
static const char maybe_leaked[] = "leaked clusters may have belonged to the entry";

static gboolean
is_aligned(const SinterQcow2Round *round, guint64 offset)
{
    return (offset & (round->check->geo.cluster_size - 1)) == 0;
}

/* Returns whether the cluster at @offset is used by @n_refs references of kind @use alone. */
static gboolean
is_used_alone(const SinterQcow2Round *round, guint64 offset, guint32 n_refs, SinterQcow2Use use)
{
    const SinterQcow2RefcountMap *map = round->check->map;
    guint64 cluster = offset >> round->check->geo.cluster_bits;

    return (round->check->geo.external_data && use == SINTER_QCOW2_USE_DATA) ||
           (!sinter_qcow2_refcount_map_is_shared(map, cluster) &&
            sinter_qcow2_refcount_map_get_refs(map, cluster) == n_refs &&
            sinter_qcow2_refcount_map_get_use(map, cluster) == use);
}

static gboolean
keep_place(SinterQcow2Judgement *self, SinterFindingCode code, SinterQcow2L2Entry changed,
           gboolean is_alone)
{
    *self = (SinterQcow2Judgement){ .code = code, .changed = changed };
    self->evidence = is_alone ? alone : NULL;
    self->reason = is_alone ? NULL : not_alone;
    return TRUE;
}

/* The entry names no place: it may become @changed if nothing can have been lost. */
static gboolean
forget_place(const SinterQcow2Round *round, SinterQcow2Judgement *self, SinterFindingCode code,
             SinterQcow2L2Entry changed)
{
    gboolean lost = round->checked->counts.leaks > 0 || !round->check->reftable_usable ||
                    round->needs_structure;

    *self = (SinterQcow2Judgement){ .code = code, .changed = changed };
    self->evidence = lost ? NULL : nothing_leaked;
    self->reason = lost ? maybe_leaked : NULL;
    self->is_lost = lost;
    return TRUE;
}

static gboolean
lose_place(SinterQcow2Judgement *self, SinterFindingCode code)
{
    *self = (SinterQcow2Judgement){ .code = code, .is_lost = TRUE };
    return TRUE;
}

gboolean
sinter_qcow2_judge_l1(SinterQcow2Round *round, guint64 value, guint32 n_refs,
                      SinterQcow2Judgement *ret)
{
    guint64 offset = value & SINTER_QCOW2_OFFSET_MASK;
    SinterQcow2L2Entry none = { 0, 0 };
    SinterQcow2L2Entry clean = { value & ~SINTER_QCOW2_L1_RESERVED, 0 };

    if (offset == 0 && value != 0)
        return forget_place(round, ret,
                            value & SINTER_QCOW2_L1_RESERVED ? SINTER_FINDING_L1_ENTRY_RESERVED_BITS
                                                             : SINTER_FINDING_L1_ENTRY_EMPTY,
                            none);
    if (!is_aligned(round, offset))
        return lose_place(ret, SINTER_FINDING_L1_ENTRY_UNALIGNED);
    if (!sinter_qcow2_check_fits(round->check, offset, round->check->geo.cluster_size))
        return lose_place(ret, SINTER_FINDING_L1_ENTRY_BEYOND_FILE);
    if (value & SINTER_QCOW2_L1_RESERVED)
        return keep_place(ret, SINTER_FINDING_L1_ENTRY_RESERVED_BITS, clean,
                          is_used_alone(round, offset, n_refs, SINTER_QCOW2_USE_METADATA));
    return FALSE;
}

/* --- compressed --- */

/* Returns whether the stream's clusters hold nothing but compressed data, and are in use. */
static gboolean
stream_is_alone(const SinterQcow2Round *round, const SinterQcow2CompressedRef *ref)
{
    const SinterQcow2RefcountMap *map = round->check->map;
    guint bits = round->check->geo.cluster_bits;
    guint64 last = (ref->host_offset + ref->host_bytes - 1) >> bits;

    for (guint64 cluster = ref->host_offset >> bits; cluster <= last; cluster++) {
        SinterQcow2Use use = sinter_qcow2_refcount_map_get_use(map, cluster);

        if (sinter_qcow2_refcount_map_is_shared(map, cluster) ||
            (use != SINTER_QCOW2_USE_LOOSE && use != SINTER_QCOW2_USE_COMPRESSED) ||
            sinter_qcow2_refcount_map_is_unknown(map, cluster) ||
            sinter_qcow2_refcount_map_get_stored(map, cluster) == 0)
            return FALSE;
    }
    return TRUE;
}

static gboolean
judge_compressed(SinterQcow2Round *round, SinterQcow2L2Entry l2, SinterQcow2Judgement *ret)
{
    SinterQcow2CompressedRef ref =
        sinter_qcow2_l2_compressed(&round->check->geo, l2.entry & ~SINTER_QCOW2_COPIED);
    SinterQcow2L2Entry clean = { l2.entry & ~SINTER_QCOW2_COPIED, 0 };

    if (round->check->geo.external_data)
        return lose_place(ret, SINTER_FINDING_L2_COMPRESSED_DATA_FILE);
    if (!sinter_qcow2_check_fits(round->check, ref.host_offset, ref.host_bytes))
        return l2.bitmap == 0 && lose_place(ret, SINTER_FINDING_L2_COMPRESSED_BEYOND_FILE);
    if (l2.bitmap != 0)
        return keep_place(ret, SINTER_FINDING_L2_COMPRESSED_BITMAP, clean,
                          stream_is_alone(round, &ref));
    if (l2.entry & SINTER_QCOW2_COPIED) {
        keep_place(ret, SINTER_FINDING_L2_COMPRESSED_COPIED, clean, TRUE);
        ret->evidence = "compressed clusters never have this flag";
        return TRUE;
    }
    return FALSE;
}

/* --- standard --- */

/* The entry names no cluster. */
static gboolean
judge_without_host(SinterQcow2Round *round, SinterQcow2L2Entry l2, SinterQcow2Judgement *ret)
{
    guint64 bad = l2.entry & sinter_qcow2_l2_reserved(&round->check->geo);
    SinterQcow2L2Entry clean = { l2.entry & ~bad & ~SINTER_QCOW2_COPIED, l2.bitmap };

    if ((guint32)l2.bitmap != 0) {
        clean.bitmap &= ~(guint64)G_MAXUINT32;
        lose_place(ret, SINTER_FINDING_L2_SUBCLUSTER_UNALLOCATED);
        ret->changed = clean;
        return TRUE;
    }
    if (bad & SINTER_QCOW2_L2_RESERVED)
        return forget_place(round, ret, SINTER_FINDING_L2_ENTRY_RESERVED_BITS, clean);
    if (bad)
        return lose_place(ret, SINTER_FINDING_L2_ENTRY_ZERO_BIT);
    if ((l2.entry & (SINTER_QCOW2_COPIED | SINTER_QCOW2_ZERO)) == SINTER_QCOW2_COPIED)
        return forget_place(round, ret, SINTER_FINDING_L2_ENTRY_EMPTY, clean);
    return FALSE;
}

static gboolean
judge_with_host(SinterQcow2Round *round, guint32 n_refs, SinterQcow2L2Entry l2,
                SinterQcow2Judgement *ret)
{
    guint64 offset = l2.entry & SINTER_QCOW2_OFFSET_MASK;
    guint64 bad = l2.entry & sinter_qcow2_l2_reserved(&round->check->geo);
    guint64 both = (guint32)l2.bitmap & (guint32)(l2.bitmap >> 32);
    SinterQcow2L2Entry clean = { l2.entry & ~bad, l2.bitmap & ~(both << 32) };
    gboolean is_alone = is_used_alone(round, offset, n_refs, SINTER_QCOW2_USE_DATA);

    if (bad & SINTER_QCOW2_L2_RESERVED)
        return keep_place(ret, SINTER_FINDING_L2_ENTRY_RESERVED_BITS, clean, is_alone);
    if (bad)
        return keep_place(ret, SINTER_FINDING_L2_ENTRY_ZERO_BIT, clean, is_alone);
    if (both)
        return keep_place(ret, SINTER_FINDING_L2_SUBCLUSTER_CONFLICT, clean, is_alone);
    return FALSE;
}

gboolean
sinter_qcow2_judge_l2(SinterQcow2Round *round, const SinterQcow2CheckTable *table, guint64 guest,
                      SinterQcow2L2Entry l2, SinterQcow2Judgement *ret)
{
    const SinterQcow2Geometry *geo = &round->check->geo;
    guint64 offset = l2.entry & SINTER_QCOW2_OFFSET_MASK;

    if (l2.entry & SINTER_QCOW2_COMPRESSED)
        return judge_compressed(round, l2, ret);
    if (!sinter_qcow2_check_has_host(geo, l2.entry))
        return judge_without_host(round, l2, ret);
    if (geo->external_data) {
        if (offset != guest)
            return lose_place(ret, SINTER_FINDING_L2_DATA_FILE_MISPLACED);
    } else if (!is_aligned(round, offset)) {
        return lose_place(ret, SINTER_FINDING_L2_ENTRY_UNALIGNED);
    } else if (!sinter_qcow2_check_fits(round->check, offset, geo->cluster_size)) {
        return lose_place(ret, SINTER_FINDING_L2_ENTRY_BEYOND_FILE);
    }
    return judge_with_host(round, table->n_refs, l2, ret);
}
