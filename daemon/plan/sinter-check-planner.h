/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-plan-request.h"
#include "sinter-plan.h"
#include "sinter-reference-graph.h"

G_BEGIN_DECLS

/**
 * sinter_check_planner_plan:
 *
 * As sinter_planner_plan(), which calls it for checks: which images of which disks are checked, and
 * why the others are not. A disk that was not requested by name and has no image to check is left
 * out.
 */
SinterPlan *sinter_check_planner_plan(const SinterPlanRequest *request, const SinterDomain *domain,
                                      const SinterReferenceGraph *graph, gint64 now_usec,
                                      GError **error);

/* Names the temporary overlay of a plan that needs one after job @id, which makes its name unique,
 * in the folder of the active layer. */
void sinter_check_planner_name_overlay(SinterDiskPlan *plan, const char *id);

/* (transfer full): the plan to check the image @path, which need not belong to a domain */
SinterPlan *sinter_check_planner_plan_file(const char *path, gint64 now_usec);

G_END_DECLS
