/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which table maps which cluster. Invariant: a cluster has at most one claim; the tables that an
 * intact L1 table refers to claim first, and a table with more entries before one with fewer.
 */

#include "qcow2-rescue-claim.h"
#include "qcow2/layout/qcow2-table-judge.h"

/* A table is dropped if one in so many of its clusters is mapped by another. */
#define DOUBLED_SHARE 4
/* An L1 table refers to tables, at least by one in so many entries. */
#define L1_TABLES_SHARE 4

static SinterQcow2EntryJudgement
entry_target(const SinterQcow2Rescue *self, const guint8 *data, guint32 i, guint64 *ret)
{
    SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(&self->geo, data, i);
    SinterQcow2EntryJudgement judgement =
        sinter_qcow2_judge_entry(&self->geo, self->n_clusters, l2);

    if (judgement == SINTER_QCOW2_ENTRY_COMPRESSED)
        *ret = sinter_qcow2_l2_compressed(&self->geo, l2.entry).host_offset;
    else
        *ret = l2.entry & SINTER_QCOW2_OFFSET_MASK;
    *ret >>= self->geo.cluster_bits;
    return judgement;
}

/* Compressed clusters may share host clusters, also with those of other tables. */
static void
claim_compressed(SinterQcow2Rescue *self, guint index, SinterQcow2L2Entry l2)
{
    SinterQcow2CompressedRef ref = sinter_qcow2_l2_compressed(&self->geo, l2.entry);
    guint64 last = (ref.host_offset + ref.host_bytes - 1) >> self->geo.cluster_bits;

    self->compressed_at = ref.host_offset;
    for (guint64 at = ref.host_offset >> self->geo.cluster_bits; at <= last; at++) {
        if (self->claims[at].table == 0)
            self->claims[at] = (SinterQcow2RescueClaim){ index + 1, SINTER_QCOW2_CLAIM_COMPRESSED };
        if (self->use[at] == SINTER_QCOW2_RESCUE_EMPTY ||
            self->use[at] == SINTER_QCOW2_RESCUE_ORPHAN ||
            self->use[at] == SINTER_QCOW2_RESCUE_REFBLOCK)
            self->use[at] = SINTER_QCOW2_RESCUE_DATA;
    }
}

static void
claim_data(SinterQcow2Rescue *self, guint index, guint32 i, guint64 cluster)
{
    SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(self, index);

    if (i == 0)
        table->first = cluster;
    if (i == self->geo.l2_entries - 1)
        table->last = cluster;
    if (self->claims[cluster].table != 0 || sinter_qcow2_rescue_is_metadata(self, cluster)) {
        table->n_doubled++;
        return;
    }
    self->claims[cluster] = (SinterQcow2RescueClaim){ index + 1, i };
    self->use[cluster] = SINTER_QCOW2_RESCUE_DATA;
}

static void
claim_entries(SinterQcow2Rescue *self, guint index, const guint8 *data)
{
    SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(self, index);
    guint64 cluster;

    table->n_used = table->n_bad = table->n_doubled = 0;
    table->first = table->last = SINTER_QCOW2_NO_CLUSTER;
    for (guint32 i = 0; i < self->geo.l2_entries; i++) {
        switch (entry_target(self, data, i, &cluster)) {
        case SINTER_QCOW2_ENTRY_EMPTY:
            break;
        case SINTER_QCOW2_ENTRY_DATA:
            table->n_used++;
            claim_data(self, index, i, cluster);
            break;
        case SINTER_QCOW2_ENTRY_COMPRESSED:
            table->n_used++;
            claim_compressed(self, index, sinter_qcow2_l2_load(&self->geo, data, i));
            break;
        case SINTER_QCOW2_ENTRY_BAD:
            table->n_bad++;
            break;
        }
    }
}

void
sinter_qcow2_rescue_claim_known(SinterQcow2Rescue *self, guint index, const guint8 *data)
{
    claim_entries(self, index, data);
    /* snapshots share clusters with each other and with the active disk */
    if (sinter_qcow2_rescue_table(self, index)->is_snapshot)
        sinter_qcow2_rescue_table(self, index)->n_doubled = 0;
}

/* What the clusters are that an orphaned table refers to. */
typedef struct {
    guint32 n_data;
    guint32 n_tables;
    guint32 n_taken;     /* metadata, or mapped by another table for another place */
    guint32 n_shared;    /* mapped by one intact table for the same place in it */
    guint64 shared_slot; /* of that table */
} Targets;

/* Snapshots share clusters with the active disk, at the same place of it. */
static gboolean
is_shared(const SinterQcow2Rescue *self, SinterQcow2RescueClaim claim, guint32 i, Targets *targets)
{
    guint64 slot;

    if (claim.table == 0 || claim.table > self->n_known || claim.index != i)
        return FALSE;
    slot = sinter_qcow2_rescue_table(self, claim.table - 1)->slot;
    if (targets->n_shared == 0)
        targets->shared_slot = slot;
    return targets->shared_slot == slot;
}

