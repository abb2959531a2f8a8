/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plan-draft.h"

G_BEGIN_DECLS

/* What speaks against the disk as such. FALSE: there is no use in looking further. */
gboolean sinter_plan_draft_check_disk(SinterPlanDraft *draft);

/* What speaks against the layers that would be read or changed. */
void sinter_plan_draft_check_layers(SinterPlanDraft *draft);

G_END_DECLS
