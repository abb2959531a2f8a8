/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"
#include "sinter-job-verdict.h"
#include "sinter-observation.h"

G_BEGIN_DECLS

/* Decides the next step of a check, as a pure function of its record and an observation of the
 * host. */
SinterVerdict sinter_check_reconcile(const SinterJobRecord *record, const SinterObservation *seen);

G_END_DECLS
