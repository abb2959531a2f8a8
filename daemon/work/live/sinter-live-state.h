/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-chain-look.h"
#include "sinter-convergence.h"

G_BEGIN_DECLS

/* What is known about the end of the block job. */
typedef struct {
    gboolean asked;         /* its end was requested */
    gboolean heard_out;     /* already waited for an event that may be on its way */
    guint n_pivot_tries;    /* pivots that libvirt refused */
    gboolean refused;       /* the last pivot was refused; whether it happened is not yet known */
    guint n_lift_tries;     /* attempts to remove the guard from the definition */
    GError *forced_failure; /* why we ended the block job; the job fails with this error */
    char *qemu_reason;      /* why QEMU's job failed, if QEMU reported it */
} SinterLiveEnd;

/* What was changed on the guest, as far as the record does not contain it. */
typedef struct {
    gboolean settled;        /* what an earlier run of the daemon had changed was restored */
    gboolean flush_failed;   /* QEMU could not be made to flush: do not try again */
    guint n_tries;           /* attempts to restore the guest since the last success */
    SinterConvergence state; /* the steps taken so that the copy catches up */
} SinterLiveGuest;

/* The state of a job that runs as a QEMU block job. */
typedef struct {
    SinterChainLook look; /* must be first */
    SinterLiveEnd end;
    SinterLiveGuest guest;
    guint n_full_polls;    /* consecutive polls with everything copied and no event */
    gboolean space_logged; /* already logged that it waits for space that others may need */
} SinterLiveState;

static inline SinterLiveState *
sinter_live_state(const SinterJobRun *run)
{
    return run->state;
}

G_END_DECLS
