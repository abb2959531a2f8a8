/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"

G_BEGIN_DECLS

/* Checks the images of a running domain's disk, also the active one: a temporary overlay takes the
 * guest's writes meanwhile, and is merged back. */
extern const SinterJobKind sinter_live_check_job_kind;

G_END_DECLS
