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
#include "sinter-plan-hosts.h"
#include "sinter-plan-refusals.h"
#include "sinter-units.h"

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
    /* a repair of a running domain is refused as a whole */
    if (draft->request->live || draft->plan->operation == SINTER_OPERATION_REPAIR)
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

/* --- the overlay ------------------------------------------------------------------------------ */

/* What the overlay and the image below it may grow by while a guest writes; more is possible, but
 * a check takes seconds. */
#define OVERLAY_BYTES (G_GUINT64_CONSTANT(1024) * 1024 * 1024)

static void
refuse_shareable(SinterPlanDraft *draft)
{
    if (draft->disk->shareable)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_SHAREABLE,
                                 "disk '%s' of domain '%s' is shareable: others can write to it "
                                 "below a temporary overlay",
                                 draft->disk->target, draft->domain->name);
}

/* Without a definition, nothing would name the overlay after QEMU has ended. */
static void
refuse_transient(SinterPlanDraft *draft)
{
    if (draft->disk->transient || !draft->domain->persistent)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_TRANSIENT,
                                 "%s '%s' is transient: the guest's writes to a temporary overlay "
                                 "could be lost; check without --live",
                                 draft->disk->transient ? "disk" : "domain",
                                 draft->disk->transient ? draft->disk->target
                                                        : draft->domain->name);
}

static void
refuse_device(SinterPlanDraft *draft)
{
    const SinterLayer *active = sinter_plan_draft_layer(draft, 0);

    if (active->type != SINTER_SOURCE_FILE)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_UNSUPPORTED,
                                 "'%s', the active layer of disk '%s' of domain '%s', is not a "
                                 "file: there is no directory for a temporary overlay; check "
                                 "without --live",
                                 active->description, draft->disk->target, draft->domain->name);
}

static void
refuse_internal_snapshots(SinterPlanDraft *draft)
{
    const SinterLayer *active = sinter_plan_draft_layer(draft, 0);

    if (active->has_internal_snapshots)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_INTERNAL_SNAPSHOT,
                                 "'%s', the active layer of disk '%s' of domain '%s', has internal "
                                 "snapshots, which libvirt does not expect below an overlay; check "
                                 "without --live",
                                 active->description, draft->disk->target, draft->domain->name);
}

static void
refuse_shared(SinterPlanDraft *draft)
{
    const SinterLayer *active = sinter_plan_draft_layer(draft, 0);
    const SinterReference *user = sinter_reference_graph_find_foreign(
        draft->graph, active, draft->domain->uuid, draft->disk->target);

    if (user)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_SHARED_BASE,
                                 "'%s' is used by domain '%s' too: a temporary overlay could not "
                                 "be merged back",
                                 active->description, user->domain_name);
}

static void
refuse_other_next_boot(SinterPlanDraft *draft)
{
    if (sinter_plan_draft_next_boot_agrees(draft))
        return;
    sinter_plan_draft_refuse(draft, SINTER_REFUSAL_UNSUPPORTED,
                             "the persistent definition of domain '%s' does not name the active "
                             "layer of disk '%s', and would not name a temporary overlay either; "
                             "check without --live",
                             draft->domain->name, draft->disk->target);
}

static void
refuse_space(SinterPlanDraft *draft)
{
    const SinterLayer *active = sinter_plan_draft_layer(draft, 0);
    guint64 need = MIN(OVERLAY_BYTES, active->virtual_size_bytes);
    g_autofree char *need_text = sinter_units_format_bytes(need);
    g_autofree char *free_text = sinter_units_format_bytes(active->fs_free_bytes);

    draft->plan->peak_extra_bytes = need;
    if (active->fs_device != 0 && active->fs_free_bytes < need)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_NO_SPACE,
                                 "a temporary overlay on '%s' needs %s of free space, and its file "
                                 "system has only %s available; check without --live",
                                 active->description, need_text, free_text);
}

/* Plans the overlay if the active layer is to be checked although the guest writes to it. */
static void
plan_overlay(SinterPlanDraft *draft)
{
    static void (*const checks[])(SinterPlanDraft *) = {
        refuse_shareable,          refuse_transient,       refuse_device, refuse_shared,
        refuse_internal_snapshots, refuse_other_next_boot, refuse_space,
    };
    SinterDiskPlan *plan = draft->plan;

    if (!draft->request->live || !draft->domain->active || draft->disk->read_only ||
        !plan->check_paths[0] || g_strcmp0(plan->check_paths[0], plan->chain_before[0]) != 0)
        return;
    plan->seal = TRUE;
    plan->ignore_manager = draft->request->ignore_manager;
    sinter_plan_draft_check_manager(draft);
    plan->base_path = g_strdup(plan->chain_before[0]);
    for (gsize i = 0; i < G_N_ELEMENTS(checks); i++)
        checks[i](draft);
}

void
sinter_check_planner_name_overlay(SinterDiskPlan *plan, const char *id)
{
    g_autoptr(GStrvBuilder) chain = g_strv_builder_new();
    const char *files[] = { NULL, NULL };

    if (!plan->seal)
        return;
    g_free(plan->top_path);
    plan->top_path = g_strdup_printf("%s.sinter-check-%s", plan->base_path, id);
    files[0] = plan->top_path;
    g_strv_builder_add(chain, plan->top_path);
    g_strv_builder_addv(chain, (const char **)plan->chain_after);
    g_strfreev(plan->chain_before);
    g_strfreev(plan->remove_files);
    plan->chain_before = g_strv_builder_end(chain);
    plan->remove_files = g_strdupv((char **)files);
}

/* --- reasons against the whole check ---------------------------------------------------------- */

/* A repair changes the images, below a guest that must not notice. */
static void
check_repair(SinterPlanDraft *draft)
{
    sinter_plan_draft_check_manager(draft);
    sinter_plan_draft_check_read_only(draft);
    sinter_plan_draft_check_managed_save(draft);
    sinter_plan_draft_check_hosts(draft);
    if (draft->domain->active && !draft->request->stopped)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_RUNNING,
                                 "domain '%s' is running: a repair requires that it is shut off",
                                 draft->domain->name);
}

static gboolean
check_level(const SinterPlanRequest *request, GError **error)
{
    if (!request->level || g_str_equal(request->level, "leaks") ||
        g_str_equal(request->level, "all"))
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "invalid level '%.64s' of a repair: expected 'leaks' or 'all'", request->level);
    return FALSE;
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

    plan->operation = request->operation;
    plan->repair_leaks = g_strcmp0(request->level, "leaks") == 0;
    plan->offline = !domain->active;
    g_strfreev(plan->chain_before);
    g_strfreev(plan->chain_after);
    plan->chain_before = sinter_disk_dup_chain(disk);
    plan->chain_after = g_strdupv(plan->chain_before);
    sort_layers(draft);
    /* an image that cannot be read is what a check is for; a domain that is known only in part may
     * have block jobs that write */
    sinter_plan_draft_check_partial(draft);
    if (!sinter_plan_draft_check_responds(draft))
        return draft;
    if (plan->operation == SINTER_OPERATION_REPAIR)
        check_repair(draft);
    sinter_plan_draft_check_busy(draft);
    refuse_idle(draft);
    plan_overlay(draft);
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

    if (!check_level(request, error))
        return NULL;
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
