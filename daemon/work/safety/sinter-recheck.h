/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"
#include "sinter-model.h"

G_BEGIN_DECLS

/* (transfer none) (nullable): the domain of @domains (element-type SinterDomain) with @uuid */
SinterDomain *sinter_recheck_find_domain(const GPtrArray *domains, const char *uuid);

/**
 * sinter_recheck_plan:
 * @record: of a job that is about to start
 * @domains: (element-type SinterDomain): every domain of the host, in its present state
 *
 * Makes the record's plan again from the present state and compares: another domain may use the
 * base now, the free space may be used up, a snapshot may have been created. Pure, except for
 * stat() of the paths that a plan names.
 *
 * Returns: %FALSE with the refusal's error, or CHAIN_CHANGED if the result is another plan.
 */
gboolean sinter_recheck_plan(const SinterJobRecord *record, const GPtrArray *domains,
                             GError **error);

/* Likewise for a check that is about to put a temporary overlay on a disk. For the merge of that
 * overlay, sinter_recheck_plan() only looks for other users of the two images. */
gboolean sinter_recheck_check(const SinterJobRecord *record, const GPtrArray *domains,
                              GError **error);

G_END_DECLS
