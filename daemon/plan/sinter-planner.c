/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The planner: selects the disks, and turns the request into a plan for each. It depends only on
 * its arguments and changes none of them, so any caller that may read can make plans at any time
 * and compare them as text. A refused disk remains in the plan with the reasons and its present
 * chain, but without steps or costs.
 */

#include "sinter-planner.h"
#include "sinter-check-planner.h"
#include "sinter-plan-adopt.h"
#include "sinter-plan-choice.h"
#include "sinter-plan-cost.h"
#include "sinter-plan-delete.h"
#include "sinter-plan-range.h"
#include "sinter-plan-refusals.h"
#include "sinter-plan-sharing.h"
#include "sinter-plan-snapshots.h"
#include "sinter-plan-steps.h"
#include "sinter-snapshot-planner.h"

static gboolean
is_operation(const SinterPlanRequest *request, SinterOperation operation)
{
    return request->operation_set && request->operation == operation;
}

/* Refuses requests that no domain could satisfy. */
static gboolean
check_request(const SinterPlanRequest *request, GError **error)
{
    gboolean copy = is_operation(request, SINTER_OPERATION_COPY);
    gboolean pull = request->pull || is_operation(request, SINTER_OPERATION_PULL);
    const struct {
        gboolean wrong;
        const char *text;
    } rules[] = {
        { request->pull && request->operation_set && !is_operation(request, SINTER_OPERATION_PULL),
          "--pull is only valid with consolidate" },
        { request->keep > 0 && request->operation_set,
          "--keep is only valid with consolidate; use --top and --base" },
        { request->keep > 0 && request->top, "--keep and --top are mutually exclusive" },
        { request->keep > 0 && pull, "--pull without --base keeps no layer for a snapshot: use "
                                     "--keep without --pull, or --pull with --base" },
        { request->top && pull,
          "--top is not valid with a pull, whose target is always the active layer" },
        { copy && (request->top || request->base),
          "--top and --base are not valid with a copy, which copies the whole chain or only the "
          "active layer (--shallow)" },
        { copy && !request->disk, "a copy requires the name of a disk" },
        { copy && !request->destination, "a copy requires a destination" },
        { copy && request->destination && !g_path_is_absolute(request->destination),
          "the destination of a copy must be an absolute path" },
        { copy && request->shallow && g_strcmp0(request->destination_format, "raw") == 0,
          "a shallow copy requires a format with backing files; raw has none" },
        { !copy && request->destination, "a destination is only valid with a copy" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (rules[i].wrong) {
            g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT, rules[i].text);
            return FALSE;
        }
    }
    return TRUE;
}

/* How suitable a disk is that was not named: only the best ones of a domain are chosen. */
typedef enum {
    SUITS_WELL,   /* has layers to merge */
    SUITS_FLAT,   /* a disk with a single layer */
    SUITS_HARDLY, /* a drive without its own chain, a read-only disk */
    N_SUITS,
} Suits;

static Suits
rank_disk(const SinterDisk *disk)
{
    if (disk->read_only || g_strcmp0(disk->device, "cdrom") == 0 ||
        g_strcmp0(disk->device, "floppy") == 0)
        return SUITS_HARDLY;
    return disk->layers->len > 1 ? SUITS_WELL : SUITS_FLAT;
}

/* (transfer container) (element-type SinterDisk) */
static GPtrArray *
choose_suitable(const SinterDomain *domain)
{
    g_autoptr(GPtrArray) chosen = g_ptr_array_new();

    for (Suits wanted = SUITS_WELL; wanted < N_SUITS && chosen->len == 0; wanted++) {
        for (guint i = 0; i < domain->disks->len; i++) {
            SinterDisk *disk = g_ptr_array_index(domain->disks, i);

            if (rank_disk(disk) == wanted)
                g_ptr_array_add(chosen, disk);
        }
    }
    return g_steal_pointer(&chosen);
}

static GPtrArray *
choose_disks(const SinterPlanRequest *request, const SinterDomain *domain, GError **error)
{
    g_autoptr(GPtrArray) chosen = NULL;
    const SinterDisk *disk;

    if (!request->disk && domain->disks->len == 0 && domain->problem) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                    "no disk of domain '%s' could be read: %s", domain->name, domain->problem);
        return NULL;
    }
    if (!request->disk)
        return choose_suitable(domain);
    disk = sinter_plan_choose_named(request, domain, error);
    if (!disk)
        return NULL;
    chosen = g_ptr_array_new();
    g_ptr_array_add(chosen, (gpointer)disk);
    return g_steal_pointer(&chosen);
}

