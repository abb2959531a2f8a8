/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The escalation towards READY as a small automaton over samples. What holds: the steps come in
 * the order of the table, each only after a whole span of patience without headway, and a pause
 * of the guest is answered by RESUME at the latest when it is over.
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

/* Headway is a new low by at least a hundredth; noise around the same level is none. */
static gboolean
has_headway(const SinterConvergence *self, guint64 remaining_bytes)
{
    guint64 best = self->best_remaining_bytes;

    return remaining_bytes < best - best / 100;
}

static gboolean
stage_applies(const SinterConvergence *self, SinterConvergeAction action,
              const SinterConvergenceSample *sample)
{
    if (action == SINTER_CONVERGE_LIFT_BANDWIDTH)
        return sample->bandwidth_limited;
    if (action == SINTER_CONVERGE_SUSPEND)
        return self->max_pause_usec > 0;
    return TRUE;
}

static SinterConvergeAction
escalate(SinterConvergence *self, const SinterConvergenceSample *sample, guint64 *ret_rate)
{
    while (self->stage < G_N_ELEMENTS(stages)) {
        guint n_before = self->stage;
        SinterConvergeAction action = stages[self->stage++];

        if (!stage_applies(self, action, sample))
            continue;
        if (action == SINTER_CONVERGE_SUSPEND)
            self->suspended_since_usec = sample->now_usec;
        if (action == SINTER_CONVERGE_THROTTLE)
            /* a half of what the copy manages, then a quarter, then an eighth */
            *ret_rate = MAX(sample->rate_bytes_per_sec >> n_before, THROTTLE_FLOOR_BYTES_PER_SEC);
        return action;
    }
    return SINTER_CONVERGE_NOTHING;
}

SinterConvergeAction
sinter_convergence_sample(SinterConvergence *self, const SinterConvergenceSample *sample,
                          guint64 *ret_rate)
{
    if (self->suspended_since_usec) {
        if (sample->now_usec - self->suspended_since_usec < (gint64)self->max_pause_usec)
            return SINTER_CONVERGE_NOTHING;
        self->suspended_since_usec = 0;
        self->best_time_usec = sample->now_usec;
        return SINTER_CONVERGE_RESUME;
    }
    if (self->best_remaining_bytes == G_MAXUINT64 || has_headway(self, sample->remaining_bytes)) {
        self->best_remaining_bytes = sample->remaining_bytes;
        self->best_time_usec = sample->now_usec;
        return SINTER_CONVERGE_NOTHING;
    }
    if (sample->now_usec - self->best_time_usec < (gint64)self->patience_usec)
        return SINTER_CONVERGE_NOTHING;
    self->best_time_usec = sample->now_usec;
    self->best_remaining_bytes = sample->remaining_bytes;
    return escalate(self, sample, ret_rate);
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
