/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plan-draft.h"

G_BEGIN_DECLS

/* Refuses offline work on images that another host may use. */
void sinter_plan_draft_check_hosts(SinterPlanDraft *draft);

G_END_DECLS
