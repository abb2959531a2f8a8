/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-error.h"

G_BEGIN_DECLS

/* What a job does next. A kind of job uses those that it needs. */
typedef enum {
    SINTER_NEXT_START,  /* begin the work: start the block job, or the merge */
    SINTER_NEXT_WAIT,   /* wait for an event */
    SINTER_NEXT_PIVOT,  /* the copy is ready: move over, or end a copy that shall not pivot */
    SINTER_NEXT_CANCEL, /* ask for the end of what runs */
    SINTER_NEXT_VERIFY, /* the work is done: verify, clean up, end as done */
    SINTER_NEXT_FAIL,
    SINTER_NEXT_CANCELLED,
    SINTER_NEXT_QUARANTINE,
} SinterNext;

#define SINTER_N_NEXTS (SINTER_NEXT_QUARANTINE + 1)

typedef struct {
    SinterNext next;
    SinterError error;  /* of FAIL, CANCELLED, QUARANTINE */
    const char *reason; /* likewise; lives as long as the job */
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
