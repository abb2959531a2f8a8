/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The pass over the COPIED flags of the active disk: set exactly if the refcount is 1. Invariant:
 * only this bit of an entry changes, and it follows the refcounts as they are in the file when the
 * pass runs; entries that are damaged otherwise are left alone.
 */

#include "qcow2-repair-round.h"

#include <string.h>

/* Entries whose cells are loaded together. */
#define BATCH_BYTES 512

/* Plans or, with @writes, changes the flags. */
typedef struct {
    SinterQcow2Round *round;
    gboolean writes;
    guint8 *buf; /* the piece that is changed */
    gsize room;
} Walk;

/* Returns whether the flag of @entry, which refers to the cluster at @offset, must change. */
static gboolean
flag_is_wrong(const SinterQcow2Round *self, guint64 entry, guint64 offset)
{
    guint64 count = 1;

    if (!self->check->geo.external_data)
        count = sinter_qcow2_round_get_count(self, offset >> self->check->geo.cluster_bits);
    return (count == 1) != ((entry & SINTER_QCOW2_COPIED) != 0);
}

static gboolean
is_reachable(SinterQcow2Check *check, guint64 offset)
{
    return (offset & (check->geo.cluster_size - 1)) == 0 &&
           sinter_qcow2_check_fits(check, offset, check->geo.cluster_size) &&
           !sinter_qcow2_refcount_map_is_unknown(check->map, offset >> check->geo.cluster_bits);
}

static void
plan_flag(SinterQcow2Round *self, guint64 entry, guint64 guest, gboolean is_l1)
{
    gboolean clears = (entry & SINTER_QCOW2_COPIED) != 0;
    SinterRepairStep step = {
        .code = is_l1 ? (clears ? SINTER_FINDING_L1_COPIED_FALSE : SINTER_FINDING_L1_COPIED_MISSING)
                : clears ? SINTER_FINDING_L2_COPIED_FALSE
                         : SINTER_FINDING_L2_COPIED_MISSING,
        .guest_offset = guest,
        .host_offset = entry & SINTER_QCOW2_OFFSET_MASK,
        .old_value = entry,
        .new_value = entry ^ SINTER_QCOW2_COPIED,
        .refcount = self->check->geo.external_data
                        ? 1
                        : sinter_qcow2_round_get_count(self, (entry & SINTER_QCOW2_OFFSET_MASK) >>
                                                                 self->check->geo.cluster_bits),
    };

    sinter_repair_plan_add(&self->plan, &step);
}

static gboolean
l2_flag_is_wrong(const SinterQcow2Round *self, guint64 entry)
{
    SinterQcow2Check *check = self->check;
    guint64 offset = entry & SINTER_QCOW2_OFFSET_MASK;

    if ((entry & SINTER_QCOW2_COMPRESSED) || !sinter_qcow2_check_has_host(&check->geo, entry))
        return FALSE;
    return (check->geo.external_data || is_reachable(check, offset)) &&
           flag_is_wrong(self, entry, offset);
}

/* Copies the piece into the buffer before its first change. */
static guint8 *
walk_edit(Walk *self, const guint8 *data, gsize len)
{
    if (self->room < len) {
        self->buf = g_realloc(self->buf, len);
        self->room = len;
    }
    memcpy(self->buf, data, len);
    return self->buf;
}

/* The cells of scattered clusters are far apart in memory. */
static void
prefetch(const Walk *self, const guint8 *data, gsize from, gsize len)
{
    const SinterQcow2Check *check = self->round->check;
    gsize end = MIN(from + BATCH_BYTES, len);

    for (gsize i = from; i < end; i += check->geo.l2_entry_bytes)
        sinter_qcow2_refcount_map_prefetch(
            check->map,
            (sinter_be64_load(data + i) & SINTER_QCOW2_OFFSET_MASK) >> check->geo.cluster_bits);
}

