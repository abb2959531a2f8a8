/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"

G_BEGIN_DECLS

/* What a job that changes a disk's chain observes on the host: the input for the decision on its
 * next step. */

/* The chain compared with the plan. */
typedef enum {
    SINTER_CHAIN_BEFORE, /* the chain at planning */
    SINTER_CHAIN_AFTER,  /* the plan's result */
    SINTER_CHAIN_OTHER,  /* neither */
} SinterChainState;

/* The last block job event seen for this job, if any. */
typedef enum {
    SINTER_SEEN_NOTHING,
    SINTER_SEEN_COMPLETED,
    SINTER_SEEN_FAILED,
    SINTER_SEEN_CANCELED,
} SinterSeenEvent;

typedef struct {
    gboolean domain_exists;
    gboolean domain_active;
    SinterChainState chain;       /* the live chain; the definition's chain when shut off */
    SinterBlockJobType block_job; /* the block job now on the disk */
    SinterMirror mirror;
    SinterSeenEvent seen;
    gboolean all_copied;     /* of a block job that becomes READY: libvirt reported repeatedly that
                              * everything is copied */
    gboolean foreign_mirror; /* the mirror writes to another image than the plan's */
    gboolean other_qemu;     /* from the pivot on: the domain does not run in the QEMU process that
                              * the job works in, or that is unknown */
} SinterObservation;

G_END_DECLS
