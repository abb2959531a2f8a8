/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"

G_BEGIN_DECLS

/* Creates an external snapshot of several disks of a domain, for all of them or for none. */
extern const SinterJobKind sinter_snapshot_job_kind;

G_END_DECLS
