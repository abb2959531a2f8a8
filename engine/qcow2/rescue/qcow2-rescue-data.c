/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Data clusters whose table is lost, and single broken entries of tables. Invariant: a guest
 * cluster gets at most one cluster of the file and only if no table maps it; two clusters that
 * contest one get nothing.
 */

#include "qcow2-rescue-data.h"
#include "qcow2/layout/qcow2-table-judge.h"
#include "qcow2-rescue-volume.h"

/* Bits in which a damaged entry may differ from the inferred one to prove it. */
#define DAMAGED_BITS_MAX 4

/* --- by clues --- */

/* A data cluster may be placed where no table has a say. */
static gboolean
guest_is_free(const SinterQcow2Rescue *self, guint64 guest)
{
    guint64 slot = guest >> self->geo.l2_bits;

    return slot < self->n_slots && self->slots[slot] == 0 &&
           sinter_qcow2_rescue_slot_is_broken(self, slot);
}

/*
 * Fills @ret from the clues of one cluster, @n of them from @first on; FALSE if they contradict
 * each other.
 */
static gboolean
cluster_place(const SinterQcow2Rescue *self, guint first, guint n, SinterQcow2RescueData *ret)
{
    *ret = (SinterQcow2RescueData){ .guest_cluster = SINTER_QCOW2_NO_CLUSTER };
    for (guint i = first; i < first + n; i++) {
        const SinterQcow2Clue *clue = &g_array_index(self->clues.clues, SinterQcow2Clue, i);
        gboolean is_proved;
        guint64 guest = sinter_qcow2_rescue_clue_guest(self, clue, &is_proved);
        SinterRescueConfidence confidence = is_proved && sinter_qcow2_clue_stands_alone(clue->kind)
                                                ? SINTER_RESCUE_CERTAIN
                                                : SINTER_RESCUE_LIKELY;

        ret->cluster = clue->host_cluster;
        if (guest == SINTER_QCOW2_NO_CLUSTER)
            continue;
        if (ret->guest_cluster != SINTER_QCOW2_NO_CLUSTER && ret->guest_cluster != guest)
            return FALSE;
        ret->guest_cluster = guest;
        if (confidence > ret->confidence)
            ret->kind = clue->kind;
        ret->confidence = MAX(ret->confidence, confidence);
    }
    /* which of its subclusters held data is lost with the table */
    if (self->geo.extended_l2)
        ret->confidence = MIN(ret->confidence, SINTER_RESCUE_LIKELY);
    return ret->guest_cluster != SINTER_QCOW2_NO_CLUSTER;
}

static int
compare_guests(gconstpointer a, gconstpointer b)
{
    guint64 one = ((const SinterQcow2RescueData *)a)->guest_cluster;
    guint64 two = ((const SinterQcow2RescueData *)b)->guest_cluster;

    return one < two ? -1 : one > two;
}

/*
 * Returns which of the clusters from @first to @end (exclusive), which contest a place, gets it;
 * @end for none of them. Content that contradicts it makes the winner uncertain.
 */
static guint
settle_place(GArray *data, guint first, guint end)
{
    guint best = first;
    gboolean is_tie = FALSE;
    gboolean is_doubted = FALSE;

    for (guint i = first + 1; i < end; i++) {
        const SinterQcow2RescueData *one = &g_array_index(data, SinterQcow2RescueData, i);
        const SinterQcow2RescueData *other = &g_array_index(data, SinterQcow2RescueData, best);

        is_tie = one->confidence == other->confidence;
        is_doubted |=
            (one->confidence < other->confidence ? one : other)->kind != SINTER_QCOW2_N_CLUES;
        if (one->confidence > other->confidence)
            best = i;
    }
    if (is_tie)
        return end;
    if (is_doubted)
        g_array_index(data, SinterQcow2RescueData, best).confidence = SINTER_RESCUE_LIKELY;
    return best;
}

void
sinter_qcow2_rescue_settle_data(SinterQcow2Rescue *self)
{
    GArray *data = self->data;
    guint kept = 0;

    g_array_sort(data, compare_guests);
    for (guint i = 0, end; i < data->len; i = end) {
        guint64 guest = g_array_index(data, SinterQcow2RescueData, i).guest_cluster;
        guint best;

        for (end = i + 1; end < data->len; end++) {
            if (g_array_index(data, SinterQcow2RescueData, end).guest_cluster != guest)
                break;
        }
        best = settle_place(data, i, end);
        if (best < end)
            g_array_index(data, SinterQcow2RescueData, kept++) =
                g_array_index(data, SinterQcow2RescueData, best);
    }
    g_array_set_size(data, kept);
}

