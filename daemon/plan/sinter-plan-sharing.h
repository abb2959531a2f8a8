/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plan-draft.h"

G_BEGIN_DECLS

/* Refuses if others use an image that would be changed or removed. */
void sinter_plan_draft_check_sharing(SinterPlanDraft *draft);
void sinter_plan_draft_check_destination(SinterPlanDraft *draft);

/* Sets whether the definition for the next boot follows the live chain. */
void sinter_plan_draft_compare_next_boot(SinterPlanDraft *draft);

/* Returns whether the definition for the next boot differs and needs, or may need, the layer at
 * @place unchanged. */
gboolean sinter_plan_draft_is_needed_by_next_boot(const SinterPlanDraft *draft, guint place);

G_END_DECLS
