/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How the proposal of a policy becomes a job. Invariant: a job is planned from a state of the
 * domain that was read after the policy was asked, because libvirt sends no event for a new
 * snapshot; it is planned, checked and refused like one that a user requests, and refused for some
 * more reasons. No job is submitted while an incident of the domain is open.
 */

#include "sinter-policy-order.h"

#include "sinter-error.h"
#include "sinter-planner-task.h"
#include "sinter-policy-caution.h"

typedef struct {
    SinterInventory *inventory;
    SinterExecutor *executor;
    SinterIncidentLog *incidents;
    SinterDomain *domain; /* as it was planned for, or NULL */
    char *uuid;
    char *disk;
    char *policy;
    char *reason;
    guint keep;
    gboolean keep_base;
    SinterJobOptions options;
    SinterPlanRequest request;
} Order;

static void
order_free(gpointer data)
{
    Order *self = data;

    g_object_unref(self->inventory);
    g_object_unref(self->executor);
    g_object_unref(self->incidents);
    g_clear_pointer(&self->domain, sinter_domain_unref);
    g_free(self->uuid);
    g_free(self->disk);
    g_free(self->policy);
    g_free(self->reason);
    g_free(self);
}

/* Takes the domain's present state. */
static gboolean
look_up(Order *self, GError **error)
{
    g_clear_pointer(&self->domain, sinter_domain_unref);
    self->domain = sinter_inventory_lookup(self->inventory, self->uuid);
    if (!self->domain)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "the domain no longer exists");
    return self->domain != NULL;
}

/* @task: (transfer full) */
static void
fail(GTask *task, GError *error)
{
    g_task_return_error(task, error);
    g_object_unref(task);
}

/* What has happened while the merge was planned, and what the plan would do. */
static gboolean
check(const Order *self, const SinterPlan *plan, GError **error)
{
    const char *incident = sinter_incident_log_find_open(self->incidents, self->uuid);

    if (!incident)
        return sinter_policy_caution_check(plan, self->domain, self->keep, error);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CANCELLED, "incident %s of the domain is open",
                incident);
    return FALSE;
}

/* @task: (transfer full) */
static void
submit(GTask *task, SinterPlan *plan)
{
    const Order *self = g_task_get_task_data(task);
    g_autoptr(GPtrArray) jobs = NULL;
    GError *error = NULL;

    for (guint i = 0; i < plan->disks->len; i++) {
        SinterDiskPlan *part = plan->disks->pdata[i];

        part->policy = g_strdup(self->policy);
        part->reason = g_strdup(self->reason);
    }
    if (!check(self, plan, &error)) {
        fail(task, error);
        return;
    }
    jobs = sinter_executor_submit(self->executor, plan, &self->options, &error);
    if (jobs && jobs->len == 0)
        g_set_error(&error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED, "there is nothing to merge");
    if (error) {
        fail(task, error);
        return;
    }
    g_task_return_pointer(task, g_strdup(sinter_job_get_record(jobs->pdata[0])->id), g_free);
    g_object_unref(task);
}

static void on_planned(GObject *source, GAsyncResult *result, gpointer user_data);

/* @task: (transfer full) */
static void
make_plan(GTask *task)
{
    Order *self = g_task_get_task_data(task);
    g_autoptr(SinterReferenceGraph) graph = sinter_inventory_get_graph(self->inventory);
    GError *error = NULL;

    self->request = (SinterPlanRequest){ .disk = self->disk, .keep = self->keep };
    if (self->keep_base && !sinter_policy_caution_spare_base(&self->request, self->domain, &error))
        fail(task, error);
    else
        sinter_planner_task_start(&self->request, self->domain, graph, on_planned, task);
}

static void
on_planned(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GTask *task = user_data;
    Order *self = g_task_get_task_data(task);
    GError *error = NULL;
    g_autoptr(SinterPlan) plan = sinter_planner_task_finish(result, &error);

    if (!plan || !look_up(self, &error))
        fail(task, error);
    else if (self->domain != sinter_planner_task_get_domain(result))
        make_plan(task); /* the domain changed in between */
    else
        submit(task, plan);
}

static void
on_refreshed(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GTask *task = user_data;
    GError *error = NULL;

    if (sinter_inventory_refresh_finish(SINTER_INVENTORY(source), result, &error) &&
        look_up(g_task_get_task_data(task), &error))
        make_plan(task);
    else
        fail(task, error);
}

void
sinter_policy_order_start_async(GObject *source, const SinterPolicyOrder *order,
                                GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(source, NULL, callback, user_data);
    Order *self = g_new0(Order, 1);

    self->inventory = g_object_ref(order->inventory);
    self->executor = g_object_ref(order->executor);
    self->incidents = g_object_ref(order->incidents);
    self->uuid = g_strdup(order->uuid);
    self->disk = g_strdup(order->disk);
    self->policy = g_strdup(order->policy);
    self->reason = g_strdup(order->reason);
    self->keep = order->keep;
    self->keep_base = order->keep_base;
    self->options = order->options;
    g_task_set_task_data(task, self, order_free);
    sinter_inventory_refresh_async(self->inventory, self->uuid, NULL, on_refreshed, task);
}

char *
sinter_policy_order_start_finish(GAsyncResult *result, SinterDomain **ret_domain, GError **error)
{
    const Order *self = g_task_get_task_data(G_TASK(result));

    *ret_domain = self->domain ? sinter_domain_ref(self->domain) : NULL;
    return g_task_propagate_pointer(G_TASK(result), error);
}
