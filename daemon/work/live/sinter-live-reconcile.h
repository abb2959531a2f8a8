/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"
#include "sinter-job-verdict.h"
#include "sinter-observation.h"

G_BEGIN_DECLS

/*
 * Decides the next step of a live job, as a pure function of its record and an observation of the
 * host. The same function serves a new job, one that waits for an event, one whose connection was
 * lost, and one that is taken over after a crash: the host is observed in each case, nothing is
 * assumed from earlier.
 */
SinterVerdict sinter_live_reconcile(const SinterJobRecord *record,
                                    const SinterObservation *observation);

/* The type of block job that implements an operation. */
SinterBlockJobType sinter_live_block_job(SinterOperation operation);

/* Returns whether the plan ends with a pivot. */
gboolean sinter_live_pivots(const SinterDiskPlan *plan);

G_END_DECLS
