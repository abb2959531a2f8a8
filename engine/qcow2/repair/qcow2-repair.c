/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Repairs a qcow2 image in rounds of check, plan and work, until a check finds nothing that may be
 * repaired. Invariant: a pass works on the state that the check of its round found; what a dry run
 * returns is the plan of the first round.
 */

#include "qcow2-repair.h"
#include "qcow2-repair-round.h"
#include "qcow2-snapshot-restore.h"
#include "sinter-error.h"

/* Each pass runs at most a few times; more rounds would mean that repairs undo each other. */
#define MAX_ROUNDS (SINTER_REPAIR_N_PASSES + 4)

typedef gboolean (*PassFunc)(SinterQcow2Round *self, GError **error);

/* plan: NULL if the pass before plans both */
static const struct {
    PassFunc plan;
    PassFunc run;
} passes[SINTER_REPAIR_N_PASSES] = {
    [SINTER_REPAIR_PASS_KEEP_LEAKS] = { sinter_qcow2_keep_plan, sinter_qcow2_keep_run },
    [SINTER_REPAIR_PASS_HEADER] = { sinter_qcow2_header_plan, sinter_qcow2_header_run },
    [SINTER_REPAIR_PASS_REFCOUNT_STRUCTURE] = { sinter_qcow2_structure_plan,
                                                sinter_qcow2_structure_run },
    [SINTER_REPAIR_PASS_SNAPSHOTS] = { sinter_qcow2_snapshots_plan, sinter_qcow2_snapshots_run },
    [SINTER_REPAIR_PASS_BITMAPS] = { sinter_qcow2_bitmaps_plan, sinter_qcow2_bitmaps_run },
    [SINTER_REPAIR_PASS_ENTRIES] = { sinter_qcow2_entries_plan, sinter_qcow2_entries_run },
    [SINTER_REPAIR_PASS_SHARED] = { sinter_qcow2_separate_plan, sinter_qcow2_separate_run },
    [SINTER_REPAIR_PASS_REFCOUNTS] = { sinter_qcow2_counts_plan, sinter_qcow2_counts_raise },
    [SINTER_REPAIR_PASS_LEAKS] = { NULL, sinter_qcow2_counts_lower },
    [SINTER_REPAIR_PASS_FLAGS] = { sinter_qcow2_flags_plan, sinter_qcow2_flags_run },
    [SINTER_REPAIR_PASS_STATE] = { sinter_qcow2_state_plan, sinter_qcow2_state_run },
};

/* The last pass depends on what all others leave. */
static gboolean
round_plan(SinterQcow2Round *self, GError **error)
{
    for (guint i = 0; i < SINTER_REPAIR_N_PASSES; i++) {
        if (i == SINTER_REPAIR_PASS_STATE)
            sinter_repair_plan_add_rest(&self->plan, self->checked);
        if (!self->check->stopped && passes[i].plan && !passes[i].plan(self, error))
            return FALSE;
    }
    return TRUE;
}

/* FALSE: the repair must end. */
static gboolean
round_run_pass(SinterQcow2Round *self, SinterRepairPass pass, gboolean *ret_changed, GError **error)
{
    g_autoptr(GError) refused = NULL;

    if (passes[pass].run(self, &refused)) {
        sinter_repair_plan_mark_done(&self->plan, pass);
        *ret_changed = TRUE;
        return TRUE;
    }
    if (!g_error_matches(refused, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED)) {
        g_propagate_error(error, g_steal_pointer(&refused));
        return FALSE;
    }
    sinter_repair_plan_mark_left(&self->plan, pass, refused->message);
    /* the other passes are planned anew without the record */
    *ret_changed = *ret_changed || pass == SINTER_REPAIR_PASS_KEEP_LEAKS;
    return TRUE;
}

/* Carries out the passes that are ready. */
static gboolean
round_run(SinterQcow2Round *self, gboolean *ret_changed, GError **error)
{
    gboolean ready[SINTER_REPAIR_N_PASSES];

    for (guint i = 0; i < SINTER_REPAIR_N_PASSES; i++)
        ready[i] = sinter_repair_plan_is_ready(&self->plan, (SinterRepairPass)i);
    for (guint i = 0; i < SINTER_REPAIR_N_PASSES; i++) {
        if (ready[i] && !round_run_pass(self, (SinterRepairPass)i, ret_changed, error))
            return FALSE;
    }
    return TRUE;
}

/* Keeps the check: the first one is @before, each later one replaces @after. */
static void
result_take_check(SinterRepairResult *result, SinterQcow2Round *round)
{
    SinterCheckResult **at = result->before ? &result->after : &result->before;

    g_clear_pointer(at, sinter_check_result_free);
    *at = g_steal_pointer(&round->checked);
}

static gboolean
repair_round(SinterQcow2Round *round, SinterRepairResult *result, gboolean *ret_changed,
             GError **error)
{
    if (!round_plan(round, error) ||
        (!round->options->dry_run && !round_run(round, ret_changed, error)))
        return FALSE;
    sinter_repair_plan_move(&round->plan, SINTER_REPAIR_DONE, result);
    if (!*ret_changed) {
        /* passes whose input another one could not repair */
        for (guint i = 0; !round->options->dry_run && i < SINTER_REPAIR_N_PASSES; i++)
            sinter_repair_plan_mark_left(&round->plan, (SinterRepairPass)i,
                                         "other damage has to be repaired first");
        sinter_repair_plan_move(&round->plan, SINTER_REPAIR_PLANNED, result);
        sinter_repair_plan_move(&round->plan, SINTER_REPAIR_LEFT, result);
    }
    result_take_check(result, round);
    return TRUE;
}

/* Adds to what the caller wants what follows from it. */
static SinterRepairOptions
complete_options(const SinterRepairOptions *options)
{
    SinterRepairOptions how = *options;

    /* what only the former state of the disk referred to is given up */
    if (options->from_snapshot && !options->dry_run)
        how.choices |= SINTER_REPAIR_FREE_LEAKS;
    if (!(how.choices & SINTER_REPAIR_FREE_LEAKS))
        how.check.flags |= SINTER_CHECK_ALL_LEAKS;
    return how;
}

gboolean
sinter_qcow2_repair(const SinterFormatFile *file, const SinterRepairOptions *options,
                    SinterRepairResult *result, GError **error)
{
    const SinterRepairOptions how = complete_options(options);
    gboolean changed = TRUE;
    gboolean cannot_record = FALSE;

    if (options->from_snapshot && !options->dry_run &&
        !sinter_qcow2_snapshot_restore(file->io, options, options->from_snapshot, error))
        return FALSE;
    for (guint i = 0; changed; i++) {
        SinterQcow2Round round = { .cannot_record = cannot_record };
        gboolean ok = sinter_qcow2_round_begin(&round, file->io, &how, error);

        changed = FALSE;
        ok = ok && repair_round(&round, result, &changed, error);
        cannot_record = round.cannot_record;
        sinter_qcow2_round_end(&round);
        if (!ok)
            return FALSE;
        if (changed && i == MAX_ROUNDS) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                        "the repair does not come to an end; nothing is certain about the image");
            return FALSE;
        }
    }
    return TRUE;
}
