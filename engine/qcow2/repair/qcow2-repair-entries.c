/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The pass over damaged entries of L1 and L2 tables. Each entry is changed in place: it is at most
 * 16 bytes within one sector, and each change alone is a repair. Invariant: an entry is changed
 * only if it still has the value that was judged. A place is inferred only from both neighbours,
 * and only if the cluster there is leaked; clearing an entry needs the caller's choice. Before an
 * edit changes what the guest reads, the dirty bitmaps become inconsistent.
 */

#include "qcow2-bitmap-marks.h"
#include "qcow2-entry-judge.h"
#include "qcow2-repair-edit.h"

/* An entry whose place is lost, until its neighbours are known. */
typedef struct {
    guint64 at;
    guint64 guest;
    guint32 index; /* in its table */
    const SinterQcow2CheckTable *table;
    SinterQcow2L2Entry old;
    SinterQcow2Judgement judgement;
} Lost;

/* A damaged entry of the table that is walked. */
typedef struct {
    SinterFindingCode code;
    guint64 guest;
    SinterQcow2EntryEdit edit;
    const char *evidence;
    const char *reason;
    gboolean changes_content; /* what the guest reads */
} Damaged;

typedef struct {
    SinterQcow2Round *round;
    guint table;     /* number of the L2 table */
    guint n_used;    /* entries of the table that are not empty */
    GArray *damaged; /* of Damaged */
    GArray *lost;    /* of Lost: since the last entry with a place */
    gint64 near;     /* index of that entry, -1: none */
    guint64 offset;  /* its place */
} Walk;

/*
 * A table with so many damaged entries was overwritten: what looks like a place in one of them is
 * none.
 */
#define OVERWRITTEN_MIN 16
#define OVERWRITTEN_SHARE 4

static const char overwritten[] = "the table was overwritten as a whole";
static const char overlapping[] = "the table shares its cluster with another structure";

static void
plan_damaged(SinterQcow2Round *self, const Damaged *damaged)
{
    const SinterQcow2EntryEdit *edit = &damaged->edit;
    gboolean bitmap = edit->old.entry == edit->changed.entry;
    SinterRepairStep step = {
        .code = damaged->code,
        .guest_offset = damaged->guest,
        .host_offset = edit->at,
        .old_value = bitmap ? edit->old.bitmap : edit->old.entry,
        .new_value = bitmap ? edit->changed.bitmap : edit->changed.entry,
        .evidence = g_strdup(damaged->evidence),
        .reason = g_strdup(damaged->reason),
    };

    if (!sinter_repair_plan_add(&self->plan, &step))
        return;
    g_array_append_val(self->edits, *edit);
    self->changes_content = self->changes_content || damaged->changes_content;
}

/* At the end of a table: plans its edits. */
static void
walk_end_table(Walk *self)
{
    gboolean is_lost = self->damaged->len > OVERWRITTEN_MIN &&
                       self->damaged->len > self->n_used / OVERWRITTEN_SHARE;

    for (guint i = 0; i < self->damaged->len; i++) {
        Damaged *damaged = &g_array_index(self->damaged, Damaged, i);

        if (sinter_qcow2_round_overlaps(self->round, damaged->edit.at, damaged->edit.bytes))
            damaged->reason = overlapping;
        else if (is_lost && damaged->edit.changed.entry != 0)
            damaged->reason = overwritten;
        plan_damaged(self->round, damaged);
    }
    g_array_set_size(self->damaged, 0);
    self->n_used = 0;
}

/* --- entries whose place is lost --- */

static gboolean
may(const SinterQcow2Round *self, SinterRepairChoice choice)
{
    return (self->options->choices & choice) != 0;
}

/* @inferred: the place, 0 if it could not be inferred. */
static void
settle(Walk *walk, const Lost *lost, guint64 inferred, const char *evidence)
{
    const SinterQcow2Round *self = walk->round;
    const SinterQcow2Judgement *judgement = &lost->judgement;
    SinterQcow2EntryEdit edit = { lost->at, lost->old, judgement->changed,
                                  lost->table ? (guint8)self->check->geo.l2_entry_bytes : 8 };
    Damaged damaged = { judgement->code, lost->guest, edit, evidence, NULL, TRUE };

    if (inferred != 0 && may(self, SINTER_REPAIR_INFER_ENTRIES)) {
        damaged.edit.changed.entry = inferred;
        damaged.edit.changed.bitmap = lost->old.bitmap;
    } else if (inferred != 0) {
        damaged.reason = "its place can be inferred, with '--also infer-entries'";
    } else if (may(self, SINTER_REPAIR_CLEAR_ENTRIES)) {
        damaged.evidence =
            "the caller chose to clear entries; the guest sees zeros or the backing file";
    } else {
        damaged.reason =
            "its place is unknown; '--also clear-entries' clears it, and what is lost stays lost";
    }
    g_array_append_val(walk->damaged, damaged);
}

/* An entry that keeps its place, or never had one. */
static void
walk_add(Walk *self, const Lost *lost, SinterQcow2EntryEdit edit)
{
    const SinterQcow2Judgement *judgement = &lost->judgement;
    Damaged damaged = { judgement->code,     lost->guest,       edit,
                        judgement->evidence, judgement->reason, FALSE };

    damaged.edit.changed = judgement->changed;
    g_array_append_val(self->damaged, damaged);
}

