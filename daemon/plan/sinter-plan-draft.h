/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-plan-request.h"
#include "sinter-reference-graph.h"

G_BEGIN_DECLS

#define SINTER_PLAN_NO_LAYER G_MAXUINT

/**
 * SinterPlanDraft:
 *
 * One disk's plan while it is being made: the request, the present state, and the resulting range
 * of the chain. For the planner's own files; a draft owns nothing but its plan.
 *
 * Layers are identified by their index in the live chain, 0 is the active layer. The data to copy
 * is in [@first, @base):
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
 * @base is the number of layers if none stays below.
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
    guint64 growth_bytes; /* the most by which the written layer grows */
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

/* The texts become part of the plan; those of refusals are sentences without a full stop. */
void sinter_plan_draft_refuse(SinterPlanDraft *draft, SinterRefusalCode code, const char *format,
                              ...) G_GNUC_PRINTF(3, 4);
void sinter_plan_draft_warn(SinterPlanDraft *draft, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* (transfer full): the name of a layer for texts: its file name if that is unique in the chain,
 * else its path or description */
char *sinter_plan_draft_name_layer(const SinterPlanDraft *draft, guint place);

/* (transfer full): "'a', 'b' and 3 more" from names (element-type utf8) */
char *sinter_plan_join_names(const GPtrArray *names);

/* (transfer full): the names of layers [@from, @to), joined */
char *sinter_plan_draft_name_layers(const SinterPlanDraft *draft, guint from, guint to);

/* (transfer none) (nullable): the first user of @layer other than the draft's own disk and domain,
 * and other than images that the request says do not count */
const SinterReference *sinter_plan_draft_find_foreign(const SinterPlanDraft *draft,
                                                      const SinterLayer *layer);

/* The index of the layer that is the same file as @probe, or SINTER_PLAN_NO_LAYER. */
guint sinter_plan_draft_find_file(const SinterPlanDraft *draft, const SinterLayer *probe);

G_END_DECLS
