/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"
#include "sinter-job-verdict.h"
#include "sinter-observation.h"

G_BEGIN_DECLS

/* What an offline merge does next, as a pure function of what its record says and what is seen on
 * the host. */
SinterVerdict sinter_offline_reconcile(const SinterJobRecord *record,
                                       const SinterObservation *seen);

G_END_DECLS
