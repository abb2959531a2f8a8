/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Plans snapshots: which disks, the names of the new overlays, and the reasons against it. Each
 * disk is judged in a draft of its own; their refusals are collected in one plan. Invariant: a plan
 * that is not refused names one overlay for each disk, and no two of them are the same file.
 */

#include "sinter-snapshot-planner.h"

#include "sinter-plan-choice.h"
#include "sinter-plan-draft.h"
#include "sinter-plan-hosts.h"
#include "sinter-plan-refusals.h"
#include "sinter-units.h"

#include <string.h>

/* libvirt's limit of the layers of a disk. */
#define MAX_LAYERS 200

/* Fewer layers than that are left: told long before libvirt refuses. */
#define MANY_LAYERS 100

/* What is required to be free for the guest's writes. */
#define ROOM_BYTES (G_GUINT64_CONSTANT(64) * 1024 * 1024)

/* --- the name --------------------------------------------------------------------------------- */

static gboolean
is_valid_name(const char *name)
{
    gboolean valid = *name != '\0' && *name != '.' && !strchr(name, '/');

    for (; valid && *name; name++)
        valid = (guchar)*name >= ' ' && *name != 0x7f;
    return valid;
}

/* (transfer full) (nullable) */
static char *
choose_name(const SinterPlanRequest *request, const SinterDomain *domain, gint64 now_usec,
            GError **error)
{
    const char *wanted = request->snapshot_name;
    gint64 second = now_usec / G_USEC_PER_SEC;

    if (!wanted) { /* as libvirt names them */
        g_autofree char *name = g_strdup_printf("%" G_GINT64_FORMAT, second);

        while (sinter_domain_find_snapshot(domain, name)) {
            g_free(name);
            name = g_strdup_printf("%" G_GINT64_FORMAT, ++second);
        }
        return g_steal_pointer(&name);
    }
    if (!is_valid_name(wanted))
        g_set_error(
            error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
            "invalid name '%.64s' of a snapshot: it is part of the names of files, and must "
            "not begin with a dot or contain a slash or control characters",
            wanted);
    else if (sinter_domain_find_snapshot(domain, wanted))
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "domain '%s' already has a snapshot '%s'", domain->name, wanted);
    else
        return g_strdup(wanted);
    return NULL;
}

/* --- the disks -------------------------------------------------------------------------------- */

static gboolean
is_candidate(const SinterDisk *disk)
{
    return disk->layers->len > 0 && !disk->read_only && g_strcmp0(disk->device, "cdrom") != 0 &&
           g_strcmp0(disk->device, "floppy") != 0;
}

static GPtrArray *
choose_named(const SinterPlanRequest *request, const SinterDomain *domain, GError **error)
{
    g_autoptr(GPtrArray) chosen = g_ptr_array_new();

    for (guint i = 0; request->disks[i]; i++) {
        const SinterPlanRequest named = { .disk = request->disks[i] };
        const SinterDisk *disk = sinter_plan_choose_named(&named, domain, error);

        if (!disk)
            return NULL;
        if (!g_ptr_array_find(chosen, disk, NULL))
            g_ptr_array_add(chosen, (gpointer)disk);
    }
    return g_steal_pointer(&chosen);
}

/* (transfer container) (nullable) (element-type SinterDisk): at least one */
static GPtrArray *
choose_disks(const SinterPlanRequest *request, const SinterDomain *domain, GError **error)
{
    g_autoptr(GPtrArray) chosen = NULL;

    if (request->disks[0])
        return choose_named(request, domain, error);
    chosen = g_ptr_array_new();
    for (guint i = 0; i < domain->disks->len; i++) {
        SinterDisk *disk = g_ptr_array_index(domain->disks, i);

        if (is_candidate(disk))
            g_ptr_array_add(chosen, disk);
    }
    if (chosen->len > 0)
        return g_steal_pointer(&chosen);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "domain '%s' has no writable disk to take a snapshot of", domain->name);
    return NULL;
}

/* --- reasons against it ----------------------------------------------------------------------- */

static void
refuse_shareable(SinterPlanDraft *draft)
{
    if (draft->disk->shareable)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_SHAREABLE,
                                 "disk '%s' of domain '%s' is shareable: others can write to it "
                                 "below an overlay; name the other disks (--disk)",
                                 draft->disk->target, draft->domain->name);
}

/* libvirt keeps snapshots with the definition. */
static void
refuse_transient(SinterPlanDraft *draft)
{
    if (!draft->domain->persistent)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_TRANSIENT,
                                 "domain '%s' is transient: its snapshots would be lost when it "
                                 "ends",
                                 draft->domain->name);
    else if (draft->disk->transient)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_TRANSIENT,
                                 "disk '%s' of domain '%s' is transient; name the other disks "
                                 "(--disk)",
                                 draft->disk->target, draft->domain->name);
}

