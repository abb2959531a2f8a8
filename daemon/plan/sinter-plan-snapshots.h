/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plan-draft.h"

G_BEGIN_DECLS

void sinter_plan_draft_check_internal_snapshots(SinterPlanDraft *draft);
void sinter_plan_draft_sort_snapshots(SinterPlanDraft *draft);

/* Whether @snapshot can bring @disk back: a snapshot names disks that it left out as well. */
gboolean sinter_plan_keeps_state(const SinterSnapshot *snapshot, const SinterSnapshotDisk *disk);

/* The place of the layer that @snapshot freezes in this chain, or SINTER_PLAN_NO_LAYER. */
guint sinter_plan_draft_find_frozen(const SinterPlanDraft *draft, const SinterSnapshot *snapshot);

/* (transfer none) (nullable): a snapshot that the plan keeps and that names the file at @place */
const SinterSnapshot *sinter_plan_draft_find_kept_user(const SinterPlanDraft *draft, guint place);

/* Warns where a snapshot is dropped that keeps a whole state of another disk. @drafts: of the
 * whole plan. */
void sinter_plan_drafts_warn_of_halves(const GPtrArray *drafts);

G_END_DECLS
