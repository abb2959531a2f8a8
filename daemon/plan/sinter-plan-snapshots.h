/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plan-draft.h"

G_BEGIN_DECLS

void sinter_plan_draft_check_internal_snapshots(SinterPlanDraft *draft);
void sinter_plan_draft_sort_snapshots(SinterPlanDraft *draft);

/* Returns whether @snapshot can restore @disk: a snapshot also names the disks that it left out. */
gboolean sinter_plan_keeps_state(const SinterSnapshot *snapshot, const SinterSnapshotDisk *disk);

/* The index of the layer that @snapshot freezes in this chain, or SINTER_PLAN_NO_LAYER. */
guint sinter_plan_draft_find_frozen(const SinterPlanDraft *draft, const SinterSnapshot *snapshot);

/* The index of a layer of this chain with a state of @snapshot, of this disk or another, that does
 * not survive the plan, or SINTER_PLAN_NO_LAYER. */
guint sinter_plan_draft_find_dropped(const SinterPlanDraft *draft, const SinterSnapshot *snapshot);

/* (transfer none) (nullable): a snapshot that the plan keeps and that names the file at index
 * @place */
const SinterSnapshot *sinter_plan_draft_find_kept_user(const SinterPlanDraft *draft, guint place);

/* Warns if a snapshot is dropped that keeps a complete state of another disk. @drafts: of the whole
 * plan. */
void sinter_plan_drafts_warn_of_halves(const GPtrArray *drafts);

G_END_DECLS
