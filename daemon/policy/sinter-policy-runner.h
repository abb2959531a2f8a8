/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-executor.h"
#include "sinter-incident-log.h"
#include "sinter-plugin-registry.h"
#include "sinter-policy-forecast.h"
#include "sinter-policy-rules.h"

G_BEGIN_DECLS

/**
 * SinterPolicyRunner:
 *
 * Asks the policies about all disks after each change of the inventory, a job or an incident, and
 * starts the merges that they propose, as far as the budgets of the executor have room. Does
 * nothing unless values for policies are set. Main context.
 */
#define SINTER_TYPE_POLICY_RUNNER (sinter_policy_runner_get_type())
G_DECLARE_FINAL_TYPE(SinterPolicyRunner, sinter_policy_runner, SINTER, POLICY_RUNNER, GObject)

/**
 * SinterPolicyRunnerParts:
 * @inventory, @executor, @incidents: referenced
 * @plugins: (unowned): must outlive the runner
 * @rules: (unowned): likewise
 */
typedef struct {
    SinterInventory *inventory;
    SinterExecutor *executor;
    SinterIncidentLog *incidents;
    const SinterPluginRegistry *plugins;
    const SinterPolicyRules *rules;
} SinterPolicyRunnerParts;

/* Values that no policy has are logged and ignored. */
SinterPolicyRunner *sinter_policy_runner_new(const SinterPolicyRunnerParts *parts);

/* From now on jobs can be started. Call once, after sinter_executor_start(). */
void sinter_policy_runner_start(SinterPolicyRunner *self);

/**
 * sinter_policy_runner_preview_async:
 * @only: (nullable): a domain, as the inventory has it; %NULL for all
 *
 * What would be done with each disk now, and why or why not; see
 * sinter_policy_forecast_plan_finish() for the result. Nothing is started.
 */
void sinter_policy_runner_preview_async(SinterPolicyRunner *self, SinterDomain *only,
                                        GAsyncReadyCallback callback, gpointer user_data);

G_END_DECLS
