/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-policy-judge.h"

G_BEGIN_DECLS

/* A value that holds for a disk; @origin is the group that sets it, or "default". */
typedef struct {
    char *name;
    char *value;
    char *origin;
} SinterPolicyValue;

/**
 * SinterPolicyForecast: what policies would do with one disk, and what the planner says to it.
 *
 * @values: of SinterPolicyValue
 */
typedef struct {
    SinterDomain *domain;
    SinterPolicyVerdict *verdict;
    GPtrArray *values;
} SinterPolicyForecast;

/* (transfer full): for one disk at one moment; the planner has not been asked yet */
SinterPolicyForecast *sinter_policy_forecast_new(const SinterPolicyMoment *moment,
                                                 SinterDomain *domain, const SinterDisk *disk);
void sinter_policy_forecast_free(SinterPolicyForecast *forecast);

/**
 * sinter_policy_forecast_plan_async:
 * @forecasts: (transfer full) (element-type SinterPolicyForecast): not used by anybody else
 *
 * Asks the planner, in a thread, about each disk that nothing else speaks against; a refusal
 * becomes the obstacle.
 */
void sinter_policy_forecast_plan_async(GObject *source, GPtrArray *forecasts,
                                       SinterReferenceGraph *graph, GAsyncReadyCallback callback,
                                       gpointer user_data);

/* (transfer full) (element-type SinterPolicyForecast) */
GPtrArray *sinter_policy_forecast_plan_finish(GAsyncResult *result, GError **error);

G_END_DECLS
