/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-plan-request.h"
#include "sinter-plan.h"
#include "sinter-reference-graph.h"

G_BEGIN_DECLS

/**
 * sinter_snapshot_planner_plan:
 * @request: as for sinter_planner_plan(), with the operation SNAPSHOT
 *
 * Plans an external snapshot of several disks at the same moment. The plan has one part for all of
 * them: a single job carries it out, for all disks or for none.
 *
 * Returns: (transfer full) (nullable): as sinter_planner_plan()
 */
SinterPlan *sinter_snapshot_planner_plan(const SinterPlanRequest *request,
                                         const SinterDomain *domain,
                                         const SinterReferenceGraph *graph, gint64 now_usec,
                                         GError **error);

G_END_DECLS