static const char *
name_end(const SinterPlanDraft *draft, guint place)
{
    return draft->plan->chain_before[place];
}

/* Sets the ends of the range, and the request's settings of a copy. */
static void
set_ends(SinterPlanDraft *draft)
{
    const SinterPlanRequest *request = draft->request;
    SinterDiskPlan *plan = draft->plan;

    plan->top_path =
        g_strdup(name_end(draft, sinter_plan_draft_is_commit(draft) ? draft->first : 0));
    if (plan->operation != SINTER_OPERATION_COPY) {
        plan->base_path = g_strdup(name_end(draft, draft->base)); /* NULL below the last layer */
        if (plan->base_path)
            plan->base_format = g_strdup(sinter_plan_draft_layer(draft, draft->base)->format);
        return;
    }
    plan->destination = g_strdup(request->destination);
    plan->destination_format =
        g_strdup(request->destination_format ? request->destination_format : "qcow2");
    plan->shallow = request->shallow;
    plan->reuse_external = request->reuse_external;
    plan->pivot = request->pivot;
}

/* Warns if the top of the chain changes but the definition does not. */
static void
warn_of_next_boot(SinterPlanDraft *draft)
{
    const SinterDomain *domain = draft->domain;
    const SinterDisk *disk = draft->disk;
    gboolean top_changes = draft->plan->operation == SINTER_OPERATION_ACTIVE_COMMIT ||
                           (draft->plan->operation == SINTER_OPERATION_COPY && draft->plan->pivot);
    const char *new_top = draft->plan->chain_after[0];

    if (draft->plan->inactive_follows)
        return;
    if (disk->inactive_layers && disk->inactive_layers->len > 0)
        sinter_plan_draft_warn(
            draft,
            "the persistent definition of domain '%s' names '%s' for disk '%s' instead of the live "
            "'%s', and will not be updated",
            domain->name, ((SinterLayer *)g_ptr_array_index(disk->inactive_layers, 0))->description,
            disk->target, name_end(draft, 0));
    else if (top_changes && !domain->persistent)
        sinter_plan_draft_warn(
            draft, "domain '%s' is transient: its next start must use '%s' for disk '%s'",
            domain->name, new_top, disk->target);
    else if (top_changes)
        sinter_plan_draft_warn(draft,
                               "disk '%s' is not in the persistent definition of domain '%s': "
                               "attach it with '%s' the next time",
                               disk->target, domain->name, new_top);
}

/* The guest's writes cannot be throttled then, if they outrun the copy. */
static void
warn_of_throttle_group(SinterPlanDraft *draft)
{
    SinterOperation operation = draft->plan->operation;

    if (draft->disk->throttle_group && !draft->plan->offline &&
        (operation == SINTER_OPERATION_ACTIVE_COMMIT || operation == SINTER_OPERATION_COPY))
        sinter_plan_draft_warn(draft,
                               "disk '%s' of domain '%s' is in throttle group '%s': its writes are "
                               "not throttled if the copy does not converge, because the limits "
                               "hold for other disks too; the guest is suspended sooner",
                               draft->disk->target, draft->domain->name,
                               draft->disk->throttle_group);
}

static void
warn_of_managed_save(SinterPlanDraft *draft)
{
    if (draft->domain->has_managed_save)
        sinter_plan_draft_warn(draft,
                               "domain '%s' has a managed save image, which uses the present chain "
                               "and cannot be restored after a change of it",
                               draft->domain->name);
}

/* @before: (transfer full): the empty list that it replaces */
static char **
dup_ignored(char **before, const SinterPlanRequest *request)
{
    g_strfreev(before);
    return g_strdupv((char **)request->ignored_readers);
}

/* As far as one disk can be judged without the others. */
static SinterPlanDraft *
begin_draft(const SinterPlanRequest *request, const SinterDomain *domain, const SinterDisk *disk,
            const SinterReferenceGraph *graph)
{
    SinterPlanDraft *draft = sinter_plan_draft_new(request, domain, disk, graph);

    draft->plan->operation = request->operation_set ? request->operation
                             : request->pull        ? SINTER_OPERATION_PULL
                                                    : SINTER_OPERATION_ACTIVE_COMMIT;
    draft->plan->ignored_readers = dup_ignored(draft->plan->ignored_readers, request);
    draft->plan->ignore_manager = request->ignore_manager;
    draft->plan->adopt = request->adopt;
    draft->plan->abort = request->abort;
    draft->plan->ignore_migrated = request->ignore_migrated;
    draft->plan->offline = !domain->active && draft->plan->operation != SINTER_OPERATION_COPY;
    g_strfreev(draft->plan->chain_before);
    g_strfreev(draft->plan->chain_after);
    draft->plan->chain_before = sinter_disk_dup_chain(disk);
    draft->plan->chain_after = g_strdupv(draft->plan->chain_before);
    sinter_plan_draft_compare_next_boot(draft);
    if (sinter_plan_draft_check_disk(draft) && sinter_plan_draft_find_range(draft)) {
        set_ends(draft);
        if (!request->abort) /* the chain stays, whatever speaks against a merge */
            sinter_plan_draft_check_layers(draft);
    }
    sinter_plan_draft_count(draft);
    if (request->adopt)
        sinter_plan_draft_uncount(draft); /* everything is copied already */
    return draft;
}

