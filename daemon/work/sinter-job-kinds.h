/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"

G_BEGIN_DECLS

/* (nullable): the kind of job with this name */
const SinterJobKind *sinter_job_kinds_find(const char *name);

/* The kind that runs the job of @record; never NULL: for an unknown kind returns one that ends the
 * job in quarantine. */
const SinterJobKind *sinter_job_kinds_for_record(const SinterJobRecord *record);

G_END_DECLS
