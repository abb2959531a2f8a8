/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-dbus.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/**
 * SinterPlanObject:
 *
 * One plan on the bus. It never changes; it is owned by the table of plans.
 *
 * Signals:
 *  - "consumed": the plan was executed or discarded and must be unexported.
 */
#define SINTER_TYPE_PLAN_OBJECT (sinter_plan_object_get_type())
G_DECLARE_FINAL_TYPE(SinterPlanObject, sinter_plan_object, SINTER, PLAN_OBJECT,
                     SinterDBusPlanSkeleton)

/* @uid: the owner of the plan */
SinterPlanObject *sinter_plan_object_new(SinterServiceContext *context, const char *id,
                                         SinterPlan *plan, guint uid);

/* (transfer none) */
SinterPlan *sinter_plan_object_get_plan(SinterPlanObject *self);
guint sinter_plan_object_get_uid(SinterPlanObject *self);

G_END_DECLS
