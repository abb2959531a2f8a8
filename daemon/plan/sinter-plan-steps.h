/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plan-draft.h"

G_BEGIN_DECLS

/* Writes the resulting chain, the files and the steps into the plan. */
void sinter_plan_draft_write_steps(SinterPlanDraft *draft);

G_END_DECLS
