/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plan-draft.h"

G_BEGIN_DECLS

/* What layers [@from, @to) take on their file systems. */
guint64 sinter_plan_draft_sum_allocated(const SinterPlanDraft *draft, guint from, guint to);

/* What the operation copies and how much more room it takes meanwhile. */
void sinter_plan_draft_count(SinterPlanDraft *draft);

/* Refuses where the drafts of one plan need more room than a file system has left. */
void sinter_plan_drafts_check_space(const GPtrArray *drafts);

/* Sets what the chain takes afterwards, when the steps stand. */
void sinter_plan_draft_count_after(SinterPlanDraft *draft);

G_END_DECLS
