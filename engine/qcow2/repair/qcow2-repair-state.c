/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The pass that clears the marks of an image: not closed cleanly, found damaged, leaked clusters
 * are kept. Invariant: the first two are cleared only after a check that finds neither corruption
 * nor errors, the last one only after a check that finds no leaks.
 */

#include "qcow2-repair-keep.h"
#include "qcow2/layout/qcow2-root.h"

#define MARKS (SINTER_QCOW2_INCOMPAT_DIRTY | SINTER_QCOW2_INCOMPAT_CORRUPT)

static gboolean
leaves_damage(const SinterRepairPlan *plan)
{
    for (guint i = 0; i < plan->steps->len; i++) {
        const SinterRepairStep *step = &g_array_index(plan->steps, SinterRepairStep, i);
        SinterFindingClass klass = sinter_finding_code_class(step->code);

        if (step->state == SINTER_REPAIR_LEFT &&
            (klass == SINTER_FINDING_CORRUPTION || klass == SINTER_FINDING_ERROR))
            return TRUE;
    }
    return FALSE;
}

gboolean
sinter_qcow2_state_plan(SinterQcow2Round *self, GError **error)
{
    const char *reason = leaves_damage(&self->plan) || !self->checked->complete
                             ? "it is cleared when a check finds no damage"
                             : NULL;

    sinter_qcow2_round_add_findings(self, SINTER_FINDING_IMAGE_DIRTY, reason);
    sinter_qcow2_round_add_findings(self, SINTER_FINDING_IMAGE_CORRUPT, reason);
    sinter_qcow2_round_add_findings(self, SINTER_FINDING_LEAKS_KEPT,
                                    self->checked->counts.leaks > 0 &&
                                            !(self->options->choices & SINTER_REPAIR_FREE_LEAKS)
                                        ? "leaked clusters are kept; '--also free-leaks' frees them"
                                        : NULL);
    return TRUE;
}

static gboolean
is_planned(const SinterRepairPlan *plan, SinterFindingCode code)
{
    for (guint i = 0; i < plan->steps->len; i++) {
        const SinterRepairStep *step = &g_array_index(plan->steps, SinterRepairStep, i);

        if (step->code == code && step->pass == SINTER_REPAIR_PASS_STATE &&
            step->state == SINTER_REPAIR_PLANNED)
            return TRUE;
    }
    return FALSE;
}

gboolean
sinter_qcow2_state_run(SinterQcow2Round *self, GError **error)
{
    SinterQcow2Root root = sinter_qcow2_root_of(self->check->header);

    root.incompatible &= ~MARKS;
    if ((is_planned(&self->plan, SINTER_FINDING_IMAGE_DIRTY) ||
         is_planned(&self->plan, SINTER_FINDING_IMAGE_CORRUPT)) &&
        !sinter_qcow2_root_write(self->io, self->check->header, &root, error))
        return FALSE;
    return !is_planned(&self->plan, SINTER_FINDING_LEAKS_KEPT) ||
           sinter_qcow2_round_record_leaks(self, FALSE, error);
}