static Targets
count_targets(const SinterQcow2Rescue *self, const guint8 *data)
{
    Targets targets = { 0 };
    guint64 cluster;

    for (guint32 i = 0; i < self->geo.l2_entries; i++) {
        SinterQcow2RescueClaim claim;

        if (entry_target(self, data, i, &cluster) != SINTER_QCOW2_ENTRY_DATA)
            continue;
        claim = self->claims[cluster];
        targets.n_data++;
        targets.n_tables += self->use[cluster] == SINTER_QCOW2_RESCUE_TABLE;
        if (is_shared(self, claim, i, &targets))
            targets.n_shared++;
        else if (claim.table != 0 || self->use[cluster] == SINTER_QCOW2_RESCUE_METADATA)
            targets.n_taken++;
    }
    return targets;
}

static void
drop(SinterQcow2Rescue *self, SinterQcow2RescueTable *table, SinterQcow2RescueUse use)
{
    table->is_dropped = TRUE;
    self->use[table->cluster] = (guint8)use;
}

/* Data of a fuller table that looks like a table: a guest may store an image. */
static void
drop_mapped_tables(SinterQcow2Rescue *self, const SinterQcow2RescueTable *table,
                   GHashTable *by_cluster, const guint8 *data)
{
    guint64 cluster;

    for (guint32 i = 0; i < self->geo.l2_entries; i++) {
        SinterQcow2RescueTable *mapped;

        if (entry_target(self, data, i, &cluster) != SINTER_QCOW2_ENTRY_DATA ||
            self->use[cluster] != SINTER_QCOW2_RESCUE_TABLE)
            continue;
        mapped = g_hash_table_lookup(by_cluster, &cluster);
        if (mapped && mapped != table && mapped->n_used <= table->n_used)
            drop(self, mapped, SINTER_QCOW2_RESCUE_ORPHAN);
    }
}

static int
compare_fuller_first(gconstpointer a, gconstpointer b)
{
    const SinterQcow2RescueTable *one = a;
    const SinterQcow2RescueTable *two = b;

    if (one->n_used != two->n_used)
        return one->n_used > two->n_used ? -1 : 1;
    return one->cluster < two->cluster ? -1 : one->cluster > two->cluster;
}

typedef struct {
    SinterQcow2Rescue *rescue;
    GHashTable *by_cluster; /* guint64 → SinterQcow2RescueTable */
    guint8 *buf;
} Orphans;

typedef void (*OrphanFunc)(Orphans *self, guint index);

static void
orphan_tell_l1(Orphans *self, guint index)
{
    SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(self->rescue, index);
    Targets targets = count_targets(self->rescue, self->buf);

    /* some of its tables may be lost */
    if (targets.n_tables == 0 || targets.n_data != table->n_used ||
        targets.n_tables < targets.n_data / L1_TABLES_SHARE ||
        (targets.n_tables == 1 && targets.n_data > 1))
        return;
    g_array_append_val(self->rescue->old_l1, table->cluster);
}

static void
orphan_claim(Orphans *self, guint index)
{
    SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(self->rescue, index);
    Targets targets = count_targets(self->rescue, self->buf);

    if (targets.n_taken > targets.n_data / DOUBLED_SHARE) {
        drop(self->rescue, table, SINTER_QCOW2_RESCUE_ORPHAN);
        return;
    }
    drop_mapped_tables(self->rescue, table, self->by_cluster, self->buf);
    claim_entries(self->rescue, index, self->buf);
    table->n_doubled -= targets.n_shared;
    table->n_shared = targets.n_shared;
    table->shared_slot = targets.shared_slot;
}

static gboolean
orphans_walk(Orphans *self, OrphanFunc func, GError **error)
{
    SinterQcow2Rescue *rescue = self->rescue;

    for (guint i = rescue->n_known; i < rescue->tables->len; i++) {
        const SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(rescue, i);

        if (table->is_dropped)
            continue;
        if (!sinter_io_read_padded(rescue->io, table->cluster << rescue->geo.cluster_bits,
                                   self->buf, rescue->geo.cluster_size, error))
            return FALSE;
        func(self, i);
    }
    return TRUE;
}

static void
drop_l1(SinterQcow2Rescue *self, GHashTable *by_cluster)
{
    for (guint i = 0; i < self->old_l1->len; i++)
        drop(self, g_hash_table_lookup(by_cluster, &g_array_index(self->old_l1, guint64, i)),
             SINTER_QCOW2_RESCUE_L1);
}

gboolean
sinter_qcow2_rescue_claim_orphans(SinterQcow2Rescue *self, GError **error)
{
    g_autoptr(GHashTable) by_cluster = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_autofree guint8 *buf = g_malloc(self->geo.cluster_size);
    Orphans orphans = { self, by_cluster, buf };

    if (self->tables->len == self->n_known)
        return TRUE;
    qsort(self->tables->data + (gsize)self->n_known * sizeof(SinterQcow2RescueTable),
          self->tables->len - self->n_known, sizeof(SinterQcow2RescueTable), compare_fuller_first);
    for (guint i = self->n_known; i < self->tables->len; i++) {
        SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(self, i);

        g_hash_table_insert(by_cluster, &table->cluster, table);
    }
    if (!orphans_walk(&orphans, orphan_tell_l1, error))
        return FALSE;
    drop_l1(self, by_cluster);
    return orphans_walk(&orphans, orphan_claim, error);
}
