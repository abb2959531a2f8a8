/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-planner.h"

G_BEGIN_DECLS

#define SINTER_PLAN_NO_LAYER G_MAXUINT

/**
 * SinterPlanDraft:
 *
 * One disk's plan while it is being made: what was asked, what is true, and the stretch of the
 * chain that it comes down to. For the planner's own files; a draft owns nothing but its plan.
 *
 * Layers are told by their place in the live chain, 0 the active one. The data that moves lies in
 * [@first, @base):
 *
 *            commit                     pull                      copy
 *   0 ┌──────────────┐           0 ┌──────────────┐ writes   0 ┌──────────────┐ first
 *     │    stays     │             ├──────────────┤ first      │              │ → destination
 *     ├──────────────┤ first       │    leaves    │            │              │
 *     │    leaves    │             │      ↑       │            │              │
 *     │      ↓       │             ├──────────────┤ base       ├──────────────┤ base
 *     ├──────────────┤ base        │    stays     │            │ stays below  │
 *     │              │ writes      │              │            │ if shallow   │
 *     └──────────────┘             └──────────────┘            └──────────────┘
 *
 * @base is the number of layers where nothing stays below.
 */
typedef struct {
    const SinterPlanRequest *request;
    const SinterDomain *domain;
    const SinterDisk *disk;
    const SinterReferenceGraph *graph;
    SinterDiskPlan *plan;
    gboolean consolidate; /* the planner chooses the operation */
    guint first;
    guint base;
    guint64 growth_bytes; /* how much the written layer grows, at most */
} SinterPlanDraft;

SinterPlanDraft *sinter_plan_draft_new(const SinterPlanRequest *request, const SinterDomain *domain,
                                       const SinterDisk *disk, const SinterReferenceGraph *graph);
void sinter_plan_draft_free(SinterPlanDraft *draft);
SinterDiskPlan *sinter_plan_draft_steal_plan(SinterPlanDraft *draft);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterPlanDraft, sinter_plan_draft_free)

static inline const SinterLayer *
sinter_plan_draft_layer(const SinterPlanDraft *draft, guint place)
{
    return g_ptr_array_index(draft->disk->layers, place);
}

static inline gboolean
sinter_plan_draft_is_commit(const SinterPlanDraft *draft)
{
    return draft->plan->operation == SINTER_OPERATION_ACTIVE_COMMIT ||
           draft->plan->operation == SINTER_OPERATION_COMMIT;
}

static inline gboolean
sinter_plan_draft_is_refused(const SinterPlanDraft *draft)
{
    return draft->plan->refusals->len > 0;
}

/* Texts end up in the plan; those of refusals are sentences without a full stop. */
void sinter_plan_draft_refuse(SinterPlanDraft *draft, SinterRefusalCode code, const char *format,
                              ...) G_GNUC_PRINTF(3, 4);
void sinter_plan_draft_warn(SinterPlanDraft *draft, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* (transfer full): what to call a layer: its file name where that is unique in the chain, else its
 * path or description */
char *sinter_plan_draft_name_layer(const SinterPlanDraft *draft, guint place);

/* (transfer full): "'a', 'b' and 3 more" from names (element-type utf8) */
char *sinter_plan_join_names(const GPtrArray *names);

/* (transfer full): the names of layers [@from, @to), joined */
char *sinter_plan_draft_name_layers(const SinterPlanDraft *draft, guint from, guint to);

/* The place of the layer that is the same file as @probe, or SINTER_PLAN_NO_LAYER. */
guint sinter_plan_draft_find_file(const SinterPlanDraft *draft, const SinterLayer *probe);

/* sinter-plan-range.c: sets operation, first and base; refuses and returns FALSE where top, base
 * or keep do not lead to a stretch. */
gboolean sinter_plan_draft_find_range(SinterPlanDraft *draft);

/* sinter-plan-refusals.c: what speaks against the disk as such (FALSE: no use to look further),
 * and against the layers that would be read or changed. */
gboolean sinter_plan_draft_check_disk(SinterPlanDraft *draft);
void sinter_plan_draft_check_layers(SinterPlanDraft *draft);

/* sinter-plan-sharing.c: others that stand on what would change or go. */
void sinter_plan_draft_check_sharing(SinterPlanDraft *draft);
void sinter_plan_draft_check_destination(SinterPlanDraft *draft);
void sinter_plan_draft_compare_next_boot(SinterPlanDraft *draft);

/* The definition for the next boot goes its own way and needs, or may need, the layer at @place as
 * it is. */
gboolean sinter_plan_draft_is_needed_by_next_boot(const SinterPlanDraft *draft, guint place);

/* sinter-plan-snapshots.c */
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

/* sinter-plan-cost.c */

/* What layers [@from, @to) take on their file systems. */
guint64 sinter_plan_draft_sum_allocated(const SinterPlanDraft *draft, guint from, guint to);

void sinter_plan_draft_count(SinterPlanDraft *draft);
void sinter_plan_drafts_check_space(const GPtrArray *drafts);

/* Sets what the chain takes afterwards, when the steps stand. */
void sinter_plan_draft_count_after(SinterPlanDraft *draft);

/* sinter-plan-steps.c: the chain and the files afterwards, and the steps that lead there. */
void sinter_plan_draft_write_steps(SinterPlanDraft *draft);

G_END_DECLS
