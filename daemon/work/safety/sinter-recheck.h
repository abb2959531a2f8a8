/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"
#include "sinter-host.h"

G_BEGIN_DECLS

/**
 * sinter_recheck_plan:
 * @record: of a job that is about to start
 * @host: the host in its present state
 *
 * Makes the record's plan again from the present state and compares: another domain may use the
 * base now, the free space may be used up, a snapshot may have been created. Pure, except for
 * stat() of the paths that a plan names.
 *
 * Returns: %FALSE with the refusal's error, or CHAIN_CHANGED if the result is another plan.
 */
gboolean sinter_recheck_plan(const SinterJobRecord *record, const SinterHost *host, GError **error);

/* Likewise for a check that is about to put a temporary overlay on a disk. For the merge of that
 * overlay, sinter_recheck_plan() only looks for other users of the two images. */
gboolean sinter_recheck_check(const SinterJobRecord *record, const SinterHost *host,
                              GError **error);

G_END_DECLS
