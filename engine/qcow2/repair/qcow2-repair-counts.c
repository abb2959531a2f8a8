/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The passes that change refcounts in place. Invariant: refcounts grow before they shrink, and
 * shrink only where no damaged entry can have referred to the cluster; each change alone leaves the
 * image as sound as before, so a crash between them does no harm.
 */

#include "qcow2-count-blocks.h"
#include "qcow2-repair-round.h"
#include "qcow2/check/qcow2-refcount-compare.h"

/* --- the plan --- */

static const char maybe_lost[] =
    "it may hold lost data: search it with 'sinter-img rescue'; '--also free-leaks' frees it";

static const char *
reason_against(const SinterQcow2Round *self, const SinterRepairStep *step)
{
    if (sinter_qcow2_round_header_is_doubtful(self))
        return "the header is damaged, and the cluster size in it may be wrong";
    if (self->needs_structure && self->no_structure)
        return "the refcounts cannot be rebuilt";
    if (self->needs_structure)
        return sinter_repair_plan_allows(&self->plan, SINTER_FINDING_REFCOUNT_UNKNOWN)
                   ? NULL
                   : "'-r all' must rebuild the refcounts first";
    if (step->code == SINTER_FINDING_REFCOUNT_TOO_LOW)
        return step->new_value > step->old_value
                   ? NULL
                   : "the cluster holds metadata and is used elsewhere too";
    if (!self->mapping_is_sound)
        return "damaged entries may have referred to the cluster";
    return self->leaks_are_unused ? NULL : maybe_lost;
}

/* Plans; steps that are only counted are collected while they are alike. */
typedef struct {
    SinterQcow2Round *round;
    SinterRepairStep alike; /* its times: how many */
    const char *reason;     /* of these */
} Planner;

static void
planner_flush(Planner *self)
{
    self->alike.reason = g_strdup(self->reason);
    if (self->alike.times > 0)
        sinter_repair_plan_add(&self->round->plan, &self->alike);
    self->alike = (SinterRepairStep){ 0 };
}

static void
planner_add(Planner *self, SinterRepairStep *step, const char *reason)
{
    if (sinter_repair_plan_wants(&self->round->plan, step->code)) {
        step->reason = g_strdup(reason);
        sinter_repair_plan_add(&self->round->plan, step);
        return;
    }
    if (self->alike.times > 0 && (self->alike.code != step->code || self->reason != reason))
        planner_flush(self);
    step->times = self->alike.times + 1;
    self->alike = *step;
    self->reason = reason;
}

static void
plan_count(guint64 cluster, guint64 stored, guint64 refs, gpointer user_data)
{
    Planner *planner = user_data;
    SinterQcow2Round *self = planner->round;
    guint64 wanted = MIN(refs, self->check->map->refcount_max);
    SinterRepairStep step = {
        .code = stored < wanted ? SINTER_FINDING_REFCOUNT_TOO_LOW
                : wanted == 0   ? SINTER_FINDING_CLUSTER_LEAKED
                                : SINTER_FINDING_REFCOUNT_TOO_HIGH,
        .guest_offset = SINTER_OFFSET_NONE,
        .host_offset = cluster << self->check->geo.cluster_bits,
        .old_value = stored,
        .new_value = wanted,
    };

    if (stored == wanted || (stored > wanted && self->check->guest_unreached))
        return;
    if (stored < wanted && !self->needs_structure)
        step.new_value = sinter_qcow2_round_raise_count(self, cluster, stored, wanted);
    planner_add(planner, &step, reason_against(self, &step));
}

gboolean
sinter_qcow2_counts_plan(SinterQcow2Round *self, GError **error)
{
    Planner planner = { .round = self };
    guint64 end;

    if (self->check->reftable_usable)
        sinter_qcow2_refcount_map_compare(self->check->map, self->n_clusters, plan_count, &planner,
                                          &end);
    planner_flush(&planner);
    return TRUE;
}

/* --- the work --- */

typedef struct {
    SinterQcow2Round *round;
    SinterQcow2CountBlocks blocks;
    gboolean raises;
    GError *error; /* the first */
} Counts;

static void
counts_change(guint64 cluster, guint64 stored, guint64 refs, gpointer user_data)
{
    Counts *self = user_data;
    guint64 wanted = sinter_qcow2_round_get_count(self->round, cluster);

    if (!self->error && wanted != stored && (wanted > stored) == self->raises)
        sinter_qcow2_count_blocks_set(&self->blocks, cluster, wanted, &self->error);
}

static gboolean
counts_run(SinterQcow2Round *round, gboolean raises, GError **error)
{
    Counts counts = { .round = round, .raises = raises };
    guint64 end;

    sinter_qcow2_count_blocks_init(&counts.blocks, round->check);
    sinter_qcow2_refcount_map_compare(round->check->map, round->n_clusters, counts_change, &counts,
                                      &end);
    if (!counts.error)
        sinter_qcow2_count_blocks_finish(&counts.blocks, &counts.error);
    sinter_qcow2_count_blocks_clear(&counts.blocks);
    if (!counts.error)
        return TRUE;
    g_propagate_error(error, counts.error);
    return FALSE;
}

gboolean
sinter_qcow2_counts_raise(SinterQcow2Round *self, GError **error)
{
    return counts_run(self, TRUE, error);
}

gboolean
sinter_qcow2_counts_lower(SinterQcow2Round *self, GError **error)
{
    return counts_run(self, FALSE, error);
}
