/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-publisher.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/**
 * SinterPlanTable:
 *
 * The plans that stand on the bus: bounded in number, each until it is executed or discarded, its
 * time is over, or its domain is no longer the one that was planned for. Main context.
 */
#define SINTER_TYPE_PLAN_TABLE (sinter_plan_table_get_type())
G_DECLARE_FINAL_TYPE(SinterPlanTable, sinter_plan_table, SINTER, PLAN_TABLE, GObject)

SinterPlanTable *sinter_plan_table_new(SinterServiceContext *context, SinterPublisher *publisher);

/* Exports @plan as one of user @uid. (transfer full) (nullable): its path; BUSY when this user, or
 * all together, have too many. */
char *sinter_plan_table_add(SinterPlanTable *table, SinterPlan *plan, guint uid, GError **error);

/* (transfer full) (nullable): the path of a plan's object; NOT_FOUND when there is none */
char *sinter_plan_table_lookup(SinterPlanTable *table, const char *id, GError **error);

/* A domain is now @domain, %NULL when it is gone: plans for another state of it go. */
void sinter_plan_table_domain_changed(SinterPlanTable *table, const char *uuid,
                                      const SinterDomain *domain);

G_END_DECLS