void
sinter_qcow2_rescue_place_data(SinterQcow2Rescue *self)
{
    guint n = self->clues.clues->len;

    for (guint i = 0, end; i < n; i = end) {
        guint64 cluster = g_array_index(self->clues.clues, SinterQcow2Clue, i).host_cluster;
        SinterQcow2RescueData data;

        for (end = i; end < n; end++) {
            if (g_array_index(self->clues.clues, SinterQcow2Clue, end).host_cluster != cluster)
                break;
        }
        if (self->use[cluster] == SINTER_QCOW2_RESCUE_ORPHAN &&
            cluster_place(self, i, end - i, &data) && guest_is_free(self, data.guest_cluster))
            g_array_append_val(self->data, data);
    }
    sinter_qcow2_rescue_settle_data(self);
}

/* --- broken entries --- */

/* A table with broken entries, and its content. */
typedef struct {
    SinterQcow2Rescue *rescue;
    guint index; /* in the list */
    const guint8 *data;
} Broken;

/* Returns the cluster that entry @i maps if it is good, NO_CLUSTER otherwise. */
static guint64
broken_target(const Broken *self, gint64 i, gboolean *ret_is_bad)
{
    const SinterQcow2Geometry *geo = &self->rescue->geo;
    SinterQcow2EntryJudgement judgement;
    SinterQcow2L2Entry l2;

    *ret_is_bad = FALSE;
    if (i < 0 || i >= geo->l2_entries)
        return SINTER_QCOW2_NO_CLUSTER;
    l2 = sinter_qcow2_l2_load(geo, self->data, (guint32)i);
    judgement = sinter_qcow2_judge_entry(geo, self->rescue->n_clusters, l2);
    *ret_is_bad = judgement == SINTER_QCOW2_ENTRY_BAD;
    return judgement == SINTER_QCOW2_ENTRY_DATA
               ? (l2.entry & SINTER_QCOW2_OFFSET_MASK) >> geo->cluster_bits
               : SINTER_QCOW2_NO_CLUSTER;
}

static guint
count_bits(guint64 value)
{
    guint n = 0;

    for (; value != 0; value &= value - 1)
        n++;
    return n;
}

static void
broken_infer(const Broken *self, guint32 i, guint64 cluster)
{
    SinterQcow2Rescue *rescue = self->rescue;
    const SinterQcow2Geometry *geo = &rescue->geo;
    guint64 right = cluster << geo->cluster_bits | SINTER_QCOW2_COPIED;
    guint64 found = sinter_qcow2_l2_load(geo, self->data, i).entry;
    gboolean is_near = count_bits(found ^ right) <= DAMAGED_BITS_MAX && !geo->extended_l2;
    SinterQcow2RescueEntry entry = { self->index, i, cluster,
                                     is_near ? SINTER_RESCUE_CERTAIN : SINTER_RESCUE_LIKELY };

    g_array_append_val(rescue->entries, entry);
    rescue->use[cluster] = SINTER_QCOW2_RESCUE_DATA;
}

/* Infers the broken entries from @first to @end (exclusive), if the clusters around them allow. */
static void
broken_range(const Broken *self, guint32 first, guint32 end)
{
    gboolean unused;
    guint64 before = broken_target(self, (gint64)first - 1, &unused);
    guint64 after = broken_target(self, end, &unused);

    if (before == SINTER_QCOW2_NO_CLUSTER || after == SINTER_QCOW2_NO_CLUSTER || after < before ||
        after - before != (guint64)end - first + 1)
        return;
    for (guint64 cluster = before + 1; cluster < after; cluster++) {
        if (self->rescue->use[cluster] != SINTER_QCOW2_RESCUE_ORPHAN)
            return;
    }
    for (guint32 i = first; i < end; i++)
        broken_infer(self, i, before + 1 + (i - first));
}

static void
broken_walk(const Broken *self)
{
    guint32 n = self->rescue->geo.l2_entries;

    for (guint32 i = 0, end; i < n; i = end + 1) {
        gboolean is_bad;

        for (end = i; end < n; end++) {
            broken_target(self, end, &is_bad);
            if (!is_bad)
                break;
        }
        if (end > i)
            broken_range(self, i, end);
    }
}

gboolean
sinter_qcow2_rescue_infer_entries(SinterQcow2Rescue *self, GError **error)
{
    g_autofree guint8 *buf = g_malloc(self->geo.cluster_size);

    for (guint i = 0; i < self->tables->len; i++) {
        const SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(self, i);
        Broken broken = { self, i, buf };

        if (table->is_dropped || table->is_snapshot || table->n_bad == 0 ||
            table->slot == SINTER_QCOW2_NO_SLOT)
            continue;
        if (!sinter_io_read_padded(self->io, table->cluster << self->geo.cluster_bits, buf,
                                   self->geo.cluster_size, error))
            return FALSE;
        broken_walk(&broken);
    }
    return TRUE;
}