/* Returns the entry for the cluster at @offset, 0 unless it is leaked. */
static guint64
entry_for_leak(SinterQcow2Round *self, guint64 offset)
{
    const SinterQcow2RefcountMap *map = self->check->map;
    guint64 cluster = offset >> self->check->geo.cluster_bits;

    if (!sinter_qcow2_check_fits(self->check, offset, self->check->geo.cluster_size) ||
        !self->check->reftable_usable || sinter_qcow2_refcount_map_is_unknown(map, cluster) ||
        sinter_qcow2_refcount_map_get_refs(map, cluster) > 0 ||
        sinter_qcow2_refcount_map_get_stored(map, cluster) == 0)
        return 0;
    return sinter_qcow2_refcount_map_get_stored(map, cluster) == 1 ? offset | SINTER_QCOW2_COPIED
                                                                   : offset;
}

/* In a data file each cluster is at its guest offset. */
static gboolean
settle_in_data_file(Walk *self, const Lost *lost)
{
    SinterFindingCode code = lost->judgement.code;

    if (code != SINTER_FINDING_L2_DATA_FILE_MISPLACED &&
        code != SINTER_FINDING_L2_COMPRESSED_DATA_FILE)
        return FALSE;
    settle(self, lost, lost->guest | SINTER_QCOW2_COPIED,
           "in a data file the data of a guest offset is at the same offset");
    return TRUE;
}

/* Settles the entries since the last place. @next: index of an entry at @offset; -1: none */
static void
walk_settle(Walk *self, gint64 next, guint64 offset)
{
    guint bits = self->round->check->geo.cluster_bits;
    gboolean in_run = self->near >= 0 && next >= 0 && offset > self->offset &&
                      offset - self->offset == (guint64)(next - self->near) << bits;

    for (guint i = 0; i < self->lost->len; i++) {
        const Lost *lost = &g_array_index(self->lost, Lost, i);
        guint64 place = self->offset + ((guint64)(lost->index - self->near) << bits);
        gboolean of_cluster = lost->judgement.code != SINTER_FINDING_L2_SUBCLUSTER_UNALLOCATED &&
                              lost->judgement.code != SINTER_FINDING_L2_ENTRY_ZERO_BIT;

        if (settle_in_data_file(self, lost))
            continue;
        settle(self, lost, in_run && of_cluster ? entry_for_leak(self->round, place) : 0,
               "both neighbours are in one run, and the cluster between them is leaked");
    }
    g_array_set_size(self->lost, 0);
    self->near = next;
    self->offset = offset;
}

/* --- L2 tables --- */

static void
walk_entry(Walk *self, const SinterQcow2CheckTable *table, guint32 index, SinterQcow2L2Entry l2)
{
    SinterQcow2Check *check = self->round->check;
    guint64 guest = (((guint64)table->l1_index << check->geo.l2_bits) + index)
                    << check->geo.cluster_bits;
    Lost lost = {
        table->offset + (guint64)index * check->geo.l2_entry_bytes, guest, index, table, l2, { 0 }
    };
    SinterQcow2EntryEdit edit = { lost.at, l2, l2, (guint8)check->geo.l2_entry_bytes };

    if (!sinter_qcow2_judge_l2(self->round, table, guest, l2, &lost.judgement)) {
        if ((l2.entry & SINTER_QCOW2_COMPRESSED) || check->geo.external_data ||
            !sinter_qcow2_check_has_host(&check->geo, l2.entry))
            walk_settle(self, -1, 0);
        else
            walk_settle(self, index, l2.entry & SINTER_QCOW2_OFFSET_MASK);
        return;
    }
    if (lost.judgement.is_lost) {
        g_array_append_val(self->lost, lost);
        return;
    }
    walk_add(self, &lost, edit);
}

static gboolean
walk_piece(guint index, guint64 at, const guint8 *data, gsize len, gpointer user_data,
           GError **error)
{
    Walk *self = user_data;
    const SinterQcow2Geometry *geo = &self->round->check->geo;
    const SinterQcow2CheckTable *table =
        &g_array_index(self->round->check->tables, SinterQcow2CheckTable, index);

    if (index != self->table) {
        walk_settle(self, -1, 0);
        walk_end_table(self);
    }
    self->table = index;
    for (gsize i = 0; i < len / geo->l2_entry_bytes; i++) {
        SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(geo, data, (guint32)i);

        self->n_used += (l2.entry | l2.bitmap) != 0;
        walk_entry(self, table, (guint32)(at / geo->l2_entry_bytes + i), l2);
    }
    return TRUE;
}

/* --- L1 tables --- */

static gboolean
is_repeated(const SinterQcow2Check *check, guint index)
{
    const SinterQcow2CheckView *view = &g_array_index(check->views, SinterQcow2CheckView, index);

    for (guint i = 0; i < index; i++) {
        if (g_array_index(check->views, SinterQcow2CheckView, i).l1_offset == view->l1_offset)
            return TRUE;
    }
    return FALSE;
}

