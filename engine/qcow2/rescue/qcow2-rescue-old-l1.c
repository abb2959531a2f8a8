/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Orphaned L1 tables: consecutive clusters that refer to L2 tables. They give the distances between
 * the slots of these tables. Invariant: one vote that contradicts the others makes an L1 table
 * useless; without votes it starts with slot 0, as every L1 table does.
 */

#include "qcow2-rescue-old-l1.h"
#include "qcow2/layout/qcow2-layout.h"

typedef struct {
    guint32 table; /* index in the list */
    guint64 index; /* of the entry, from the start of the run of clusters */
} Member;

/* A run of clusters that are parts of one L1 table. */
typedef struct {
    SinterQcow2Rescue *rescue;
    GHashTable *by_cluster; /* guint64 → index in the list plus 1 */
    GArray *members;        /* of Member */
    guint64 first;          /* cluster */
    guint64 n;
} Run;

static gboolean
run_load(Run *self, guint8 *buf, GError **error)
{
    SinterQcow2Rescue *rescue = self->rescue;
    guint32 per_cluster = rescue->geo.cluster_size / 8;

    for (guint64 i = 0; i < self->n; i++) {
        if (!sinter_io_read_padded(rescue->io, (self->first + i) << rescue->geo.cluster_bits, buf,
                                   rescue->geo.cluster_size, error))
            return FALSE;
        for (guint32 at = 0; at < per_cluster; at++) {
            guint64 cluster = (sinter_be64_load(buf + (gsize)at * 8) & SINTER_QCOW2_OFFSET_MASK) >>
                              rescue->geo.cluster_bits;
            guint32 index = GPOINTER_TO_UINT(g_hash_table_lookup(self->by_cluster, &cluster));
            Member member = { index - 1, i * per_cluster + at };

            if (index != 0)
                g_array_append_val(self->members, member);
        }
    }
    return TRUE;
}

/*
 * Sets @ret to the slot of the run's first entry; FALSE if votes contradict each other. The
 * confidence is that of the best vote.
 */
static gboolean
run_find_slot(const Run *self, gint64 *ret, SinterRescueConfidence *ret_confidence)
{
    gboolean is_known = FALSE;

    *ret = 0;
    *ret_confidence = SINTER_RESCUE_NONE;
    for (guint i = 0; i < self->members->len; i++) {
        Member member = g_array_index(self->members, Member, i);
        const SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(self->rescue, member.table);
        gint64 slot;

        if (table->slot == SINTER_QCOW2_NO_SLOT)
            continue;
        slot = (gint64)table->slot - (gint64)member.index;
        if (slot < 0 || (is_known && slot != *ret))
            return FALSE;
        *ret = slot;
        is_known = TRUE;
        *ret_confidence = MAX(*ret_confidence, table->confidence);
    }
    return TRUE;
}

/*
 * Without votes: a run that is the only one and cannot be the rest of a longer table starts with
 * slot 0.
 */
static SinterRescueConfidence
run_guess(const Run *self, gboolean is_only)
{
    const SinterQcow2Rescue *rescue = self->rescue;
    gboolean may_be_rest = rescue->n_slots > self->n * (rescue->geo.cluster_size / 8) &&
                           self->first > 0 &&
                           rescue->use[self->first - 1] == SINTER_QCOW2_RESCUE_EMPTY;

    return is_only && !may_be_rest ? SINTER_RESCUE_CERTAIN : SINTER_RESCUE_LIKELY;
}

static void
run_place(const Run *self, gboolean is_only)
{
    SinterRescueConfidence confidence;
    gint64 first;

    if (!run_find_slot(self, &first, &confidence))
        return;
    if (confidence == SINTER_RESCUE_NONE)
        confidence = run_guess(self, is_only);
    for (guint i = 0; i < self->members->len; i++) {
        Member member = g_array_index(self->members, Member, i);
        SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(self->rescue, member.table);
        guint64 slot = (guint64)first + member.index;

        if (table->is_dropped || slot >= self->rescue->n_slots)
            continue;
        table->slot = slot;
        table->confidence = MAX(table->confidence, confidence);
        table->placed = SINTER_QCOW2_PLACED_L1;
    }
}

static int
compare_clusters(gconstpointer a, gconstpointer b)
{
    guint64 one = *(const guint64 *)a;
    guint64 two = *(const guint64 *)b;

    return one < two ? -1 : one > two;
}

/* Returns the end of the run of clusters that begins at @from of the list. */
static guint
run_end(const GArray *clusters, guint from)
{
    guint end = from + 1;

    while (end < clusters->len &&
           g_array_index(clusters, guint64, end) == g_array_index(clusters, guint64, end - 1) + 1)
        end++;
    return end;
}

gboolean
sinter_qcow2_rescue_follow_old_l1(SinterQcow2Rescue *self, GError **error)
{
    g_autoptr(GHashTable) by_cluster = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_autofree guint8 *buf = g_malloc(self->geo.cluster_size);

    for (guint i = self->n_known; i < self->tables->len; i++) {
        SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(self, i);

        if (!table->is_dropped)
            g_hash_table_insert(by_cluster, &table->cluster, GUINT_TO_POINTER(i + 1));
    }
    g_array_sort(self->old_l1, compare_clusters);
    for (guint i = 0, end; i < self->old_l1->len; i = end) {
        g_autoptr(GArray) members = g_array_new(FALSE, FALSE, sizeof(Member));
        Run run = { self, by_cluster, members, g_array_index(self->old_l1, guint64, i), 0 };

        end = run_end(self->old_l1, i);
        run.n = end - i;
        if (!run_load(&run, buf, error))
            return FALSE;
        run_place(&run, i == 0 && end == self->old_l1->len);
    }
    return TRUE;
}
