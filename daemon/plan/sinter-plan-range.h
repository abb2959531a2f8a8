/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plan-draft.h"

G_BEGIN_DECLS

/* Sets the operation, first and base. Refuses and returns FALSE if top, base or keep do not result
 * in a range. */
gboolean sinter_plan_draft_find_range(SinterPlanDraft *draft);

G_END_DECLS