static gboolean
walk_piece(guint index, guint64 at, const guint8 *data, gsize len, gpointer user_data,
           GError **error)
{
    Walk *self = user_data;
    const SinterQcow2Check *check = self->round->check;
    const SinterQcow2Geometry *geo = &check->geo;
    const SinterQcow2CheckTable *table =
        &g_array_index(check->tables, SinterQcow2CheckTable, index);
    guint64 first = ((guint64)table->l1_index << geo->l2_bits) + at / geo->l2_entry_bytes;
    guint8 *edited = NULL;
    gsize from = 0;
    gsize to = 0;

    if (table->n_active == 0 ||
        sinter_qcow2_round_overlaps(self->round, table->offset, geo->cluster_size))
        return TRUE;
    for (gsize i = 0; i < len; i += geo->l2_entry_bytes) {
        guint64 entry = sinter_be64_load(data + i);

        if (i % BATCH_BYTES == 0)
            prefetch(self, data, i, len);
        if (entry == 0 || !l2_flag_is_wrong(self->round, entry))
            continue;
        if (!self->writes) {
            plan_flag(self->round, entry, (first + i / geo->l2_entry_bytes) << geo->cluster_bits,
                      FALSE);
            continue;
        }
        if (!edited) {
            edited = walk_edit(self, data, len);
            from = i;
        }
        sinter_be64_store(edited + i, entry ^ SINTER_QCOW2_COPIED);
        to = i + 8;
    }
    return !edited || sinter_io_write(self->round->io, table->offset + at + from, edited + from,
                                      to - from, error);
}

/* The active L1 table; it is small. */
static gboolean
walk_l1(Walk *self, GError **error)
{
    SinterQcow2Check *check = self->round->check;
    const SinterQcow2CheckView *view = &g_array_index(check->views, SinterQcow2CheckView, 0);
    gsize bytes = (gsize)view->l1_entries * 8;
    g_autofree guint8 *table = g_malloc(MAX(bytes, 8));
    gboolean changed = FALSE;

    if (sinter_qcow2_round_overlaps(self->round, view->l1_offset, bytes))
        return TRUE;
    if (!sinter_qcow2_check_read(check, view->l1_offset, table, bytes, error))
        return FALSE;
    for (gsize i = 0; i < bytes; i += 8) {
        guint64 entry = sinter_be64_load(table + i);
        guint64 offset = entry & SINTER_QCOW2_OFFSET_MASK;

        if (offset == 0 || !is_reachable(check, offset) ||
            (sinter_qcow2_round_get_count(self->round, offset >> check->geo.cluster_bits) == 1) ==
                ((entry & SINTER_QCOW2_COPIED) != 0))
            continue;
        if (!self->writes)
            plan_flag(self->round, entry, sinter_qcow2_check_guest(check, i / 8), TRUE);
        sinter_be64_store(table + i, entry ^ SINTER_QCOW2_COPIED);
        changed = TRUE;
    }
    if (!self->writes || !changed)
        return TRUE;
    bytes = (gsize)MIN(bytes, check->stat.size_bytes - view->l1_offset);
    return sinter_io_write(self->round->io, view->l1_offset, table, bytes, error);
}

static gboolean
walk_run(SinterQcow2Round *round, gboolean writes, GError **error)
{
    Walk walk = { .round = round, .writes = writes };
    gboolean ok = walk_l1(&walk, error) &&
                  sinter_qcow2_check_walk_tables(round->check, walk_piece, &walk, error);

    g_free(walk.buf);
    return ok;
}

static guint64
count_wrong_flags(const SinterCheckResult *checked)
{
    return checked->per_code[SINTER_FINDING_L1_COPIED_FALSE] +
           checked->per_code[SINTER_FINDING_L1_COPIED_MISSING] +
           checked->per_code[SINTER_FINDING_L2_COPIED_FALSE] +
           checked->per_code[SINTER_FINDING_L2_COPIED_MISSING];
}

gboolean
sinter_qcow2_flags_plan(SinterQcow2Round *self, GError **error)
{
    guint64 n_wrong = count_wrong_flags(self->checked);
    gboolean counts_change = self->plan.n_allowed[SINTER_REPAIR_PASS_REFCOUNTS] > 0 ||
                             self->plan.n_allowed[SINTER_REPAIR_PASS_LEAKS] > 0;

    if (self->needs_structure || sinter_qcow2_round_header_is_doubtful(self) ||
        !self->check->reftable_usable || (n_wrong == 0 && !counts_change))
        return TRUE;
    /* like QEMU; a refcount that is lowered to 1 needs the flag, so that no damage is left */
    if (self->checked->counts.corruptions == n_wrong && self->checked->counts.errors == 0)
        self->plan.also_allowed |= SINTER_REPAIR_BIT(FLAGS);
    return walk_run(self, FALSE, error);
}

gboolean
sinter_qcow2_flags_run(SinterQcow2Round *self, GError **error)
{
    return walk_run(self, TRUE, error) && sinter_io_flush(self->io, error);
}
