/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-chain-look.h"
#include "sinter-convergence.h"

G_BEGIN_DECLS

/* What is known about the end of the block job. */
typedef struct {
    gboolean asked;         /* its end was asked for */
    gboolean heard_out;     /* an event that may be on its way was waited for */
    guint n_pivot_tries;    /* that libvirt refused */
    gboolean refused;       /* the last pivot was; whether it has happened is not yet known */
    guint n_lift_tries;     /* to remove the guard from the definition */
    GError *forced_failure; /* we ended the block job for this; the job fails with it */
    char *qemu_reason;      /* why QEMU's job failed, where QEMU told */
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
