/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"
#include "sinter-model.h"

G_BEGIN_DECLS

/*
 * What a job does next, as a pure function of what its record says and what is seen on the host.
 * The same function serves a fresh job, one that waits for an event, one whose connection was
 * lost, and one that is taken over after a crash: in each case the world is looked at, never
 * guessed from the past.
 */

/* Where the chain stands, compared with the plan. */
typedef enum {
    SINTER_CHAIN_BEFORE, /* as it was when the plan was made */
    SINTER_CHAIN_AFTER,  /* as the plan wants it */
    SINTER_CHAIN_OTHER,  /* neither */
} SinterChainState;

/* The last block-job event that was seen for this job, if any. */
typedef enum {
    SINTER_SEEN_NOTHING,
    SINTER_SEEN_COMPLETED,
    SINTER_SEEN_FAILED,
    SINTER_SEEN_CANCELED,
} SinterSeenEvent;

typedef struct {
    gboolean domain_exists;
    gboolean domain_active;
    SinterChainState chain;       /* the live chain, or the definition's when shut off */
    SinterBlockJobType block_job; /* on the disk now */
    SinterMirror mirror;
    SinterSeenEvent seen;
    gboolean foreign_mirror; /* it writes to another image than the plan's */
} SinterObservation;

typedef enum {
    SINTER_NEXT_START,  /* ask for the block job; offline: merge */
    SINTER_NEXT_WAIT,   /* it runs: wait for an event; offline: the domain does */
    SINTER_NEXT_PIVOT,  /* it is ready: move over, or end a copy that shall not pivot */
    SINTER_NEXT_CANCEL, /* ask for its end */
    SINTER_NEXT_VERIFY, /* the chain is the plan's: verify, clean, done */
    SINTER_NEXT_FAIL,
    SINTER_NEXT_CANCELLED,
    SINTER_NEXT_QUARANTINE,
} SinterNext;

typedef struct {
    SinterNext next;
    SinterError error;  /* of FAIL, CANCELLED, QUARANTINE */
    const char *reason; /* static; likewise */
} SinterVerdict;

SinterVerdict sinter_reconcile(const SinterJobRecord *record, const SinterObservation *observation);

/* Compares a chain with the plan's two. Blocking: paths that differ are compared by identity. */
SinterChainState sinter_reconcile_chain(const SinterDiskPlan *plan, char *const *chain);

/* Whether the mirror on @disk, if its image is known, writes to what the plan's would. Blocking. */
gboolean sinter_reconcile_is_our_mirror(const SinterDiskPlan *plan, const SinterDisk *disk);

/* The type of block job that an operation runs as. */
SinterBlockJobType sinter_reconcile_block_job(SinterOperation operation);

G_END_DECLS
