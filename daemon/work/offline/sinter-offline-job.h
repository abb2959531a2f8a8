/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"

G_BEGIN_DECLS

/* A job that sinter-worker runs while the domain is shut off: commit, pull. */
extern const SinterJobKind sinter_offline_job_kind;

G_END_DECLS
