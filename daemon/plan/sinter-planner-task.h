/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-planner.h"

G_BEGIN_DECLS

/**
 * sinter_planner_task_start:
 * @request: must stay valid until @callback has run
 * @domain, @graph: as for sinter_planner_plan()
 *
 * Plans in a thread, for callers whose main context must not block: the planner calls stat() on
 * paths that callers name. @callback runs in the caller's main context.
 */
void sinter_planner_task_start(const SinterPlanRequest *request, SinterDomain *domain,
                               SinterReferenceGraph *graph, GAsyncReadyCallback callback,
                               gpointer user_data);

/* (transfer full) (nullable): the plan, or the error of sinter_planner_plan() */
SinterPlan *sinter_planner_task_finish(GAsyncResult *result, GError **error);

/* (transfer none): the domain that was planned for; valid as long as @result */
const SinterDomain *sinter_planner_task_get_domain(GAsyncResult *result);

G_END_DECLS
