/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"

G_BEGIN_DECLS

/* Waits until the cause of an I/O error has passed, resumes the guest, and watches whether it
 * continues to run. */
extern const SinterJobKind sinter_remedy_job_kind;

G_END_DECLS
