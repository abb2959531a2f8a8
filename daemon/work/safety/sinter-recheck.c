/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs the planner again, just before a start. Invariant: a job starts only if the planner would
 * make the same plan for the present host: with the same resulting chain, and touching no snapshot
 * that the plan did not name.
 */

#include "sinter-recheck.h"

#include "sinter-planner.h"

#include <string.h>

SinterDomain *
sinter_recheck_find_domain(const GPtrArray *domains, const char *uuid)
{
    for (guint i = 0; i < domains->len; i++) {
        SinterDomain *domain = g_ptr_array_index(domains, i);

        if (g_strcmp0(domain->uuid, uuid) == 0)
            return domain;
    }
    return NULL;
}

/* The request that results in @plan. */
static SinterPlanRequest
request_of(const SinterDiskPlan *plan)
{
    gboolean pull = plan->operation == SINTER_OPERATION_PULL;
    gboolean copy = plan->operation == SINTER_OPERATION_COPY;

    SinterPlanRequest request = {
        .disk = plan->disk,
        .operation_set = TRUE,
        .operation = plan->operation,
        .top = pull || copy ? NULL : plan->top_path,
        .base = copy ? NULL : plan->base_path,
        .keep_files = !plan->remove_files || !plan->remove_files[0],
        .destination = plan->destination,
        .destination_format = plan->destination_format,
        .shallow = plan->shallow,
        .reuse_external = plan->reuse_external,
        .pivot = plan->pivot,
        .ignore_manager = plan->ignore_manager,
    };

    for (guint i = 0; i < SINTER_PLAN_MAX_IGNORED && plan->ignored_readers[i]; i++)
        request.ignored_readers[i] = plan->ignored_readers[i];
    return request;
}

static gboolean
same_strings(char *const *a, char *const *b)
{
    return a && b && g_strv_equal((const char *const *)a, (const char *const *)b);
}

/* Returns whether every name of @now is also in @then. */
static gboolean
names_are_among(char *const *now, char *const *then)
{
    for (; now && *now; now++) {
        if (!then || !g_strv_contains((const char *const *)then, *now))
            return FALSE;
    }
    return TRUE;
}

static gboolean
is_same_plan(const SinterDiskPlan *then, const SinterDiskPlan *now)
{
    return then->operation == now->operation && then->offline == now->offline &&
           same_strings(then->chain_before, now->chain_before) &&
           same_strings(then->chain_after, now->chain_after) &&
           names_are_among(now->drop_snapshots, then->drop_snapshots) &&
           names_are_among(now->redefine_snapshots, then->redefine_snapshots);
}

static gboolean
check_same(const SinterJobRecord *record, const SinterPlan *plan, GError **error)
{
    const SinterDiskPlan *now = g_ptr_array_index(plan->disks, 0);

    if (now->refusals->len > 0) {
        const SinterRefusal *refusal = g_ptr_array_index(now->refusals, 0);

        g_set_error(error, SINTER_ERROR, sinter_refusal_code_error(refusal->code),
                    "the plan is no longer possible: %s", refusal->text);
        return FALSE;
    }
    if (is_same_plan(record->plan, now))
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                "the chain of domain '%s', disk %s, or its snapshots have changed since the plan "
                "was made; make a new plan",
                record->domain_name, record->plan->disk);
    return FALSE;
}

gboolean
sinter_recheck_plan(const SinterJobRecord *record, const GPtrArray *domains, GError **error)
{
    SinterPlanRequest request = request_of(record->plan);
    SinterDomain *domain = sinter_recheck_find_domain(domains, record->domain_uuid);
    g_autoptr(SinterReferenceGraph) graph = NULL;
    g_autoptr(SinterPlan) plan = NULL;

    if (!domain) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "domain '%s' no longer exists",
                    record->domain_name);
        return FALSE;
    }
    graph = sinter_reference_graph_new((GPtrArray *)domains);
    plan = sinter_planner_plan(&request, domain, graph, 0, error);
    return plan && check_same(record, plan, error);
}
