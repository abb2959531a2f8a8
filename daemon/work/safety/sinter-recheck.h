/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"
#include "sinter-model.h"

G_BEGIN_DECLS

/* (transfer none) (nullable): of @domains (element-type SinterDomain) the one with @uuid */
SinterDomain *sinter_recheck_find_domain(const GPtrArray *domains, const char *uuid);

/**
 * sinter_recheck_plan:
 * @record: of a job that is about to begin
 * @domains: (element-type SinterDomain): every domain of the host, as it is now
 *
 * Makes the record's plan once more from what is true now, and compares: somebody may stand on the
 * base by now, the room may be gone, a snapshot may have been made. Pure, but for the stat() of
 * paths that a plan names.
 *
 * Returns: %FALSE with the refusal's error, or CHAIN_CHANGED where another plan came out.
 */
gboolean sinter_recheck_plan(const SinterJobRecord *record, const GPtrArray *domains,
                             GError **error);

G_END_DECLS
