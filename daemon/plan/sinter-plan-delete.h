/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plan-draft.h"

G_BEGIN_DECLS

/**
 * sinter_plan_delete_make_requests:
 * @request: names the snapshot
 *
 * The merges that delete a snapshot, one for each disk: the layer above the snapshot's state is
 * merged down into the file that holds this state. All other states keep their content.
 *
 * Returns: (transfer full) (nullable) (element-type SinterPlanRequest): their strings belong to
 * @domain and @request. NOT_FOUND if the domain has no such snapshot; UNSUPPORTED if its states
 * cannot be deleted in this way.
 */
GArray *sinter_plan_delete_make_requests(const SinterPlanRequest *request,
                                         const SinterDomain *domain, GError **error);

/* Refuses the merge if another snapshot than the deleted one would lose its state. */
void sinter_plan_draft_check_delete(SinterPlanDraft *draft);

G_END_DECLS