static void
refuse_image(SinterPlanDraft *draft)
{
    const SinterLayer *active = sinter_plan_draft_layer(draft, 0);
    const char *target = draft->disk->target;
    const char *domain = draft->domain->name;

    if (active->type != SINTER_SOURCE_FILE || !active->path)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_UNSUPPORTED,
                                 "'%s', the active layer of disk '%s' of domain '%s', is not a "
                                 "file: there is no directory for an overlay; name the other disks "
                                 "(--disk)",
                                 active->description, target, domain);
    else if (active->missing)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_MISSING_LAYER,
                                 "'%s', the active layer of disk '%s' of domain '%s', does not "
                                 "exist",
                                 active->path, target, domain);
    else if (!active->format || active->virtual_size_bytes == 0)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_UNREADABLE,
                                 "the format or the size of '%s', the active layer of disk '%s' of "
                                 "domain '%s', is unknown%s%s",
                                 active->path, target, domain, active->problem ? ": " : "",
                                 active->problem ? active->problem : "");
    else if (active->has_internal_snapshots)
        sinter_plan_draft_refuse(
            draft, SINTER_REFUSAL_INTERNAL_SNAPSHOT,
            "'%s', the active layer of disk '%s' of domain '%s', has internal "
            "snapshots, which libvirt cannot use below an overlay: delete them "
            "first, or name the other disks (--disk)",
            active->path, target, domain);
}

static void
refuse_other_next_boot(SinterPlanDraft *draft)
{
    if (!draft->domain->active || !draft->domain->persistent ||
        sinter_plan_draft_next_boot_agrees(draft))
        return;
    sinter_plan_draft_refuse(draft, SINTER_REFUSAL_UNSUPPORTED,
                             "the persistent definition of domain '%s' does not name the active "
                             "layer of disk '%s', and would not name an overlay either: change the "
                             "definition to the live image (virsh edit)",
                             draft->domain->name, draft->disk->target);
}

static void
refuse_depth(SinterPlanDraft *draft)
{
    guint depth = draft->disk->layers->len;

    if (depth >= MAX_LAYERS)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_UNSUPPORTED,
                                 "disk '%s' of domain '%s' has %u layers, and libvirt supports %u: "
                                 "consolidate first",
                                 draft->disk->target, draft->domain->name, depth, MAX_LAYERS);
    else if (depth >= MANY_LAYERS)
        sinter_plan_draft_warn(draft,
                               "disk '%s' of domain '%s' has %u layers of at most %u: consolidate "
                               "it soon",
                               draft->disk->target, draft->domain->name, depth, MAX_LAYERS);
}

static void
refuse_space(SinterPlanDraft *draft)
{
    const SinterLayer *active = sinter_plan_draft_layer(draft, 0);
    guint64 need = MIN(ROOM_BYTES, active->virtual_size_bytes);
    g_autofree char *need_text = sinter_units_format_bytes(need);
    g_autofree char *free_text = sinter_units_format_bytes(active->fs_free_bytes);

    if (active->fs_device != 0 && active->fs_free_bytes < need)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_NO_SPACE,
                                 "an overlay on '%s' needs %s of free space at least, and its file "
                                 "system has only %s available",
                                 active->description, need_text, free_text);
}

/* The new overlay of a domain that is shut off would have no dirty bitmaps. */
static void
refuse_checkpoints(SinterPlanDraft *draft)
{
    if (!draft->domain->active && draft->domain->checkpoints->len > 0)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_CHECKPOINT,
                                 "domain '%s' is shut off and has checkpoints, which a snapshot "
                                 "would break: start it first",
                                 draft->domain->name);
}

static void
judge_disk(SinterPlanDraft *draft)
{
    static void (*const checks[])(SinterPlanDraft *) = {
        sinter_plan_draft_check_partial, refuse_shareable, refuse_transient, refuse_image,
        refuse_other_next_boot,          refuse_depth,     refuse_space,     refuse_checkpoints,
    };

    if (draft->disk->layers->len == 0) {
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_UNSUPPORTED,
                                 "disk '%s' of domain '%s' has no image", draft->disk->target,
                                 draft->domain->name);
        return;
    }
    if (!sinter_plan_draft_check_responds(draft))
        return;
    sinter_plan_draft_check_manager(draft);
    sinter_plan_draft_check_read_only(draft);
    sinter_plan_draft_check_managed_save(draft);
    if (!draft->domain->active)
        sinter_plan_draft_check_hosts(draft);
    sinter_plan_draft_check_busy(draft);
    for (gsize i = 0; i < G_N_ELEMENTS(checks); i++)
        checks[i](draft);
}

/* --- the plan --------------------------------------------------------------------------------- */

/* (transfer full): beside @image; without its extension, as libvirt names overlays. @target:
 * (nullable): becomes part of the name */
