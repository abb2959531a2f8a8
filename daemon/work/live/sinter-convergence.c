/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The escalation towards READY as a small state machine over samples. Invariant: the steps follow
 * the order of the table, each after a full patience period without headway; every pause of the
 * guest is followed by RESUME when the pause is over at the latest. A copy that is large or slow
 * but catches up with its guest is left alone, however long it takes.
 */

#include "sinter-convergence.h"

#define THROTTLE_FLOOR_BYTES_PER_SEC (1024 * 1024)

static const SinterConvergeAction stages[] = {
    SINTER_CONVERGE_LIFT_BANDWIDTH, SINTER_CONVERGE_THROTTLE, SINTER_CONVERGE_THROTTLE,
    SINTER_CONVERGE_THROTTLE,       SINTER_CONVERGE_SUSPEND,  SINTER_CONVERGE_GIVE_UP,
};

void
sinter_convergence_init(SinterConvergence *self, guint64 patience_usec, guint64 max_pause_usec)
{
    *self = (SinterConvergence){
        .patience_usec = patience_usec,
        .max_pause_usec = max_pause_usec,
        .best_remaining_bytes = G_MAXUINT64,
    };
}

/* A new minimum, lower by at least a hundredth; smaller changes are noise. */
static gboolean
is_new_low(const SinterConvergence *self, guint64 remaining_bytes)
{
    guint64 best = self->best_remaining_bytes;

    return remaining_bytes < best - best / 100;
}

/* Returns whether an eighth of the data copied since the last minimum was headway: the copy then
 * ends in finite time, even if the next hundredth takes hours. */
static gboolean
gains(const SinterConvergence *self, const SinterConvergenceSample *sample)
{
    guint64 best = self->best_remaining_bytes;
    guint64 gain = best > sample->remaining_bytes ? best - sample->remaining_bytes : 0;
    guint64 copied =
        sample->done_bytes > self->best_done_bytes ? sample->done_bytes - self->best_done_bytes : 0;

    return gain > 0 && gain >= copied / 8;
}

static void
begin_span(SinterConvergence *self, const SinterConvergenceSample *sample)
{
    self->best_remaining_bytes = sample->remaining_bytes;
    self->best_done_bytes = sample->done_bytes;
    self->best_time_usec = sample->now_usec;
}

static gboolean
stage_applies(const SinterConvergence *self, SinterConvergeAction action,
              const SinterConvergenceSample *sample)
{
    if (action == SINTER_CONVERGE_LIFT_BANDWIDTH)
        return sample->bandwidth_limited;
    if (action == SINTER_CONVERGE_SUSPEND)
        return self->max_pause_usec > 0;
    return action != SINTER_CONVERGE_GIVE_UP || !self->given_up;
}

/* The last stage but one: suspend the guest. */
#define LAST_RESORT (G_N_ELEMENTS(stages) - 2)

static SinterConvergeAction
escalate(SinterConvergence *self, const SinterConvergenceSample *sample, guint64 *ret_rate)
{
    for (guint n = 0; n < G_N_ELEMENTS(stages); n++) {
        guint n_before = self->stage;
        SinterConvergeAction action = stages[n_before];

        self->stage = n_before + 1 < G_N_ELEMENTS(stages) ? n_before + 1 : LAST_RESORT;
        if (!stage_applies(self, action, sample))
            continue;
        if (action == SINTER_CONVERGE_GIVE_UP)
            self->given_up = TRUE;
        if (action == SINTER_CONVERGE_SUSPEND)
            self->suspended_since_usec = sample->now_usec;
        if (action == SINTER_CONVERGE_THROTTLE)
            /* half of the copy's rate, then a quarter, then an eighth */
            *ret_rate = MAX(sample->rate_bytes_per_sec >> n_before, THROTTLE_FLOOR_BYTES_PER_SEC);
        return action;
    }
    return SINTER_CONVERGE_NOTHING;
}

SinterConvergeAction
sinter_convergence_sample(SinterConvergence *self, const SinterConvergenceSample *sample,
                          guint64 *ret_rate)
{
    gboolean headway;

    if (self->suspended_since_usec) {
        if (sample->now_usec - self->suspended_since_usec < (gint64)self->max_pause_usec)
            return SINTER_CONVERGE_NOTHING;
        self->suspended_since_usec = 0;
        self->best_time_usec = sample->now_usec;
        return SINTER_CONVERGE_RESUME;
    }
    if (self->best_remaining_bytes == G_MAXUINT64 || is_new_low(self, sample->remaining_bytes)) {
        begin_span(self, sample);
        return SINTER_CONVERGE_NOTHING;
    }
    if (sample->now_usec - self->best_time_usec < (gint64)self->patience_usec)
        return SINTER_CONVERGE_NOTHING;
    headway = gains(self, sample);
    begin_span(self, sample);
    return headway ? SINTER_CONVERGE_NOTHING : escalate(self, sample, ret_rate);
}

guint64
sinter_convergence_next_sample_usec(const SinterConvergence *self, gint64 now_usec,
                                    guint64 otherwise)
{
    gint64 left;

    if (!self->suspended_since_usec)
        return otherwise;
    left = self->suspended_since_usec + (gint64)self->max_pause_usec - now_usec;
    return left <= 0 ? 0 : MIN((guint64)left, otherwise);
}
