/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-error.h"

G_BEGIN_DECLS

/* The next step of a job. A kind of job uses those that it needs. */
typedef enum {
    SINTER_NEXT_STOP,    /* stop the domain */
    SINTER_NEXT_SEAL,    /* put a temporary overlay on the active layer */
    SINTER_NEXT_CHECK,   /* check the images */
    SINTER_NEXT_START,   /* begin: start the block job, the merge, or the domain */
    SINTER_NEXT_ADOPT,   /* take over a block job that exists */
    SINTER_NEXT_WAIT,    /* wait for an event */
    SINTER_NEXT_PIVOT,   /* the copy is ready: pivot, or end a copy without pivot */
    SINTER_NEXT_CANCEL,  /* request the end of what runs */
    SINTER_NEXT_VERIFY,  /* the copying is done: verify, clean up, end as done */
    SINTER_NEXT_RESTORE, /* undo a pull that may have lost data */
    SINTER_NEXT_FAIL,
    SINTER_NEXT_CANCELLED,
    SINTER_NEXT_QUARANTINE,
} SinterNext;

#define SINTER_N_NEXTS (SINTER_NEXT_QUARANTINE + 1)

typedef struct {
    SinterNext next;
    SinterError error;  /* of FAIL, CANCELLED, QUARANTINE */
    const char *reason; /* likewise; valid as long as the job */
} SinterVerdict;

static inline SinterVerdict
sinter_verdict(SinterNext next)
{
    return (SinterVerdict){ .next = next };
}

/* @next: FAIL, CANCELLED or QUARANTINE */
static inline SinterVerdict
sinter_verdict_end(SinterNext next, SinterError error, const char *reason)
{
    return (SinterVerdict){ next, error, reason };
}

static inline SinterVerdict
sinter_verdict_cancelled(void)
{
    return sinter_verdict_end(SINTER_NEXT_CANCELLED, SINTER_ERROR_CANCELLED,
                              "cancelled on request; the chain is unchanged");
}

G_END_DECLS
