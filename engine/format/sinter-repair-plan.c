/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Collects the steps of a repair and decides which of them the options allow. Invariant: each
 * finding is in one step; of each code the first steps are kept, and one more stands for the rest.
 */

#include "sinter-repair-plan.h"

static void
step_clear(gpointer data)
{
    SinterRepairStep *self = data;

    g_free(self->evidence);
    g_free(self->reason);
}

static GArray *
steps_new(void)
{
    GArray *steps = g_array_new(FALSE, FALSE, sizeof(SinterRepairStep));

    g_array_set_clear_func(steps, step_clear);
    return steps;
}

SinterRepairResult *
sinter_repair_result_new(void)
{
    SinterRepairResult *self = g_new0(SinterRepairResult, 1);

    self->steps = steps_new();
    return self;
}

void
sinter_repair_result_free(SinterRepairResult *result)
{
    if (!result)
        return;
    sinter_check_result_free(result->before);
    sinter_check_result_free(result->after);
    g_array_unref(result->steps);
    g_free(result);
}

const SinterCheckResult *
sinter_repair_result_get_state(const SinterRepairResult *result)
{
    return result->after ? result->after : result->before;
}

void
sinter_repair_plan_init(SinterRepairPlan *self, const SinterRepairOptions *options)
{
    *self = (SinterRepairPlan){ .options = options, .steps = steps_new() };
}

void
sinter_repair_plan_clear(SinterRepairPlan *self)
{
    g_clear_pointer(&self->steps, g_array_unref);
}

/* NULL: allowed. */
static const char *
reason_against(const SinterRepairPlan *self, SinterFindingCode code)
{
    SinterRepairPass pass = sinter_repair_code_pass(code);

    if (pass != SINTER_REPAIR_PASS_NONE && (self->also_allowed >> pass) & 1)
        return NULL;
    switch (sinter_repair_code_when(code)) {
    case SINTER_REPAIR_WITH_LEAKS:
        return NULL;
    case SINTER_REPAIR_WITH_ALL:
    case SINTER_REPAIR_WITH_CHOICE:
        return self->options->level >= SINTER_REPAIR_ALL ? NULL : "'-r all' is needed";
    default:
        return sinter_finding_code_fix(code) == SINTER_FIX_NEWER
                   ? "a program that supports the feature is needed"
                   : "there is no repair for this kind of damage";
    }
}

gboolean
sinter_repair_plan_allows(const SinterRepairPlan *self, SinterFindingCode code)
{
    return !reason_against(self, code);
}

gboolean
sinter_repair_plan_wants(const SinterRepairPlan *self, SinterFindingCode code)
{
    guint max = self->options->check.max_per_code;

    return self->n_kept[code] < (max > 0 ? max : SINTER_CHECK_MAX_PER_CODE);
}

/* Adds @step to the one that stands for the rest of its code and state. */
static void
plan_merge(SinterRepairPlan *self, SinterRepairStep *step)
{
    for (guint i = self->steps->len; i-- > 0;) {
        SinterRepairStep *one = &g_array_index(self->steps, SinterRepairStep, i);

        if (one->code != step->code || one->state != step->state ||
            one->guest_offset != SINTER_OFFSET_NONE || one->host_offset != SINTER_OFFSET_NONE)
            continue;
        one->times += step->times;
        step_clear(step);
        return;
    }
    step->guest_offset = step->host_offset = SINTER_OFFSET_NONE;
    step->old_value = step->new_value = 0;
    g_clear_pointer(&step->evidence, g_free);
    g_array_append_val(self->steps, *step);
}

/* Counts the step, and keeps it or adds it to the one for the rest. */
static void
plan_take(SinterRepairPlan *self, SinterRepairStep *step)
{
    step->times = MAX(step->times, 1);
    if (step->state == SINTER_REPAIR_PLANNED)
        self->n_allowed[step->pass]++;
    self->n_findings[step->code] += step->times;
    if (!sinter_repair_plan_wants(self, step->code)) {
        plan_merge(self, step);
        return;
    }
    self->n_kept[step->code]++;
    g_array_append_val(self->steps, *step);
}

gboolean
sinter_repair_plan_add(SinterRepairPlan *self, SinterRepairStep *step)
{
    const char *against = step->reason ? step->reason : reason_against(self, step->code);

    step->pass = sinter_repair_code_pass(step->code);
    step->safety = sinter_repair_code_safety(step->code);
    step->state = against ? SINTER_REPAIR_LEFT : SINTER_REPAIR_PLANNED;
    if (against && !step->reason)
        step->reason = g_strdup(against);
    plan_take(self, step);
    return !against;
}

void
sinter_repair_plan_add_to_pass(SinterRepairPlan *self, SinterRepairStep *step,
                               SinterRepairPass pass, SinterRepairSafety safety)
{
    step->pass = pass;
    step->safety = safety;
    step->state = SINTER_REPAIR_PLANNED;
    plan_take(self, step);
}

gboolean
sinter_repair_plan_is_ready(const SinterRepairPlan *self, SinterRepairPass pass)
{
    guint after = sinter_repair_pass_after(pass);

    for (guint i = 0; i < SINTER_REPAIR_N_PASSES; i++) {
        if ((after >> i) & 1 && self->n_allowed[i] > 0)
            return FALSE;
    }
    return self->n_allowed[pass] > 0;
}

void
sinter_repair_plan_add_rest(SinterRepairPlan *self, const SinterCheckResult *check)
{
    for (guint code = 0; code < SINTER_FINDING_N_CODES; code++) {
        SinterRepairStep step = {
            .code = (SinterFindingCode)code,
            .guest_offset = SINTER_OFFSET_NONE,
            .host_offset = SINTER_OFFSET_NONE,
        };
        const char *against = reason_against(self, step.code);

        if (check->per_code[code] <= self->n_findings[code] ||
            sinter_finding_code_class(step.code) == SINTER_FINDING_NOTE)
            continue;
        step.times = check->per_code[code] - self->n_findings[code];
        step.reason = g_strdup(against ? against : "other damage has to be repaired first");
        sinter_repair_plan_add(self, &step);
    }
}

void
sinter_repair_plan_mark_done(SinterRepairPlan *self, SinterRepairPass pass)
{
    for (guint i = 0; i < self->steps->len; i++) {
        SinterRepairStep *step = &g_array_index(self->steps, SinterRepairStep, i);

        if (step->pass == pass && step->state == SINTER_REPAIR_PLANNED)
            step->state = SINTER_REPAIR_DONE;
    }
}

void
sinter_repair_plan_mark_left(SinterRepairPlan *self, SinterRepairPass pass, const char *reason)
{
    for (guint i = 0; i < self->steps->len; i++) {
        SinterRepairStep *step = &g_array_index(self->steps, SinterRepairStep, i);

        if (step->pass != pass || step->state != SINTER_REPAIR_PLANNED)
            continue;
        step->state = SINTER_REPAIR_LEFT;
        step->reason = g_strdup(reason);
    }
}

void
sinter_repair_plan_move(SinterRepairPlan *self, SinterRepairState state, SinterRepairResult *result)
{
    for (guint i = 0; i < self->steps->len; i++) {
        SinterRepairStep *step = &g_array_index(self->steps, SinterRepairStep, i);

        if (step->state != state)
            continue;
        g_array_append_val(result->steps, *step);
        step->evidence = step->reason = NULL;
    }
}
