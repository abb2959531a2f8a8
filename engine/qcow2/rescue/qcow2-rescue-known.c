/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Marks what intact metadata refers to. Invariant: a structure is followed only if its content is
 * plausible, because one that is not would hide orphans; nothing that cannot be read is an error.
 */

#include "qcow2-rescue-known.h"
#include "qcow2-rescue-claim.h"
#include "qcow2/layout/qcow2-table-judge.h"
#include "qcow2/layout/qcow2-header.h"
#include "qcow2/read/qcow2-bitmap.h"
#include "qcow2/read/qcow2-snapshot.h"
#include "qcow2/layout/qcow2-entries.h"

/* An L1 table is intact if at most one of so many entries is not valid. */
#define L1_BAD_SHARE 16

/* An L1 table, with its entries judged. */
typedef struct {
    guint64 *entries;
    guint32 n;
    guint32 n_valid;
    guint32 n_bad;
    gboolean is_snapshot;
} KnownL1;

static void
mark(SinterQcow2Rescue *self, guint64 offset, guint64 bytes)
{
    guint64 last;

    if (bytes == 0 || !g_uint64_checked_add(&last, offset, bytes - 1))
        return;
    last = MIN(last >> self->geo.cluster_bits, self->n_clusters - 1);
    for (guint64 cluster = offset >> self->geo.cluster_bits; cluster <= last; cluster++)
        self->use[cluster] = SINTER_QCOW2_RESCUE_METADATA;
}

static gboolean
is_in_file(const SinterQcow2Rescue *self, guint64 offset, guint64 bytes)
{
    return offset > 0 && (offset & (self->geo.cluster_size - 1)) == 0 &&
           offset < self->file_bytes && bytes <= self->file_bytes - offset;
}

static guint64 *
load_entries(SinterQcow2Rescue *self, guint64 offset, guint64 n)
{
    if (n == 0 || n > SINTER_QCOW2_L1_MAX_BYTES / 8 || !is_in_file(self, offset, n * 8))
        return NULL;
    return sinter_qcow2_entries_load(self->io, offset, (guint32)n, NULL);
}

static gboolean
l1_entry_is_valid(const SinterQcow2Rescue *self, guint64 entry)
{
    return (entry & SINTER_QCOW2_L1_RESERVED) == 0 &&
           is_in_file(self, entry & SINTER_QCOW2_OFFSET_MASK, 1);
}

static void
l1_judge(const SinterQcow2Rescue *self, KnownL1 *l1)
{
    for (guint32 i = 0; i < l1->n; i++) {
        if (l1_entry_is_valid(self, l1->entries[i]))
            l1->n_valid++;
        else if (l1->entries[i] != 0)
            l1->n_bad++;
    }
}

static void
slot_is_broken(SinterQcow2Rescue *self, const KnownL1 *l1, guint64 slot)
{
    if (!l1->is_snapshot && slot < self->n_slots)
        self->broken_l1[slot / 8] |= (guint8)(1U << slot % 8);
}

/* Adds the table of an entry; one that is damaged leaves its slot without a table. */
static void
l1_follow(SinterQcow2Rescue *self, const KnownL1 *l1, guint32 slot, guint8 *buf)
{
    guint64 offset = l1->entries[slot] & SINTER_QCOW2_OFFSET_MASK;
    SinterQcow2RescueTable table = { .cluster = offset >> self->geo.cluster_bits,
                                     .slot = slot,
                                     .placed = SINTER_QCOW2_PLACED_KNOWN,
                                     .confidence = SINTER_RESCUE_CERTAIN,
                                     .is_snapshot = l1->is_snapshot };
    SinterQcow2TableJudgement judgement;

    if (!sinter_io_read_padded(self->io, offset, buf, self->geo.cluster_size, NULL)) {
        slot_is_broken(self, l1, slot);
        return;
    }
    judgement = sinter_qcow2_judge_table(&self->geo, self->n_clusters, buf);
    if (!sinter_qcow2_judgement_is_intact(&judgement)) {
        slot_is_broken(self, l1, slot);
        /* in an intact L1 table the place is right, and only the content is lost */
        if (l1->n_bad <= l1->n_valid / L1_BAD_SHARE)
            mark(self, offset, self->geo.cluster_size);
        return;
    }
    mark(self, offset, self->geo.cluster_size);
    g_array_append_val(self->tables, table);
    sinter_qcow2_rescue_claim_known(self, self->tables->len - 1, buf);
    if (!l1->is_snapshot && slot < self->n_slots)
        self->slots[slot] = self->tables->len;
}

static void
l1_walk(SinterQcow2Rescue *self, KnownL1 *l1, guint64 offset)
{
    g_autofree guint8 *buf = g_malloc(self->geo.cluster_size);

    l1_judge(self, l1);
    if (l1->n_valid == 0 || l1->n_bad > l1->n_valid) {
        if (!l1->is_snapshot)
            self->l1_is_lost = TRUE;
        return;
    }
    mark(self, offset, (guint64)l1->n * 8);
    for (guint32 i = 0; i < l1->n; i++) {
        if (l1_entry_is_valid(self, l1->entries[i]))
            l1_follow(self, l1, i, buf);
        else if (l1->entries[i] != 0)
            slot_is_broken(self, l1, i);
    }
}

