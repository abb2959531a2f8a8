/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"

G_BEGIN_DECLS

/* Checks the images of a disk that nobody writes to, or a file, in sinter-worker. */
extern const SinterJobKind sinter_check_job_kind;

/* Repairs the images of a shut-off domain's disk. */
extern const SinterJobKind sinter_repair_job_kind;

G_END_DECLS
