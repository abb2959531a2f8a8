/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterConvergence:
 *
 * Whether a mirror gains on its guest, and what to do when it does not. QEMU's commit has no mode
 * in which the guest waits for the copy, so a guest that writes faster than the copy runs keeps it
 * from READY for ever. The steps, each after a span without headway: lift the job's bandwidth
 * limit, halve the guest's write rate (three times at most), and at last hold the guest for a
 * stated longest pause. Once the pivot was asked for QEMU can no longer be told to stop, and still
 * waits for a moment without writes: then the guest is held again, as long each time. Pure: fed
 * with samples, it answers with an action; it does nothing itself.
 */
typedef struct {
    guint64 patience_usec;  /* no headway for so long: the next step */
    guint64 max_pause_usec; /* 0: the guest is never held */
    guint stage;
    guint64 best_remaining_bytes;
    gint64 best_time_usec;
    guint64 best_done_bytes;     /* what was copied by then */
    gint64 suspended_since_usec; /* 0: not held */
} SinterConvergence;

typedef enum {
    SINTER_CONVERGE_NOTHING,
    SINTER_CONVERGE_LIFT_BANDWIDTH,
    SINTER_CONVERGE_THROTTLE, /* set the guest's write limit to the given rate */
    SINTER_CONVERGE_SUSPEND,
    SINTER_CONVERGE_RESUME,  /* the longest pause is over */
    SINTER_CONVERGE_GIVE_UP, /* said once: it goes on as it is, a person should know */
} SinterConvergeAction;

typedef struct {
    gint64 now_usec; /* monotonic */
    guint64 remaining_bytes;
    guint64 done_bytes;         /* copied so far, again and again where the guest wrote */
    guint64 rate_bytes_per_sec; /* of the copy */
    gboolean bandwidth_limited;
    gboolean pivoting; /* there is no way back */
} SinterConvergenceSample;

void sinter_convergence_init(SinterConvergence *self, guint64 patience_usec,
                             guint64 max_pause_usec);

/* @ret_rate: (out): bytes a second for THROTTLE */
SinterConvergeAction sinter_convergence_sample(SinterConvergence *self,
                                               const SinterConvergenceSample *sample,
                                               guint64 *ret_rate);

/* Microseconds until the next sample is due because of a running pause; @otherwise when none is. */
guint64 sinter_convergence_next_sample_usec(const SinterConvergence *self, gint64 now_usec,
                                            guint64 otherwise);

G_END_DECLS
