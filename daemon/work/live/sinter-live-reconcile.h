/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"
#include "sinter-job-verdict.h"
#include "sinter-observation.h"

G_BEGIN_DECLS

/*
 * What a live job does next, as a pure function of what its record says and what is seen on the
 * host. The same function serves a fresh job, one that waits for an event, one whose connection was
 * lost, and one that is taken over after a crash: in each case the host is observed, nothing is
 * guessed from the past.
 */
SinterVerdict sinter_live_reconcile(const SinterJobRecord *record,
                                    const SinterObservation *observation);

/* The type of block job that an operation runs as. */
SinterBlockJobType sinter_live_block_job(SinterOperation operation);

G_END_DECLS
