/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"

G_BEGIN_DECLS

/* Runs a job whose record has a kind that this version does not know: ends it in quarantine without
 * observing the host. */
extern const SinterJobKind sinter_unknown_job_kind;

G_END_DECLS