static void
mark_l1(SinterQcow2Rescue *self, guint64 offset, guint32 n, gboolean is_snapshot)
{
    g_autofree guint64 *entries = load_entries(self, offset, n);
    KnownL1 l1 = { entries, n, 0, 0, is_snapshot };

    if (entries)
        l1_walk(self, &l1, offset);
    else if (!is_snapshot)
        self->l1_is_lost = TRUE;
}

/* Refcounts are small numbers; garbage is not. Narrow ones cannot be told from garbage. */
static gboolean
is_refblock(const SinterQcow2Geometry *geo, const guint8 *block)
{
    guint32 n = 1U << geo->refblock_bits;
    guint32 n_large = 0;

    if (geo->refcount_order < 3)
        return TRUE;
    for (guint32 i = 0; i < n; i++)
        n_large += sinter_qcow2_refcount_load(geo->refcount_order, block, i) > 63;
    return n_large <= n / 8;
}

static void
mark_refcounts(SinterQcow2Rescue *self)
{
    guint64 n = (guint64)self->header->reftable_clusters << (self->geo.cluster_bits - 3);
    g_autofree guint64 *entries = n * 8 <= SINTER_QCOW2_REFTABLE_MAX_BYTES
                                      ? load_entries(self, self->header->reftable_offset, n)
                                      : NULL;
    g_autofree guint8 *block = g_malloc(self->geo.cluster_size);

    if (!entries)
        return;
    mark(self, self->header->reftable_offset, n * 8);
    for (guint64 i = 0; i < n; i++) {
        if ((entries[i] & SINTER_QCOW2_REFTABLE_RESERVED) == 0 && is_in_file(self, entries[i], 1) &&
            sinter_io_read_padded(self->io, entries[i], block, self->geo.cluster_size, NULL) &&
            is_refblock(&self->geo, block))
            mark(self, entries[i], self->geo.cluster_size);
    }
}

/* Returns whether the header has a problem from @first to @last of the table. */
static gboolean
header_has_problem(const SinterQcow2Rescue *self, SinterQcow2ProblemCode first,
                   SinterQcow2ProblemCode last)
{
    const GArray *problems = self->header->problems;

    for (guint i = 0; i < problems->len; i++) {
        SinterQcow2ProblemCode code = g_array_index(problems, SinterQcow2Problem, i).code;

        if (code >= first && code <= last)
            return TRUE;
    }
    return FALSE;
}

static void
mark_snapshots(SinterQcow2Rescue *self)
{
    g_autoptr(GPtrArray) snapshots =
        sinter_qcow2_snapshots_load(self->io, self->header, NULL, NULL);

    for (guint i = 0; snapshots && i < snapshots->len; i++) {
        const SinterQcow2Snapshot *snapshot = g_ptr_array_index(snapshots, i);

        mark(self, snapshot->entry_offset, snapshot->entry_bytes);
        mark_l1(self, snapshot->l1_offset, snapshot->l1_entries, TRUE);
    }
}

static void
mark_bitmaps(SinterQcow2Rescue *self)
{
    g_autoptr(GPtrArray) bitmaps =
        self->header->has_bitmaps ? sinter_qcow2_bitmaps_load(self->io, self->header, NULL) : NULL;

    if (!bitmaps)
        return;
    mark(self, self->header->bitmap_directory_offset, self->header->bitmap_directory_bytes);
    for (guint i = 0; i < bitmaps->len; i++) {
        const SinterQcow2Bitmap *bitmap = g_ptr_array_index(bitmaps, i);
        g_autofree guint64 *entries =
            load_entries(self, bitmap->table_offset, bitmap->table_entries);

        for (guint32 at = 0; entries && at < bitmap->table_entries; at++) {
            guint64 offset = entries[at] & SINTER_QCOW2_OFFSET_MASK;

            if (is_in_file(self, offset, 1))
                mark(self, offset, self->geo.cluster_size);
        }
        if (entries)
            mark(self, bitmap->table_offset, (guint64)bitmap->table_entries * 8);
    }
}

void
sinter_qcow2_rescue_mark_known(SinterQcow2Rescue *self)
{
    if (!self->header) {
        self->l1_is_lost = TRUE;
        return;
    }
    mark(self, 0, self->geo.cluster_size);
    mark_refcounts(self);
    if (self->header->has_luks)
        mark(self, self->header->luks_offset, self->header->luks_bytes);
    if (!header_has_problem(self, SINTER_QCOW2_PROBLEM_BITMAPS_STALE,
                            SINTER_QCOW2_PROBLEM_BITMAPS_BOUNDS))
        mark_bitmaps(self);
    mark_l1(self, self->header->l1_offset, self->header->l1_entries, FALSE);
    if (self->header->n_snapshots > 0 &&
        !header_has_problem(self, SINTER_QCOW2_PROBLEM_SNAPSHOTS_COUNT,
                            SINTER_QCOW2_PROBLEM_SNAPSHOTS_BEYOND))
        mark_snapshots(self);
    self->n_known = self->tables->len;
}
