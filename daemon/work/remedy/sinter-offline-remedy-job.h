/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"

G_BEGIN_DECLS

/* Stops a domain if its plan says so, repairs images of its disks, and starts it again if the plan
 * says so and the images are sound. */
extern const SinterJobKind sinter_offline_remedy_job_kind;

G_END_DECLS
