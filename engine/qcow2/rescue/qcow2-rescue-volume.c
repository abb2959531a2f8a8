/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where volumes start. Invariant: a start is taken from a cluster whose place is known, or it is
 * the start of the disk or of a listed partition that the volume fills; of several such starts none
 * is taken, unless the clues in tables agree with one of them only.
 *
 * The test of a start is the index of a clue's cluster in its L2 table: it must be the one that the
 * clue states, whatever the place of the table.
 */

#include "qcow2-rescue-volume.h"

/* A volume fills a partition if it leaves less than this: a part of it, or so many bytes. */
#define SLACK_SHARE 64
#define SLACK_BYTES (G_GUINT64_CONSTANT(1) << 20)
/* One clue in so many may contradict the others. */
#define AGAINST_SHARE 10
#define SECTOR_BYTES 512

/* The clues of one volume. */
typedef struct {
    const SinterQcow2Rescue *rescue;
    guint64 volume;
    const guint *clues; /* indices */
    guint n;
} Group;

/* How the clues of a volume agree with a start. */
typedef struct {
    guint64 start;
    guint n_for;
    guint n_against;
} Score;

static const SinterQcow2Clue *
group_clue(const Group *self, guint i)
{
    return &g_array_index(self->rescue->clues.clues, SinterQcow2Clue, self->clues[i]);
}

/* Returns the guest cluster of a clue if its volume starts at @start, or NO_CLUSTER. */
static guint64
guest_from(const SinterQcow2Rescue *self, const SinterQcow2Clue *clue, guint64 start)
{
    gint64 offset;
    guint64 at;

    if (!sinter_qcow2_clue_offset(&self->clues, clue, &offset) || start > G_MAXINT64 ||
        (offset > 0 && (guint64)offset > G_MAXINT64 - start) ||
        (offset < 0 && (guint64)-offset > start))
        return SINTER_QCOW2_NO_CLUSTER;
    at = start + (guint64)offset;
    if ((at & (self->geo.cluster_size - 1)) != 0 || at >= self->disk_bytes)
        return SINTER_QCOW2_NO_CLUSTER;
    return at >> self->geo.cluster_bits;
}

/* Compares a start with the clues in clusters that tables map. */
static Score
group_score(const Group *self, guint64 start)
{
    const SinterQcow2Rescue *rescue = self->rescue;
    Score score = { .start = start };

    for (guint i = 0; i < self->n; i++) {
        const SinterQcow2Clue *clue = group_clue(self, i);
        SinterQcow2RescueClaim claim = rescue->claims[clue->host_cluster];
        guint64 guest = guest_from(rescue, clue, start);

        if (claim.table == 0 || claim.index == SINTER_QCOW2_CLAIM_COMPRESSED)
            continue;
        if (guest != SINTER_QCOW2_NO_CLUSTER &&
            (guest & (rescue->geo.l2_entries - 1)) == claim.index)
            score.n_for++;
        else
            score.n_against++;
    }
    return score;
}

/* Returns the start that a clue in a cluster with a known place states; FALSE if there is none. */
static gboolean
group_observed(const Group *self, guint64 *ret)
{
    for (guint i = 0; i < self->n; i++) {
        const SinterQcow2Clue *clue = group_clue(self, i);
        guint64 guest = sinter_qcow2_rescue_guest(self->rescue, clue->host_cluster);
        gint64 offset;
        gint64 start;

        if (guest == SINTER_QCOW2_NO_CLUSTER ||
            !sinter_qcow2_clue_offset(&self->rescue->clues, clue, &offset))
            continue;
        start = (gint64)(guest << self->rescue->geo.cluster_bits) - offset;
        if (start < 0 || start % SECTOR_BYTES != 0)
            continue;
        *ret = (guint64)start;
        return TRUE;
    }
    return FALSE;
}

/* Returns whether @bytes of a volume fill a partition of @room bytes. */
static gboolean
volume_fills(guint64 bytes, guint64 room)
{
    return bytes > 0 && bytes <= room && room - bytes <= MAX(bytes / SLACK_SHARE, SLACK_BYTES);
}

static gboolean
score_is_good(const Score *score)
{
    return score->n_against <= score->n_for / AGAINST_SHARE;
}

