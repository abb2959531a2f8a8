/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How the steps of a remedy become a job. Invariant: a job is planned from a state of the domain
 * that was read after the remedy was chosen; a merge is planned, checked and refused like one that
 * a user requests.
 */

#include "sinter-remedy-order.h"

#include <string.h>

#include "sinter-error.h"
#include "sinter-planner-task.h"

typedef struct {
    SinterInventory *inventory;
    SinterExecutor *executor;
    char *uuid;
    char *disk;  /* "": any */
    char *layer; /* the image that the cause is about; "": unknown */
    char *incident;
    char *remedy;
    GPtrArray *steps;
    SinterPlanRequest request; /* of a merge */
} Order;

static void
order_free(gpointer data)
{
    Order *self = data;

    g_object_unref(self->inventory);
    g_object_unref(self->executor);
    g_free(self->uuid);
    g_free(self->disk);
    g_free(self->layer);
    g_free(self->incident);
    g_free(self->remedy);
    g_ptr_array_unref(self->steps);
    g_free(self);
}

/* --- plans --------------------------------------------------------------------------------------
 */

/* Takes @proposal into @part. FALSE for a step that no job can carry out. */
static gboolean
take_step(SinterDiskPlan *part, const SinterProposal *proposal, gboolean *resumes)
{
    switch (proposal->kind) {
    case SINTER_PROPOSE_WAIT_SPACE:
        part->min_free_bytes = MAX(part->min_free_bytes, proposal->bytes);
        return TRUE;
    case SINTER_PROPOSE_WAIT_STORAGE:
        return TRUE;
    case SINTER_PROPOSE_RESUME:
        part->delay_usec = (guint64)proposal->delay_sec * G_USEC_PER_SEC;
        *resumes = TRUE;
        return TRUE;
    case SINTER_PROPOSE_CONSOLIDATE:
    case SINTER_PROPOSE_EXTEND:
    case SINTER_PROPOSE_REPORT:
    case SINTER_PROPOSE_STOP:
    case SINTER_PROPOSE_REPAIR:
    case SINTER_PROPOSE_START:
        break;
    }
    return FALSE;
}

/* (transfer full) (nullable): the plan to wait and to resume */
static SinterPlan *
plan_recovery(const Order *self, SinterDomain *domain, GError **error)
{
    const SinterDisk *disk = sinter_domain_find_disk(domain, self->disk);
    SinterDiskPlan *part = sinter_disk_plan_new(self->disk);
    g_autoptr(SinterPlan) plan = sinter_plan_new();
    gboolean resumes = FALSE;
    gboolean good = disk != NULL;

    g_ptr_array_add(plan->disks, part);
    plan->domain_uuid = g_strdup(domain->uuid);
    plan->domain_name = g_strdup(domain->name);
    plan->domain_active = domain->active;
    plan->created_usec = g_get_real_time();
    part->operation = SINTER_OPERATION_RECOVER;
    part->chain_before = disk ? sinter_disk_dup_chain(disk) : NULL;
    for (guint i = 0; good && i < self->steps->len; i++)
        good = !resumes && take_step(part, self->steps->pdata[i], &resumes);
    if (good && resumes)
        return g_steal_pointer(&plan);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "sinterd cannot carry out these steps");
    return NULL;
}

/* A merge can only be the first step, and is followed by the one that resumes the guest. */
static const SinterProposal *
find_merge(const Order *self)
{
    const SinterProposal *first = self->steps->len == 2 ? self->steps->pdata[0] : NULL;
    const SinterProposal *last = first ? self->steps->pdata[1] : NULL;

    return last && first->kind == SINTER_PROPOSE_CONSOLIDATE && last->kind == SINTER_PROPOSE_RESUME
               ? first
               : NULL;
}

/* --- repairs ------------------------------------------------------------------------------------
 */

/* Reads "stop, repair, start", of which the first and the last may be absent. FALSE for other
 * steps. */
