/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What policies would do. Invariant: a forecast changes nothing; its thread uses only values that
 * belong to it, and immutable ones.
 */

#include "sinter-policy-forecast.h"

#include "sinter-planner.h"
#include "sinter-policy-caution.h"
#include "sinter-policy-limits.h"

static void
value_free(gpointer data)
{
    SinterPolicyValue *value = data;

    g_free(value->name);
    g_free(value->value);
    g_free(value->origin);
    g_free(value);
}

void
sinter_policy_forecast_free(SinterPolicyForecast *forecast)
{
    sinter_domain_unref(forecast->domain);
    sinter_policy_verdict_free(forecast->verdict);
    g_ptr_array_unref(forecast->values);
    g_free(forecast);
}

static void
add_value(SinterPolicyForecast *self, const SinterPolicyRules *rules, const SinterDisk *disk,
          const SinterPluginSetting *setting)
{
    SinterPolicyValue *value = g_new0(SinterPolicyValue, 1);
    const char *origin = "default";
    const char *text = sinter_policy_rules_get(rules, self->domain, disk, setting->name, &origin);

    value->name = g_strdup(setting->name);
    value->value = g_strdup(text ? text : setting->initial);
    value->origin = g_strdup(origin);
    g_ptr_array_add(self->values, value);
}

static void
add_values(SinterPolicyForecast *self, const SinterPolicyMoment *moment, const SinterDisk *disk)
{
    g_autoptr(GPtrArray) settings = sinter_policy_set_list_settings(moment->set);
    const SinterPluginSetting *own;

    for (guint i = 0; i < settings->len; i++)
        add_value(self, moment->rules, disk, settings->pdata[i]);
    for (guint i = 0; (own = sinter_policy_limits_get_setting(i)); i++)
        add_value(self, moment->rules, disk, own);
}

SinterPolicyForecast *
sinter_policy_forecast_new(const SinterPolicyMoment *moment, SinterDomain *domain,
                           const SinterDisk *disk)
{
    const SinterPolicyDisk place = { domain, disk, moment->generation, moment->now_usec };
    SinterPolicyForecast *self = g_new0(SinterPolicyForecast, 1);

    self->domain = sinter_domain_ref(domain);
    self->verdict = sinter_policy_judge(moment, domain, disk);
    if (sinter_policy_memory_is_refused(moment->memory, &place))
        self->verdict->until_usec = G_MAXINT64;
    self->values = g_ptr_array_new_with_free_func(value_free);
    add_values(self, moment, disk);
    return self;
}

/* --- the planner --------------------------------------------------------------------------------
 */

typedef struct {
    GPtrArray *forecasts; /* NULL once they are returned */
    SinterReferenceGraph *graph;
} Question;

static void
question_free(gpointer data)
{
    Question *question = data;

    g_clear_pointer(&question->forecasts, g_ptr_array_unref);
    sinter_reference_graph_unref(question->graph);
    g_free(question);
}

/* (transfer full) (nullable): why the planner would not do it */
static char *
find_refusal(const SinterPolicyForecast *self, const SinterReferenceGraph *graph)
{
    SinterPlanRequest request = { .disk = self->verdict->disk, .keep = self->verdict->keep };
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterPlan) plan = NULL;
    const SinterRefusal *refusal;

    if (self->verdict->keep_base &&
        !sinter_policy_caution_spare_base(&request, self->domain, &error))
        return g_strdup_printf("refused: %s", error->message);
    plan = sinter_planner_plan(&request, self->domain, graph, g_get_real_time(), &error);
    refusal = plan ? sinter_plan_get_refusal(plan) : NULL;
    if (!plan || refusal)
        return g_strdup_printf("refused: %s", plan ? refusal->text : error->message);
    if (!sinter_policy_caution_check(plan, self->domain, self->verdict->keep, &error))
        return g_strdup_printf("refused: %s", error->message);
    return sinter_plan_has_work(plan) ? NULL : g_strdup("there is nothing to merge");
}

static void
plan_in_thread(GTask *task, gpointer source_object, gpointer task_data, GCancellable *cancellable)
{
    Question *question = task_data;

    for (guint i = 0; i < question->forecasts->len; i++) {
        SinterPolicyForecast *forecast = question->forecasts->pdata[i];

        if (forecast->verdict->policy && !forecast->verdict->obstacle)
            forecast->verdict->obstacle = find_refusal(forecast, question->graph);
    }
    g_task_return_pointer(task, g_steal_pointer(&question->forecasts),
                          (GDestroyNotify)g_ptr_array_unref);
}

void
sinter_policy_forecast_plan_async(GObject *source, GPtrArray *forecasts,
                                  SinterReferenceGraph *graph, GAsyncReadyCallback callback,
                                  gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(source, NULL, callback, user_data);
    Question *question = g_new(Question, 1);

    *question = (Question){ forecasts, sinter_reference_graph_ref(graph) };
    g_task_set_task_data(task, question, question_free);
    g_task_run_in_thread(task, plan_in_thread);
}

GPtrArray *
sinter_policy_forecast_plan_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}
