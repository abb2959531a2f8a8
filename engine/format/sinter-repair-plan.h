/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The plan of one round of a repair: steps, of each code up to a limit, and the number of steps
 * that the caller's options allow, by pass. Memory is bounded, whatever the image contains.
 */

#include "sinter/repair.h"

G_BEGIN_DECLS

SinterRepairResult *sinter_repair_result_new(void);

typedef struct {
    const SinterRepairOptions *options;
    guint
        also_allowed; /* passes that are allowed regardless of the level, as SINTER_REPAIR_BIT() */
    GArray *steps;    /* of SinterRepairStep */
    guint64 n_allowed[SINTER_REPAIR_N_PASSES];
    guint64 n_findings[SINTER_FINDING_N_CODES]; /* that the steps of common codes stand for */
    guint n_kept[SINTER_FINDING_N_CODES];
} SinterRepairPlan;

void sinter_repair_plan_init(SinterRepairPlan *self, const SinterRepairOptions *options);
void sinter_repair_plan_clear(SinterRepairPlan *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterRepairPlan, sinter_repair_plan_clear)

/* Returns whether the options allow repairs of @code, a common one. */
gboolean sinter_repair_plan_allows(const SinterRepairPlan *self, SinterFindingCode code);

/* Returns whether the next step of @code would be kept, not only counted. */
gboolean sinter_repair_plan_wants(const SinterRepairPlan *self, SinterFindingCode code);

/*
 * For codes whose repair needs a choice, the pass gives a reason unless the choice was made.
 *
 * Adds a step with the pass and the safety that the table states for its code, which must be a
 * common one, and takes ownership of its texts. It is PLANNED if the options allow it and it has no
 * reason, otherwise LEFT. Returns TRUE if it is PLANNED.
 */
gboolean sinter_repair_plan_add(SinterRepairPlan *self, SinterRepairStep *step);

/* Adds a step that the options allow with another pass and safety than the table states. */
void sinter_repair_plan_add_to_pass(SinterRepairPlan *self, SinterRepairStep *step,
                                    SinterRepairPass pass, SinterRepairSafety safety);

/* Returns whether @pass has steps that are allowed, and none of the passes before it has. */
gboolean sinter_repair_plan_is_ready(const SinterRepairPlan *self, SinterRepairPass pass);

/* Adds a step that is LEFT for all findings of @check that no other step stands for. */
void sinter_repair_plan_add_rest(SinterRepairPlan *self, const SinterCheckResult *check);

/* Marks the steps of @pass that are PLANNED as DONE. */
void sinter_repair_plan_mark_done(SinterRepairPlan *self, SinterRepairPass pass);

/* Marks the steps of @pass that are PLANNED as LEFT. */
void sinter_repair_plan_mark_left(SinterRepairPlan *self, SinterRepairPass pass,
                                  const char *reason);

/* Moves the steps in @state into @result. */
void sinter_repair_plan_move(SinterRepairPlan *self, SinterRepairState state,
                             SinterRepairResult *result);

G_END_DECLS