static gboolean
parse_repair(const GPtrArray *steps, gboolean *ret_stops, gboolean *ret_starts)
{
    static const SinterProposalKind kinds[] = { SINTER_PROPOSE_STOP, SINTER_PROPOSE_REPAIR,
                                                SINTER_PROPOSE_START };
    gboolean has[G_N_ELEMENTS(kinds)] = { FALSE };
    gsize place = 0;

    for (guint i = 0; i < steps->len; i++) {
        const SinterProposal *step = steps->pdata[i];

        while (place < G_N_ELEMENTS(kinds) && kinds[place] != step->kind)
            place++;
        if (place == G_N_ELEMENTS(kinds))
            return FALSE;
        has[place++] = TRUE;
    }
    *ret_stops = has[0];
    *ret_starts = has[2];
    return has[1];
}

/* The image that the guest writes to; the one that the cause is about; if that is not known, all of
 * the disk that it is about. A crash is not about a disk. */
static gboolean
is_repaired(const Order *self, const SinterDiskPlan *part, const char *path)
{
    gboolean named = *self->layer == '\0' || strcmp(path, self->layer) == 0;

    return g_strcmp0(path, part->chain_before[0]) == 0 ||
           (strcmp(part->disk, self->disk) == 0 && named);
}

static void
collect_paths(const Order *self, const SinterDiskPlan *part, GStrvBuilder *paths)
{
    for (char **path = part->check_paths; *path; path++) {
        if (is_repaired(self, part, *path))
            g_strv_builder_add(paths, *path);
    }
}

/* Makes one job of the repairs of all disks of the domain, because it is started once. A disk that
 * is refused makes that of the plan. */
static SinterPlan *
join_repairs(const Order *self, const SinterPlan *repairs, const SinterDomain *domain)
{
    g_autoptr(GStrvBuilder) paths = g_strv_builder_new();
    SinterPlan *plan = sinter_plan_new();
    SinterDiskPlan *first = NULL;
    gboolean refused = FALSE;

    plan->domain_uuid = g_strdup(repairs->domain_uuid);
    plan->domain_name = g_strdup(repairs->domain_name);
    plan->domain_active = repairs->domain_active;
    plan->created_usec = repairs->created_usec;
    for (guint i = 0; i < repairs->disks->len && !refused; i++) {
        const SinterDiskPlan *part = repairs->disks->pdata[i];
        const SinterDisk *disk = sinter_domain_find_disk(domain, part->disk);

        if (!disk || disk->read_only)
            continue;
        collect_paths(self, part, paths);
        refused = part->refusals->len > 0;
        if (first && !refused && strcmp(part->disk, self->disk) != 0)
            continue;
        g_clear_pointer(&first, sinter_disk_plan_free);
        first = sinter_disk_plan_copy(part);
    }
    if (!first)
        return plan;
    first->operation = SINTER_OPERATION_RECOVER;
    first->repairs = TRUE;
    parse_repair(self->steps, &first->stops, &first->starts);
    g_strfreev(first->check_paths);
    g_strfreev(first->chain_after);
    first->check_paths = g_strv_builder_end(paths);
    first->chain_after = g_new0(char *, 1);
    g_ptr_array_add(plan->disks, first);
    return plan;
}

/* --- the way to the job -------------------------------------------------------------------------
 */

/* (transfer full) (nullable): the domain's present state */
static SinterDomain *
lookup(const Order *self, GError **error)
{
    SinterDomain *domain = sinter_inventory_lookup(self->inventory, self->uuid);

    if (!domain)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "the domain no longer exists");
    return domain;
}

/* @task: (transfer full) */
static void
submit(GTask *task, SinterPlan *plan)
{
    const Order *self = g_task_get_task_data(task);
    const SinterJobOptions options = { 0 };
    g_autoptr(GPtrArray) jobs = NULL;
    GError *error = NULL;

    for (guint i = 0; i < plan->disks->len; i++) {
        SinterDiskPlan *part = plan->disks->pdata[i];

        part->incident = g_strdup(self->incident);
        part->remedy = g_strdup(self->remedy);
    }
    jobs = sinter_executor_submit(self->executor, plan, &options, &error);
    if (jobs && jobs->len == 0)
        g_set_error(&error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED, "there is no image to work on");
    if (error)
        g_task_return_error(task, error);
    else
        g_task_return_pointer(task, g_strdup(sinter_job_get_record(jobs->pdata[0])->id), g_free);
    g_object_unref(task);
}

