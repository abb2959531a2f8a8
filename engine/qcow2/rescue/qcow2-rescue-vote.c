/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Places orphaned tables by what their clusters contain. Each clue in a cluster that a table maps
 * is a vote: it states the guest cluster, which must have the index in its table that the entry
 * has. Invariant: a table is certain only if its votes agree; tables that contest a slot get none.
 */

#include "qcow2-rescue-vote.h"
#include "qcow2-rescue-old-l1.h"
#include "qcow2-rescue-volume.h"

/* One vote in so many may contradict the others. */
#define AGAINST_SHARE 10
/* One cluster in so many may be mapped by another table, too. */
#define DOUBLED_SHARE 20
/* A table with fewer entries needs more than one vote. */
#define USED_ENOUGH 4

typedef struct {
    guint32 table;      /* index in the list */
    gboolean is_strong; /* the kind stands alone, and the start of the volume is proved */
    gboolean is_proved;
    guint64 slot; /* NO_SLOT: contradicts the table */
} Vote;

static int
compare_votes(gconstpointer a, gconstpointer b)
{
    const Vote *one = a;
    const Vote *two = b;

    if (one->table != two->table)
        return one->table < two->table ? -1 : 1;
    return one->slot < two->slot ? -1 : one->slot > two->slot;
}

/* Returns the votes of all clues, by table and slot; of Vote. */
static GArray *
collect_votes(const SinterQcow2Rescue *self)
{
    GArray *votes = g_array_new(FALSE, FALSE, sizeof(Vote));

    for (guint i = 0; i < self->clues.clues->len; i++) {
        const SinterQcow2Clue *clue = &g_array_index(self->clues.clues, SinterQcow2Clue, i);
        SinterQcow2RescueClaim claim = self->claims[clue->host_cluster];
        Vote vote = { .table = claim.table - 1, .slot = SINTER_QCOW2_NO_SLOT };
        guint64 guest;

        if (claim.table <= self->n_known || claim.index == SINTER_QCOW2_CLAIM_COMPRESSED)
            continue;
        guest = sinter_qcow2_rescue_clue_guest(self, clue, &vote.is_proved);
        if (guest == SINTER_QCOW2_NO_CLUSTER && !vote.is_proved)
            continue;
        if (guest != SINTER_QCOW2_NO_CLUSTER && (guest & (self->geo.l2_entries - 1)) == claim.index)
            vote.slot = guest >> self->geo.l2_bits;
        vote.is_strong = vote.is_proved && sinter_qcow2_clue_stands_alone(clue->kind);
        g_array_append_val(votes, vote);
    }
    g_array_sort(votes, compare_votes);
    return votes;
}

/* The votes of one table, counted. */
typedef struct {
    guint64 slot; /* with the most votes */
    guint n_for;
    guint n_strong;
    guint n_proved;
    guint n_all;
} Count;

static Count
count_votes(const Vote *votes, guint n)
{
    Count best = { .slot = SINTER_QCOW2_NO_SLOT, .n_all = n };

    for (guint i = 0, end; i < n; i = end) {
        Count count = { .slot = votes[i].slot, .n_all = n };

        for (end = i; end < n && votes[end].slot == count.slot; end++) {
            count.n_for++;
            count.n_strong += votes[end].is_strong;
            count.n_proved += votes[end].is_proved;
        }
        if (count.slot != SINTER_QCOW2_NO_SLOT && count.n_for > best.n_for)
            best = count;
    }
    return best;
}

static SinterRescueConfidence
count_confidence(const Count *count, const SinterQcow2RescueTable *table)
{
    guint n_against = count->n_all - count->n_for;

    if (n_against > count->n_for / AGAINST_SHARE)
        return n_against < count->n_for ? SINTER_RESCUE_LIKELY : SINTER_RESCUE_NONE;
    if (table->n_doubled > table->n_used / DOUBLED_SHARE)
        return SINTER_RESCUE_LIKELY;
    if (count->n_proved >= 2 || (count->n_strong == 1 && table->n_used >= USED_ENOUGH))
        return SINTER_RESCUE_CERTAIN;
    return SINTER_RESCUE_LIKELY;
}

static void
table_vote(const SinterQcow2Rescue *self, guint index, const Vote *votes, guint n)
{
    SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(self, index);
    Count count = count_votes(votes, n);

    /* clusters that a snapshot's table maps at the same place */
    if (table->n_shared > 0 &&
        (count.slot == SINTER_QCOW2_NO_SLOT || count.slot == table->shared_slot)) {
        count.slot = table->shared_slot;
        count.n_for += table->n_shared;
        count.n_proved += table->n_shared;
        count.n_all += table->n_shared;
    }
    if (count.slot == SINTER_QCOW2_NO_SLOT || count.slot >= self->n_slots)
        return;
    table->confidence = count_confidence(&count, table);
    table->n_for = count.n_for;
    table->n_against = count.n_all - count.n_for;
    if (table->confidence == SINTER_RESCUE_NONE)
        return;
    table->slot = count.slot;
    table->placed = SINTER_QCOW2_PLACED_CONTENT;
}

static void
vote_tables(SinterQcow2Rescue *self)
{
    g_autoptr(GArray) votes = collect_votes(self);
    const Vote *all = (const void *)votes->data;
    guint at = 0;

    for (guint i = self->n_known; i < self->tables->len; i++) {
        guint first = at;

        while (at < votes->len && all[at].table == i)
            at++;
        if (!sinter_qcow2_rescue_table(self, i)->is_dropped)
            table_vote(self, i, all + first, at - first);
    }
}

static void
table_lose_slot(SinterQcow2RescueTable *table)
{
    table->slot = SINTER_QCOW2_NO_SLOT;
    table->placed = SINTER_QCOW2_PLACED_NOT;
    table->confidence = SINTER_RESCUE_NONE;
}

/* Whose slot it is: an intact L1 table decides; else nobody's if two want it. */
static void
settle_slot(SinterQcow2Rescue *self, guint index, guint8 *contested)
{
    SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(self, index);
    SinterQcow2RescueTable *other = sinter_qcow2_rescue_slot(self, table->slot);

    if (!other && !contested[table->slot]) {
        self->slots[table->slot] = index + 1;
        return;
    }
    if (other && other->placed != SINTER_QCOW2_PLACED_KNOWN) {
        contested[table->slot] = 1;
        self->slots[table->slot] = 0;
        table_lose_slot(other);
    }
    table_lose_slot(table);
}

static void
settle_slots(SinterQcow2Rescue *self)
{
    g_autofree guint8 *contested = g_malloc0(self->n_slots);

    for (guint i = self->n_known; i < self->tables->len; i++) {
        SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(self, i);

        if (table->is_dropped || table->slot == SINTER_QCOW2_NO_SLOT)
            continue;
        /* an intact L1 table has no entry there: the table is probably an old one */
        if (!sinter_qcow2_rescue_slot_is_broken(self, table->slot))
            table->confidence = MIN(table->confidence, SINTER_RESCUE_LIKELY);
        settle_slot(self, i, contested);
    }
}

void
sinter_qcow2_rescue_take_slot(SinterQcow2Rescue *self, guint index, guint64 slot)
{
    sinter_qcow2_rescue_table(self, index)->slot = slot;
    self->slots[slot] = index + 1;
}

gboolean
sinter_qcow2_rescue_vote(SinterQcow2Rescue *self, GError **error)
{
    vote_tables(self);
    if (!sinter_qcow2_rescue_follow_old_l1(self, error))
        return FALSE;
    settle_slots(self);
    return TRUE;
}
