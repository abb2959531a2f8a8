/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"

G_BEGIN_DECLS

/* Continues a job that was quarantined because it is unknown which of two images is current:
 * carries out the record's choice, in the phase SINTER_PHASE_RESOLVING. */
extern const SinterJobKind sinter_resolve_job_kind;

G_END_DECLS
