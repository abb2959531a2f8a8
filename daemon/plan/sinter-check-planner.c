/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Plans checks. An image can be checked while nobody writes to it: if the domain is shut off, the
 * whole chain; if it runs, all layers below the active one. Two tables: reasons against a check of
 * the disk, and reasons to skip one image. Invariant: a plan names each layer once, either to be
 * checked or with the reason why it is not.
 */

#include "sinter-check-planner.h"

#include "sinter-plan-choice.h"
#include "sinter-plan-draft.h"
#include "sinter-plan-refusals.h"

/* --- reasons to skip an image ----------------------------------------------------------------- */

typedef struct {
    const SinterPlanDraft *draft;
    guint place;
    const SinterLayer *layer;
} Image;

/* (transfer full) (nullable): a clause, or %NULL if there is no such reason */
typedef char *(*SkipReason)(const Image *image);

static char *
skip_remote(const Image *image)
{
    const SinterLayer *layer = image->layer;
    gboolean local = layer->type == SINTER_SOURCE_FILE || layer->type == SINTER_SOURCE_BLOCK;

    return local && layer->path ? NULL
                                : g_strdup("it is neither a file nor a block device of this host");
}

static char *
skip_format(const Image *image)
{
    const char *format = image->layer->format;

    if (g_strcmp0(format, "qcow2") == 0)
        return NULL;
    if (!format)
        return g_strdup("its format is unknown");
    return g_strdup_printf("format '%s' has no check", format);
}

static char *
skip_written(const Image *image)
{
    const SinterPlanDraft *draft = image->draft;

    if (image->place > 0 || !draft->domain->active || draft->disk->read_only)
        return NULL;
    return g_strdup_printf("domain '%s' is running and writes to it", draft->domain->name);
}

static const SkipReason skip_reasons[] = { skip_remote, skip_format, skip_written };

static char *
find_skip_reason(const Image *image)
{
    char *reason = NULL;

    for (gsize i = 0; !reason && i < G_N_ELEMENTS(skip_reasons); i++)
        reason = skip_reasons[i](image);
    return reason;
}

/* Sorts the layers into those to be checked and those that are not. */
static void
sort_layers(SinterPlanDraft *draft)
{
    SinterDiskPlan *plan = draft->plan;
    g_autoptr(GStrvBuilder) checked = g_strv_builder_new();
    g_autoptr(GStrvBuilder) skipped = g_strv_builder_new();
    g_autoptr(GStrvBuilder) reasons = g_strv_builder_new();

    for (guint i = 0; i < draft->disk->layers->len; i++) {
        const Image image = { draft, i, sinter_plan_draft_layer(draft, i) };
        g_autofree char *reason = find_skip_reason(&image);

        if (reason) {
            g_strv_builder_add(skipped, plan->chain_before[i]);
            g_strv_builder_add(reasons, reason);
            continue;
        }
        g_strv_builder_add(checked, image.layer->path);
        if (plan->fs_device == 0)
            plan->fs_device = image.layer->fs_device;
    }
    g_strfreev(plan->check_paths);
    g_strfreev(plan->skip_paths);
    g_strfreev(plan->skip_reasons);
    plan->check_paths = g_strv_builder_end(checked);
    plan->skip_paths = g_strv_builder_end(skipped);
    plan->skip_reasons = g_strv_builder_end(reasons);
}

/* --- reasons against the whole check ---------------------------------------------------------- */

/* An image that cannot be read is what a check is for; a domain that is known only in part may have
 * block jobs that write. */
static void
refuse_partial(SinterPlanDraft *draft)
{
    if (draft->domain->partial)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_UNREADABLE,
                                 "domain '%s' could not be read completely: %s",
                                 draft->domain->name, draft->domain->problem);
}

static void
refuse_idle(SinterPlanDraft *draft)
{
    const SinterDiskPlan *plan = draft->plan;

    if (plan->check_paths[0])
        return;
    if (!plan->skip_paths[0])
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_NO_CHAIN,
                                 "nothing to check: disk '%s' of domain '%s' has no image",
                                 draft->disk->target, draft->domain->name);
    else
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_UNSUPPORTED,
                                 "no image of disk '%s' of domain '%s' can be checked: '%s': %s",
                                 draft->disk->target, draft->domain->name, plan->skip_paths[0],
                                 plan->skip_reasons[0]);
}

static SinterPlanDraft *
make_draft(const SinterPlanRequest *request, const SinterDomain *domain, const SinterDisk *disk,
           const SinterReferenceGraph *graph)
{
    SinterPlanDraft *draft = sinter_plan_draft_new(request, domain, disk, graph);
    SinterDiskPlan *plan = draft->plan;

    plan->operation = SINTER_OPERATION_CHECK;
    plan->offline = !domain->active;
    g_strfreev(plan->chain_before);
    g_strfreev(plan->chain_after);
    plan->chain_before = sinter_disk_dup_chain(disk);
    plan->chain_after = g_strdupv(plan->chain_before);
    sort_layers(draft);
    refuse_partial(draft);
    sinter_plan_draft_check_busy(draft);
    refuse_idle(draft);
    return draft;
}

static SinterPlan *
new_plan(const char *uuid, const char *name, gint64 now_usec)
{
    SinterPlan *plan = sinter_plan_new();

    plan->domain_uuid = g_strdup(uuid);
    plan->domain_name = g_strdup(name);
    plan->created_usec = now_usec;
    return plan;
}

SinterPlan *
sinter_check_planner_plan(const SinterPlanRequest *request, const SinterDomain *domain,
                          const SinterReferenceGraph *graph, gint64 now_usec, GError **error)
{
    g_autoptr(SinterPlan) plan = new_plan(domain->uuid, domain->name, now_usec);
    const SinterDisk *named = NULL;

    if (request->disk && !(named = sinter_plan_choose_named(request, domain, error)))
        return NULL;
    plan->domain_active = domain->active;
    for (guint i = 0; i < domain->disks->len; i++) {
        const SinterDisk *disk = g_ptr_array_index(domain->disks, i);
        g_autoptr(SinterPlanDraft) draft = NULL;

        if (named && disk != named)
            continue;
        draft = make_draft(request, domain, disk, graph);
        if (named || draft->plan->check_paths[0])
            g_ptr_array_add(plan->disks, sinter_plan_draft_steal_plan(draft));
    }
    return g_steal_pointer(&plan);
}

SinterPlan *
sinter_check_planner_plan_file(const char *path, gint64 now_usec)
{
    SinterPlan *plan = new_plan("", "", now_usec);
    SinterDiskPlan *part = sinter_disk_plan_new(path);
    const char *const paths[] = { path, NULL };

    part->operation = SINTER_OPERATION_CHECK;
    part->offline = TRUE;
    g_strfreev(part->check_paths);
    part->check_paths = g_strdupv((char **)paths);
    g_ptr_array_add(plan->disks, part);
    return plan;
}
