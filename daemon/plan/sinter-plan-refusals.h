/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plan-draft.h"

G_BEGIN_DECLS

/* Checks the disk itself. FALSE: further checks are meaningless. */
gboolean sinter_plan_draft_check_disk(SinterPlanDraft *draft);

/* Checks the layers that would be read or changed. */
void sinter_plan_draft_check_layers(SinterPlanDraft *draft);

/* Refuses if the disk has a block job. Returns TRUE. */
gboolean sinter_plan_draft_check_busy(SinterPlanDraft *draft);

/* Warns if the domain does not respond. Refuses if the storage of the disk does not: then returns
 * FALSE, and later checks are meaningless. */
gboolean sinter_plan_draft_check_responds(SinterPlanDraft *draft);

/* Refuses if the domain could not be read completely: for operations that work on images which
 * cannot be read, too. */
void sinter_plan_draft_check_partial(SinterPlanDraft *draft);

/* Returns whether the definition for the next boot names the active layer of the disk. */
gboolean sinter_plan_draft_next_boot_agrees(const SinterPlanDraft *draft);

/* Refuse a read-only disk, and a domain that is shut off and has a managed save image. Return
 * TRUE. */
gboolean sinter_plan_draft_check_read_only(SinterPlanDraft *draft);
gboolean sinter_plan_draft_check_managed_save(SinterPlanDraft *draft);

/* Refuses if another program manages the domain, unless the request ignores that. Returns TRUE. */
gboolean sinter_plan_draft_check_manager(SinterPlanDraft *draft);

G_END_DECLS