static void on_planned(GObject *source, GAsyncResult *result, gpointer user_data);

/* @task: (transfer full) */
static void
make_plan(GTask *task, SinterDomain *domain)
{
    Order *self = g_task_get_task_data(task);
    const SinterProposal *merge = find_merge(self);
    gboolean stops;
    gboolean starts;
    gboolean repairs = parse_repair(self->steps, &stops, &starts);
    g_autoptr(SinterReferenceGraph) graph = NULL;
    g_autoptr(SinterPlan) plan = NULL;
    GError *error = NULL;

    if (merge)
        self->request = (SinterPlanRequest){ .disk = self->disk, .keep = merge->keep };
    if (repairs)
        self->request = (SinterPlanRequest){ .operation_set = TRUE,
                                             .operation = SINTER_OPERATION_REPAIR,
                                             .stopped = stops };
    if (merge || repairs) {
        graph = sinter_inventory_get_graph(self->inventory);
        sinter_planner_task_start(&self->request, domain, graph, on_planned, task);
        return;
    }
    plan = plan_recovery(self, domain, &error);
    if (plan) {
        submit(task, plan);
        return;
    }
    g_task_return_error(task, error);
    g_object_unref(task);
}

static void
on_planned(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GTask *task = user_data;
    const Order *self = g_task_get_task_data(task);
    GError *error = NULL;
    g_autoptr(SinterPlan) plan = sinter_planner_task_finish(result, &error);
    g_autoptr(SinterPlan) joined = NULL;
    g_autoptr(SinterDomain) domain = plan ? lookup(self, &error) : NULL;

    if (!domain) {
        g_task_return_error(task, error);
        g_object_unref(task);
    } else if (domain != sinter_planner_task_get_domain(result)) {
        make_plan(task, domain); /* the domain changed in between */
    } else if (self->request.operation_set) {
        joined = join_repairs(self, plan, domain);
        submit(task, joined);
    } else {
        submit(task, plan);
    }
}

static void
on_refreshed(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GTask *task = user_data;
    const Order *self = g_task_get_task_data(task);
    GError *error = NULL;
    g_autoptr(SinterDomain) domain = NULL;

    if (sinter_inventory_refresh_finish(SINTER_INVENTORY(source), result, &error))
        domain = lookup(self, &error);
    if (domain) {
        make_plan(task, domain);
        return;
    }
    g_task_return_error(task, error);
    g_object_unref(task);
}

void
sinter_remedy_order_start_async(GObject *source, const SinterRemedyOrder *order,
                                GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(source, NULL, callback, user_data);
    Order *self = g_new0(Order, 1);

    self->inventory = g_object_ref(order->inventory);
    self->executor = g_object_ref(order->executor);
    self->uuid = g_strdup(order->incident->domain_uuid);
    self->disk = g_strdup(order->incident->disk);
    self->layer = g_strdup(order->incident->layer);
    self->incident = g_strdup(order->incident->id);
    self->remedy = g_strdup(order->remedy);
    self->steps = g_ptr_array_ref(order->steps);
    g_task_set_task_data(task, self, order_free);
    sinter_inventory_refresh_async(self->inventory, self->uuid, NULL, on_refreshed, task);
}

char *
sinter_remedy_order_start_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

GPtrArray *
sinter_remedy_order_list_rest(void)
{
    GPtrArray *steps = g_ptr_array_new_with_free_func(g_free);
    SinterProposal *wait = g_new0(SinterProposal, 1);
    SinterProposal *resume = g_new0(SinterProposal, 1);

    /* the planner knew that the guest has room in the merged image */
    *wait = (SinterProposal){ .kind = SINTER_PROPOSE_WAIT_STORAGE, .reason = "merged" };
    *resume = (SinterProposal){ .kind = SINTER_PROPOSE_RESUME, .reason = "merged" };
    g_ptr_array_add(steps, wait);
    g_ptr_array_add(steps, resume);
    return steps;
}
