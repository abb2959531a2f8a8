/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs the planner in its own thread. Invariant: the thread uses only immutable values and holds
 * references to them.
 */

#include "sinter-planner-task.h"

typedef struct {
    const SinterPlanRequest *request; /* the caller's */
    SinterDomain *domain;
    SinterReferenceGraph *graph;
} Question;

static void
question_free(gpointer data)
{
    Question *question = data;

    sinter_domain_unref(question->domain);
    sinter_reference_graph_unref(question->graph);
    g_free(question);
}

static void
plan_in_thread(GTask *task, gpointer source_object, gpointer task_data, GCancellable *cancellable)
{
    const Question *question = task_data;
    GError *error = NULL;
    SinterPlan *plan = sinter_planner_plan(question->request, question->domain, question->graph,
                                           g_get_real_time(), &error);

    if (plan)
        g_task_return_pointer(task, plan, (GDestroyNotify)sinter_plan_unref);
    else
        g_task_return_error(task, error);
}

void
sinter_planner_task_start(const SinterPlanRequest *request, SinterDomain *domain,
                          SinterReferenceGraph *graph, GAsyncReadyCallback callback,
                          gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, user_data);
    Question *question = g_new(Question, 1);

    *question = (Question){ request, sinter_domain_ref(domain), sinter_reference_graph_ref(graph) };
    g_task_set_task_data(task, question, question_free);
    g_task_run_in_thread(task, plan_in_thread);
}

SinterPlan *
sinter_planner_task_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

const SinterDomain *
sinter_planner_task_get_domain(GAsyncResult *result)
{
    const Question *question = g_task_get_task_data(G_TASK(result));

    return question->domain;
}
