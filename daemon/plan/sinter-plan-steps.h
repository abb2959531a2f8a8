/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plan-draft.h"

G_BEGIN_DECLS

/* Writes the chain and the files afterwards into the plan, and the steps that lead there. */
void sinter_plan_draft_write_steps(SinterPlanDraft *draft);

G_END_DECLS
