/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plan-draft.h"

G_BEGIN_DECLS

/* Refuses what would break checkpoints, or, if the request permits it, notes which ones are lost.
 */
void sinter_plan_draft_check_checkpoints(SinterPlanDraft *draft);

G_END_DECLS
