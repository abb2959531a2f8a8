/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plan-draft.h"

G_BEGIN_DECLS

/* What the data and metadata of layers [@from, @to) take. */
guint64 sinter_plan_draft_sum_used(const SinterPlanDraft *draft, guint from, guint to);

/* Sets how much the operation copies and how much extra space it needs meanwhile. */
void sinter_plan_draft_count(SinterPlanDraft *draft);

/* Clears the costs of a plan that copies nothing. */
void sinter_plan_draft_uncount(SinterPlanDraft *draft);

/* Refuses drafts of one plan that together need more space than a file system has free. */
void sinter_plan_drafts_check_space(const GPtrArray *drafts);

/* Sets the chain's size afterwards, once the steps are set. */
void sinter_plan_draft_count_after(SinterPlanDraft *draft);

G_END_DECLS
