/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-plan-request.h"
#include "sinter-plan.h"
#include "sinter-reference-graph.h"

G_BEGIN_DECLS

/**
 * sinter_planner_plan:
 * @domain: one state of the domain
 * @graph: the users of each image at the same moment
 * @now_usec: the present time
 *
 * Pure: depends only on its arguments. An operation that is not possible becomes a refusal in the
 * plan; the only errors are a disk or a snapshot that the domain does not have (NOT_FOUND), a
 * request that contradicts itself (INVALID_ARGUMENT), and a snapshot that no merge deletes
 * (UNSUPPORTED).
 *
 * Returns: (transfer full) (nullable): the plan
 */
SinterPlan *sinter_planner_plan(const SinterPlanRequest *request, const SinterDomain *domain,
                                const SinterReferenceGraph *graph, gint64 now_usec, GError **error);

G_END_DECLS
