/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"

G_BEGIN_DECLS

/* A job that runs as a QEMU block job while the domain runs: commit, pull, copy. */
extern const SinterJobKind sinter_live_job_kind;

G_END_DECLS