/* The number of views that share the L1 table. */
static guint32
count_views(const SinterQcow2Check *check, guint64 l1_offset)
{
    guint32 n = 0;

    for (guint i = 0; i < check->views->len; i++)
        n += g_array_index(check->views, SinterQcow2CheckView, i).l1_offset == l1_offset;
    return n;
}

static gboolean
walk_l1(Walk *walk, const SinterQcow2CheckView *view, GError **error)
{
    SinterQcow2Round *self = walk->round;
    gsize bytes = (gsize)view->l1_entries * 8;
    g_autofree guint8 *table = g_malloc(MAX(bytes, 8));
    guint32 n_refs = count_views(self->check, view->l1_offset);

    if (!sinter_qcow2_check_read(self->check, view->l1_offset, table, bytes, error))
        return FALSE;
    for (gsize i = 0; i < bytes; i += 8) {
        SinterQcow2L2Entry old = { sinter_be64_load(table + i), 0 };
        guint64 guest = sinter_qcow2_check_guest(self->check, i / 8);
        Lost lost = { view->l1_offset + i, guest, 0, NULL, old, { 0 } };
        SinterQcow2EntryEdit edit = { lost.at, old, old, 8 };

        walk->n_used += old.entry != 0;
        if (old.entry == 0 || !sinter_qcow2_judge_l1(self, old.entry, n_refs, &lost.judgement))
            continue;
        if (lost.judgement.is_lost)
            settle(walk, &lost, 0, NULL);
        else
            walk_add(walk, &lost, edit);
    }
    walk_end_table(walk);
    return TRUE;
}

/* --- the pass --- */

static gboolean
any_of(const SinterQcow2Round *self, const SinterFindingCode *codes, gsize n)
{
    for (gsize i = 0; i < n; i++) {
        if (self->checked->per_code[codes[i]] > 0)
            return TRUE;
    }
    return FALSE;
}

static const SinterFindingCode l1_codes[] = {
    SINTER_FINDING_L1_ENTRY_RESERVED_BITS,
    SINTER_FINDING_L1_ENTRY_UNALIGNED,
    SINTER_FINDING_L1_ENTRY_BEYOND_FILE,
    SINTER_FINDING_L1_ENTRY_EMPTY,
};

static const SinterFindingCode l2_codes[] = {
    SINTER_FINDING_L2_ENTRY_RESERVED_BITS,
    SINTER_FINDING_L2_ENTRY_ZERO_BIT,
    SINTER_FINDING_L2_ENTRY_UNALIGNED,
    SINTER_FINDING_L2_ENTRY_BEYOND_FILE,
    SINTER_FINDING_L2_ENTRY_EMPTY,
    SINTER_FINDING_L2_COMPRESSED_COPIED,
    SINTER_FINDING_L2_COMPRESSED_BEYOND_FILE,
    SINTER_FINDING_L2_COMPRESSED_BITMAP,
    SINTER_FINDING_L2_COMPRESSED_DATA_FILE,
    SINTER_FINDING_L2_SUBCLUSTER_CONFLICT,
    SINTER_FINDING_L2_SUBCLUSTER_UNALLOCATED,
    SINTER_FINDING_L2_DATA_FILE_MISPLACED,
};

static gboolean
walk_all_l1(Walk *self, GError **error)
{
    const SinterQcow2Check *check = self->round->check;

    for (guint i = 0; i < check->views->len; i++) {
        if (!is_repeated(check, i) &&
            !walk_l1(self, &g_array_index(check->views, SinterQcow2CheckView, i), error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
walk_all_l2(Walk *self, GError **error)
{
    if (!sinter_qcow2_check_walk_tables(self->round->check, walk_piece, self, error))
        return FALSE;
    walk_settle(self, -1, 0);
    walk_end_table(self);
    return TRUE;
}

gboolean
sinter_qcow2_entries_plan(SinterQcow2Round *self, GError **error)
{
    g_autoptr(GArray) damaged = g_array_new(FALSE, FALSE, sizeof(Damaged));
    g_autoptr(GArray) lost = g_array_new(FALSE, FALSE, sizeof(Lost));
    Walk walk = { .round = self, .table = G_MAXUINT, .damaged = damaged, .lost = lost, .near = -1 };

    self->edits = g_array_new(FALSE, FALSE, sizeof(SinterQcow2EntryEdit));
    if ((any_of(self, l1_codes, G_N_ELEMENTS(l1_codes)) && !walk_all_l1(&walk, error)) ||
        (any_of(self, l2_codes, G_N_ELEMENTS(l2_codes)) && !walk_all_l2(&walk, error)))
        return FALSE;
    if (self->changes_content)
        sinter_qcow2_bitmap_marks_plan(self, SINTER_REPAIR_PASS_ENTRIES);
    return TRUE;
}

gboolean
sinter_qcow2_entries_run(SinterQcow2Round *self, GError **error)
{
    return (!self->changes_content || sinter_qcow2_bitmap_marks_write(self, error)) &&
           sinter_qcow2_edits_apply(self->edits, self->io, error);
}
