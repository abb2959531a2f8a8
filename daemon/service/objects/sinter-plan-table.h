/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-publisher.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/**
 * SinterPlanTable:
 *
 * The plans on the bus: limited in number; each is kept until it is executed or discarded, it
 * expires, or its domain no longer matches it. Main context.
 */
#define SINTER_TYPE_PLAN_TABLE (sinter_plan_table_get_type())
G_DECLARE_FINAL_TYPE(SinterPlanTable, sinter_plan_table, SINTER, PLAN_TABLE, GObject)

SinterPlanTable *sinter_plan_table_new(SinterServiceContext *context, SinterPublisher *publisher);

/* Exports @plan as owned by user @uid. (transfer full) (nullable): its path; BUSY if this user, or
 * all users together, have too many. */
char *sinter_plan_table_add(SinterPlanTable *table, SinterPlan *plan, guint uid, GError **error);

/* (transfer full) (nullable): the path of a plan's object; NOT_FOUND if there is none */
char *sinter_plan_table_lookup(SinterPlanTable *table, const char *id, GError **error);

/* A domain now has the state @domain, %NULL if it was removed: removes plans for another state of
 * it. */
void sinter_plan_table_domain_changed(SinterPlanTable *table, const char *uuid,
                                      const SinterDomain *domain);

G_END_DECLS