static void
finish_draft(SinterPlanDraft *draft)
{
    if (sinter_plan_draft_is_refused(draft) || draft->request->abort)
        return;
    sinter_plan_draft_sort_snapshots(draft);
    sinter_plan_draft_write_steps(draft);
    sinter_plan_draft_count_after(draft);
    warn_of_next_boot(draft);
    warn_of_managed_save(draft);
    warn_of_throttle_group(draft);
}

/* The plan of all disks. @drafts: (element-type SinterPlanDraft): begun */
static SinterPlan *
finish_plan(GPtrArray *drafts, const SinterDomain *domain, gint64 now_usec)
{
    SinterPlan *plan = sinter_plan_new();

    sinter_plan_drafts_check_space(drafts);
    for (guint i = 0; i < drafts->len; i++)
        finish_draft(g_ptr_array_index(drafts, i));
    sinter_plan_drafts_warn_of_halves(drafts);

    plan->domain_uuid = g_strdup(domain->uuid);
    plan->domain_name = g_strdup(domain->name);
    plan->domain_active = domain->active;
    plan->created_usec = now_usec;
    for (guint i = 0; i < drafts->len; i++)
        g_ptr_array_add(plan->disks, sinter_plan_draft_steal_plan(g_ptr_array_index(drafts, i)));
    return plan;
}

static SinterPlan *
plan_merge(const SinterPlanRequest *request, const SinterDomain *domain,
           const SinterReferenceGraph *graph, gint64 now_usec, GError **error)
{
    g_autoptr(GPtrArray) disks = NULL;
    g_autoptr(GPtrArray) drafts =
        g_ptr_array_new_with_free_func((GDestroyNotify)sinter_plan_draft_free);

    if (!check_request(request, error) || !(disks = choose_disks(request, domain, error)))
        return NULL;
    for (guint i = 0; i < disks->len; i++)
        g_ptr_array_add(drafts, begin_draft(request, domain, g_ptr_array_index(disks, i), graph));
    return finish_plan(drafts, domain, now_usec);
}

static SinterPlan *
plan_delete(const SinterPlanRequest *request, const SinterDomain *domain,
            const SinterReferenceGraph *graph, gint64 now_usec, GError **error)
{
    g_autoptr(GArray) merges = sinter_plan_delete_make_requests(request, domain, error);
    g_autoptr(GPtrArray) drafts =
        g_ptr_array_new_with_free_func((GDestroyNotify)sinter_plan_draft_free);

    for (guint i = 0; merges && i < merges->len; i++) {
        const SinterPlanRequest *merge = &g_array_index(merges, SinterPlanRequest, i);
        SinterPlanDraft *draft =
            begin_draft(merge, domain, sinter_domain_find_disk(domain, merge->disk), graph);

        sinter_plan_draft_check_delete(draft);
        g_ptr_array_add(drafts, draft);
    }
    return merges ? finish_plan(drafts, domain, now_usec) : NULL;
}

SinterPlan *
sinter_planner_plan(const SinterPlanRequest *request, const SinterDomain *domain,
                    const SinterReferenceGraph *graph, gint64 now_usec, GError **error)
{
    SinterPlanRequest adopted;

    if (is_operation(request, SINTER_OPERATION_CHECK) ||
        is_operation(request, SINTER_OPERATION_REPAIR))
        return sinter_check_planner_plan(request, domain, graph, now_usec, error);
    if (is_operation(request, SINTER_OPERATION_SNAPSHOT))
        return sinter_snapshot_planner_plan(request, domain, graph, now_usec, error);
    if (request->delete_snapshot)
        return plan_delete(request, domain, graph, now_usec, error);
    if (!request->adopt)
        return plan_merge(request, domain, graph, now_usec, error);
    if (!sinter_plan_adopt_complete(request, domain, &adopted, error))
        return NULL;
    return plan_merge(&adopted, domain, graph, now_usec, error);
}
