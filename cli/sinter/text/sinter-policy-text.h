/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/sinter-properties.h"
#include "sinter-table.h"

G_BEGIN_DECLS

/* What policies would do, as tables. @disk: an entry of Manager.PreviewPolicies. Pure. */

/* (transfer full): for sinter_policy_text_add_preview() */
SinterTable *sinter_policy_text_preview_new(void);
void sinter_policy_text_add_preview(SinterTable *table, const SinterProperties *disk);

/* Returns whether a policy proposes, reports or objects to anything. */
gboolean sinter_policy_text_has_news(const SinterProperties *disk);

/* (transfer full): for sinter_policy_text_add_values() */
SinterTable *sinter_policy_text_values_new(void);
void sinter_policy_text_add_values(SinterTable *table, const SinterProperties *disk);

G_END_DECLS