/* Returns the starts that the volume may have, with their scores; of Score. */
static GArray *
group_candidates(const Group *self)
{
    const SinterQcow2Clues *clues = &self->rescue->clues;
    const SinterQcow2Volume *volume = g_hash_table_lookup(clues->volumes, &self->volume);
    GArray *scores = g_array_new(FALSE, FALSE, sizeof(Score));
    g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);
    SinterQcow2Partition disk = { .start = 0, .bytes = self->rescue->disk_bytes };

    for (guint i = 0; i <= clues->partitions->len; i++) {
        SinterQcow2Partition *partition =
            i < clues->partitions->len ? &g_array_index(clues->partitions, SinterQcow2Partition, i)
                                       : &disk;
        Score score;

        if (!volume_fills(volume->bytes, partition->bytes) ||
            !g_hash_table_add(seen, &partition->start))
            continue;
        score = group_score(self, partition->start);
        if (score_is_good(&score))
            g_array_append_val(scores, score);
    }
    return scores;
}

static void
add_base(SinterQcow2Rescue *self, guint64 volume, guint64 start, gboolean is_proved)
{
    SinterQcow2Base *base = g_new(SinterQcow2Base, 1);

    *base = (SinterQcow2Base){ volume, start, is_proved };
    g_hash_table_insert(self->bases, &base->volume, base);
}

static void
group_find_base(SinterQcow2Rescue *self, const Group *group)
{
    g_autoptr(GArray) scores = NULL;
    Score observed;
    Score best;

    if (!g_hash_table_contains(self->clues.volumes, &group->volume))
        return;
    if (group_observed(group, &observed.start)) {
        observed = group_score(group, observed.start);
        add_base(self, group->volume, observed.start, score_is_good(&observed));
        return;
    }
    scores = group_candidates(group);
    if (scores->len == 0)
        return;
    best = g_array_index(scores, Score, 0);
    for (guint i = 1; i < scores->len; i++) {
        Score score = g_array_index(scores, Score, i);

        if (score.n_for == best.n_for)
            return;
        if (score.n_for > best.n_for)
            best = score;
    }
    add_base(self, group->volume, best.start, scores->len == 1 && (best.n_for > 0 || group->n > 1));
}

/* Two volumes at one place: one of them is an old one, or is in a file of the other. */
static void
doubt_shared_bases(SinterQcow2Rescue *self)
{
    g_autoptr(GHashTable) by_start = g_hash_table_new(g_int64_hash, g_int64_equal);
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, self->bases);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        SinterQcow2Base *base = value;
        SinterQcow2Base *other = g_hash_table_lookup(by_start, &base->start);

        if (other)
            other->is_proved = base->is_proved = FALSE;
        else
            g_hash_table_insert(by_start, &base->start, base);
    }
}

static int
compare_volumes(gconstpointer a, gconstpointer b, gpointer user_data)
{
    const SinterQcow2Clue *clues = user_data;
    guint64 one = clues[*(const guint *)a].volume;
    guint64 two = clues[*(const guint *)b].volume;

    return one < two ? -1 : one > two;
}

void
sinter_qcow2_rescue_find_bases(SinterQcow2Rescue *self)
{
    const SinterQcow2Clue *clues = (const void *)self->clues.clues->data;
    guint n = self->clues.clues->len;
    g_autofree guint *order = g_new(guint, MAX(n, 1));

    for (guint i = 0; i < n; i++)
        order[i] = i;
    if (n > 0)
        g_qsort_with_data(order, (int)n, sizeof *order, compare_volumes, (gpointer)clues);
    for (guint i = 0, end; i < n; i = end) {
        Group group = { self, clues[order[i]].volume, order + i, 0 };

        for (end = i; end < n && clues[order[end]].volume == group.volume; end++)
            group.n++;
        if (group.volume != SINTER_QCOW2_VOLUME_DISK)
            group_find_base(self, &group);
    }
    doubt_shared_bases(self);
}

guint64
sinter_qcow2_rescue_clue_guest(const SinterQcow2Rescue *self, const SinterQcow2Clue *clue,
                               gboolean *ret_proved)
{
    const SinterQcow2Base *base = NULL;

    *ret_proved = clue->volume == SINTER_QCOW2_VOLUME_DISK;
    if (*ret_proved)
        return guest_from(self, clue, 0);
    base = g_hash_table_lookup(self->bases, &clue->volume);
    if (!base)
        return SINTER_QCOW2_NO_CLUSTER;
    *ret_proved = base->is_proved;
    return guest_from(self, clue, base->start);
}