static char *
name_overlay(const char *image, const char *target, const char *snapshot)
{
    g_autofree char *folder = g_path_get_dirname(image);
    g_autofree char *stem = g_path_get_basename(image);
    char *dot = strrchr(stem, '.');
    g_autofree char *name = NULL;

    if (dot && dot != stem)
        *dot = '\0';
    name = g_strconcat(stem, target ? "-" : "", target ? target : "", ".", snapshot, NULL);
    return g_build_filename(folder, name, NULL);
}

static gboolean
is_twice(const GPtrArray *paths, const char *path)
{
    guint n = 0;

    for (guint i = 0; i < paths->len; i++)
        n += g_strcmp0(paths->pdata[i], path) == 0;
    return n > 1;
}

/* @images: (element-type utf8) */
static void
name_overlays(SinterDiskPlan *part, const GPtrArray *images)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GStrvBuilder) overlays = g_strv_builder_new();

    for (guint i = 0; i < images->len; i++)
        g_ptr_array_add(names, name_overlay(images->pdata[i], NULL, part->snapshot_name));
    for (guint i = 0; i < images->len; i++) {
        g_autofree char *longer =
            name_overlay(images->pdata[i], part->snapshot_disks[i], part->snapshot_name);

        g_strv_builder_add(overlays, is_twice(names, names->pdata[i]) ? longer : names->pdata[i]);
    }
    g_strfreev(part->overlay_paths);
    part->overlay_paths = g_strv_builder_end(overlays);
}

static void
take_verdicts(SinterDiskPlan *part, SinterPlanDraft *draft)
{
    g_ptr_array_extend_and_steal(part->refusals, g_steal_pointer(&draft->plan->refusals));
    g_ptr_array_extend_and_steal(part->warnings, g_steal_pointer(&draft->plan->warnings));
    draft->plan->refusals = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_refusal_free);
    draft->plan->warnings = g_ptr_array_new_with_free_func(g_free);
}

static void
write_targets(SinterDiskPlan *part, const GPtrArray *disks)
{
    g_autoptr(GStrvBuilder) targets = g_strv_builder_new();

    for (guint i = 0; i < disks->len; i++)
        g_strv_builder_add(targets, ((const SinterDisk *)g_ptr_array_index(disks, i))->target);
    g_strfreev(part->snapshot_disks);
    part->snapshot_disks = g_strv_builder_end(targets);
}

/* Names the images of the disks, which are all possible. */
static void
write_images(SinterDiskPlan *part, const GPtrArray *disks)
{
    g_autoptr(GStrvBuilder) frozen = g_strv_builder_new();
    g_autoptr(GPtrArray) images = g_ptr_array_new();

    for (guint i = 0; i < disks->len; i++) {
        const SinterDisk *disk = g_ptr_array_index(disks, i);
        const SinterLayer *active = g_ptr_array_index(disk->layers, 0);

        g_strv_builder_add(frozen, active->path);
        g_ptr_array_add(images, active->path);
    }
    g_strfreev(part->frozen_paths);
    part->frozen_paths = g_strv_builder_end(frozen);
    name_overlays(part, images);
}

static SinterDiskPlan *
new_part(const SinterDomain *domain, const SinterDisk *first, const SinterPlanRequest *request)
{
    SinterDiskPlan *part = sinter_disk_plan_new(first->target);

    part->operation = SINTER_OPERATION_SNAPSHOT;
    part->offline = !domain->active;
    part->ignore_manager = request->ignore_manager;
    part->ignore_migrated = request->ignore_migrated;
    part->snapshot_description = g_strdup(request->snapshot_description);
    g_strfreev(part->chain_before);
    g_strfreev(part->chain_after);
    part->chain_before = sinter_disk_dup_chain(first);
    part->chain_after = g_strdupv(part->chain_before);
    return part;
}

SinterPlan *
sinter_snapshot_planner_plan(const SinterPlanRequest *request, const SinterDomain *domain,
                             const SinterReferenceGraph *graph, gint64 now_usec, GError **error)
{
    g_autofree char *name = choose_name(request, domain, now_usec, error);
    g_autoptr(GPtrArray) disks = name ? choose_disks(request, domain, error) : NULL;
    SinterDiskPlan *part;
    SinterPlan *plan;

    if (!disks)
        return NULL;
    part = new_part(domain, g_ptr_array_index(disks, 0), request);
    part->snapshot_name = g_steal_pointer(&name);
    for (guint i = 0; i < disks->len; i++) {
        g_autoptr(SinterPlanDraft) draft =
            sinter_plan_draft_new(request, domain, g_ptr_array_index(disks, i), graph);

        draft->plan->offline = part->offline;
        judge_disk(draft);
        take_verdicts(part, draft);
    }
    write_targets(part, disks);
    if (part->refusals->len == 0)
        write_images(part, disks);
    plan = sinter_plan_new();
    plan->domain_uuid = g_strdup(domain->uuid);
    plan->domain_name = g_strdup(domain->name);
    plan->domain_active = domain->active;
    plan->created_usec = now_usec;
    g_ptr_array_add(plan->disks, part);
    return plan;
}
