/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"

G_BEGIN_DECLS

/* What a job that changes a disk's chain sees on the host: what its next step is decided from. */

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

G_END_DECLS
