/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-chain-look.h"
#include "sinter-convergence.h"

G_BEGIN_DECLS

/* What is known of the end of the block job. */
typedef struct {
    gboolean asked;         /* its end was asked for */
    gboolean heard_out;     /* an event that may be on its way was waited for */
    guint n_pivot_tries;    /* that libvirt refused */
    GError *forced_failure; /* we ended the block job for this; the job fails with it */
    char *qemu_reason;      /* why QEMU's job failed, where QEMU told */
} SinterLiveEnd;

/* What was taken from the guest, as far as the record does not say it. */
typedef struct {
    gboolean settled;        /* what an earlier run of the daemon had taken was given back */
    gboolean flush_failed;   /* QEMU could not be made to flush: not tried again */
    guint n_tries;           /* to give it back, since that last worked */
    SinterConvergence state; /* what is done so that the copy catches up */
} SinterLiveGuest;

/* The state of a job that runs as a block job of QEMU. */
typedef struct {
    SinterChainLook look; /* first */
    SinterLiveEnd end;
    SinterLiveGuest guest;
    guint n_full_polls;    /* looks in a row at which all was copied and no event had come */
    gboolean space_logged; /* that it waits for room that others may need */
} SinterLiveState;

static inline SinterLiveState *
sinter_live_state(const SinterJobRun *run)
{
    return run->state;
}

G_END_DECLS
