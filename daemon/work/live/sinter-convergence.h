/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterConvergence:
 *
 * Decides whether a mirror catches up with its guest, and what to do if it does not. QEMU's commit
 * has no mode in which the guest waits for the copy, so a guest that writes faster than the copy
 * runs keeps it from READY forever. The steps, each after a period without headway: lift the job's
 * bandwidth limit, halve the guest's write rate (three times at most), and finally suspend the
 * guest for a limited time, again and again after the same period without headway. After the pivot
 * was requested, QEMU can no longer be told to stop but still waits for a moment without writes.
 * Pure: gets samples and returns an action; performs nothing itself.
 */
typedef struct {
    guint64 patience_usec;  /* the next step follows after this long without headway */
    guint64 max_pause_usec; /* 0: never suspend the guest */
    guint stage;
    gboolean given_up; /* GIVE_UP was returned */
    guint64 best_remaining_bytes;
    gint64 best_time_usec;
    guint64 best_done_bytes;     /* bytes copied at that time */
    gint64 suspended_since_usec; /* 0: not suspended */
} SinterConvergence;

typedef enum {
    SINTER_CONVERGE_NOTHING,
    SINTER_CONVERGE_LIFT_BANDWIDTH,
    SINTER_CONVERGE_THROTTLE, /* set the guest's write limit to the given rate */
    SINTER_CONVERGE_SUSPEND,
    SINTER_CONVERGE_RESUME,  /* the maximum pause is over */
    SINTER_CONVERGE_GIVE_UP, /* returned once: all steps were taken, an administrator should know */
} SinterConvergeAction;

typedef struct {
    gint64 now_usec; /* monotonic */
    guint64 remaining_bytes;
    guint64 done_bytes;         /* bytes copied so far; areas that the guest wrote again count
                                 * again */
    guint64 rate_bytes_per_sec; /* of the copy */
    gboolean bandwidth_limited;
} SinterConvergenceSample;

void sinter_convergence_init(SinterConvergence *self, guint64 patience_usec,
                             guint64 max_pause_usec);

/* @ret_rate: (out): bytes per second for THROTTLE */
SinterConvergeAction sinter_convergence_sample(SinterConvergence *self,
                                               const SinterConvergenceSample *sample,
                                               guint64 *ret_rate);

/* Microseconds until a running pause requires the next sample; @otherwise without a pause. */
guint64 sinter_convergence_next_sample_usec(const SinterConvergence *self, gint64 now_usec,
                                            guint64 otherwise);

G_END_DECLS
