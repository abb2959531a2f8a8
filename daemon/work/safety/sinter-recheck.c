/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs the planner again, just before a start. Invariant: a job starts only if the planner would
 * make the same plan for the present host: with the same resulting chain, and touching no snapshot
 * that the plan did not name.
 */

#include "sinter-recheck.h"

#include "sinter-planner.h"

#include <string.h>

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
        .ignore_migrated = plan->ignore_migrated,
        .drop_checkpoints = plan->drop_checkpoints && plan->drop_checkpoints[0],
        .adopt = plan->adopt,
        .abort = plan->abort,
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
           names_are_among(now->drop_checkpoints, then->drop_checkpoints) &&
           names_are_among(now->redefine_snapshots, then->redefine_snapshots);
}

/* Returns FALSE. */
static gboolean
set_refused(const SinterDiskPlan *now, GError **error)
{
    const SinterRefusal *refusal = g_ptr_array_index(now->refusals, 0);

    g_set_error(error, SINTER_ERROR, sinter_refusal_code_error(refusal->code),
                "the plan is no longer possible: %s", refusal->text);
    return FALSE;
}

/* Returns FALSE. */
static gboolean
set_changed(const SinterJobRecord *record, GError **error)
{
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                "the chain of domain '%s', disk %s, or its snapshots have changed since the plan "
                "was made; make a new plan",
                record->domain_name, record->plan->disk);
    return FALSE;
}

static gboolean
check_same(const SinterJobRecord *record, const SinterPlan *plan, GError **error)
{
    const SinterDiskPlan *now = g_ptr_array_index(plan->disks, 0);

    if (now->refusals->len > 0)
        return set_refused(now, error);
    return is_same_plan(record->plan, now) || set_changed(record, error);
}

static SinterReferenceGraph *
new_graph(const SinterHost *host)
{
    return sinter_reference_graph_new_with_strays(host->domains, host->strays);
}

static SinterDomain *
must_find_domain(const SinterJobRecord *record, const SinterHost *host, GError **error)
{
    SinterDomain *domain = sinter_host_find_domain(host, record->domain_uuid);

    if (!domain)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "domain '%s' no longer exists",
                    record->domain_name);
    return domain;
}

/* The temporary overlay of a check must be merged back: only what the merge would certainly destroy
 * is a reason against it, not what merely speaks against a consolidation. */
static gboolean
recheck_overlay(const SinterJobRecord *record, const SinterHost *host, GError **error)
{
    const SinterDomain *domain = must_find_domain(record, host, error);
    const SinterDisk *disk = domain ? sinter_domain_find_disk(domain, record->plan->disk) : NULL;
    g_autoptr(SinterReferenceGraph) graph = new_graph(host);

    if (domain && !domain->active && domain->has_managed_save) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "domain '%s' has a managed save image, which needs the temporary overlay",
                    record->domain_name);
        return FALSE;
    }
    for (guint i = 0; disk && i < MIN(disk->layers->len, 2); i++) {
        const SinterLayer *layer = disk->layers->pdata[i];
        const SinterReference *user = sinter_reference_graph_find_foreign(
            graph, layer, record->domain_uuid, record->plan->disk);
        g_autofree char *words = NULL;

        if (!user)
            continue;
        words = sinter_reference_describe(user);
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_SHARED_BASE, "'%s' is now also used by %s",
                    layer->description, words);
        return FALSE;
    }
    return domain != NULL;
}

gboolean
sinter_recheck_check(const SinterJobRecord *record, const SinterHost *host, GError **error)
{
    const SinterPlanRequest request = { .disk = record->plan->disk,
                                        .operation_set = TRUE,
                                        .operation = SINTER_OPERATION_CHECK,
                                        .live = TRUE,
                                        .ignore_manager = record->plan->ignore_manager };
    SinterDomain *domain = must_find_domain(record, host, error);
    g_autoptr(SinterReferenceGraph) graph = NULL;
    g_autoptr(SinterPlan) plan = NULL;
    const SinterDiskPlan *now;

    if (!domain)
        return FALSE;
    graph = new_graph(host);
    plan = sinter_planner_plan(&request, domain, graph, 0, error);
    if (!plan)
        return FALSE;
    now = g_ptr_array_index(plan->disks, 0);
    if (now->refusals->len > 0)
        return set_refused(now, error);
    if (now->seal && same_strings(now->chain_before, record->plan->chain_after))
        return TRUE;
    return set_changed(record, error);
}

gboolean
sinter_recheck_plan(const SinterJobRecord *record, const SinterHost *host, GError **error)
{
    SinterPlanRequest request = request_of(record->plan);
    SinterDomain *domain = must_find_domain(record, host, error);
    g_autoptr(SinterReferenceGraph) graph = NULL;
    g_autoptr(SinterPlan) plan = NULL;

    if (!domain)
        return FALSE;
    if (record->plan->operation == SINTER_OPERATION_CHECK)
        return recheck_overlay(record, host, error);
    graph = new_graph(host);
    plan = sinter_planner_plan(&request, domain, graph, 0, error);
    return plan && check_same(record, plan, error);
}
