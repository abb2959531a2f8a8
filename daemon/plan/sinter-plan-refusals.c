/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The reasons against working on a disk, except other users of its images (sinter-plan-sharing.c)
 * and free space (sinter-plan-cost.c). Two tables of checks: for the disk itself, and for the
 * layers that an operation reads or changes. Every check adds its own refusal, so that an
 * administrator sees all reasons at once; only a check after which the others are meaningless ends
 * the sequence.
 */

#include "sinter-block-job-name.h"
#include "sinter-plan-checkpoints.h"
#include "sinter-plan-hosts.h"
#include "sinter-plan-refusals.h"
#include "sinter-plan-sharing.h"
#include "sinter-plan-snapshots.h"
#include "sinter-time-text.h"
#include "sinter-units.h"

/* Returns FALSE if later checks are meaningless. */
typedef gboolean (*DiskCheck)(SinterPlanDraft *draft);

static gboolean
check_domain_readable(SinterPlanDraft *draft)
{
    if (!draft->domain->problem)
        return TRUE;
    sinter_plan_draft_refuse(
        draft, SINTER_REFUSAL_UNREADABLE,
        "domain '%s' could not be read completely, so the effects of a merge are unknown: %s",
        draft->domain->name, draft->domain->problem);
    return FALSE;
}

void
sinter_plan_draft_check_partial(SinterPlanDraft *draft)
{
    if (draft->domain->partial)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_UNREADABLE,
                                 "domain '%s' could not be read completely: %s",
                                 draft->domain->name, draft->domain->problem);
}

gboolean
sinter_plan_draft_next_boot_agrees(const SinterPlanDraft *draft)
{
    const GPtrArray *next = draft->disk->inactive_layers;

    return next && next->len > 0 &&
           sinter_layer_same_file(sinter_plan_draft_layer(draft, 0), next->pdata[0]);
}

/* A domain that does not respond now may do so soon: a job waits for it. What is on storage that
 * does not respond cannot be planned with. */
gboolean
sinter_plan_draft_check_responds(SinterPlanDraft *draft)
{
    const SinterDomain *domain = draft->domain;
    const SinterDisk *disk = draft->disk;
    g_autofree char *since = NULL;

    if (domain->unresponsive_since_usec != 0) {
        since = sinter_time_text_since(domain->unresponsive_since_usec);
        sinter_plan_draft_warn(draft,
                               "domain '%s' has not responded since %s (%s): the plan is made from "
                               "what was last known, and a job waits until the domain responds",
                               domain->name, since, domain->unresponsive_reason);
    }
    if (disk->unresponsive_since_usec == 0)
        return TRUE;
    sinter_plan_draft_refuse(draft, SINTER_REFUSAL_UNRESPONSIVE,
                             "the storage of disk '%s' of domain '%s' does not respond: %s",
                             disk->target, domain->name, disk->unresponsive_reason);
    return FALSE;
}

/* Another program keeps its own records of the images. */
gboolean
sinter_plan_draft_check_manager(SinterPlanDraft *draft)
{
    const SinterDomain *domain = draft->domain;

    if (domain->manager && !draft->request->ignore_manager)
        sinter_plan_draft_refuse(
            draft, SINTER_REFUSAL_MANAGED,
            "domain '%s' is managed by %s, which does not expect that its images change: let the "
            "manager merge them, or use --ignore-manager",
            domain->name, domain->manager);
    return TRUE;
}

static gboolean
check_device(SinterPlanDraft *draft)
{
    const char *device = draft->disk->device;

    if (!device || g_str_equal(device, "disk"))
        return TRUE;
    sinter_plan_draft_refuse(
        draft, SINTER_REFUSAL_UNSUPPORTED,
        "'%s' of domain '%s' is a device of type '%s': only the chains of disks can be changed",
        draft->disk->target, draft->domain->name, device);
    return FALSE;
}

gboolean
sinter_plan_draft_check_read_only(SinterPlanDraft *draft)
{
    if (draft->disk->read_only)
        sinter_plan_draft_refuse(
            draft, SINTER_REFUSAL_READ_ONLY,
            "disk '%s' of domain '%s' is read-only: its images must not change",
            draft->disk->target, draft->domain->name);
    return TRUE;
}

static gboolean
check_shareable(SinterPlanDraft *draft)
{
    if (draft->disk->shareable)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_SHAREABLE,
                                 "disk '%s' of domain '%s' is shareable: others can write to it "
                                 "during the job, so there is no consistent state to move",
                                 draft->disk->target, draft->domain->name);
    return TRUE;
}

static gboolean
check_transient(SinterPlanDraft *draft)
{
    if (draft->disk->transient)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_TRANSIENT,
                                 "disk '%s' of domain '%s' is transient: writes of the guest are "
                                 "discarded when it stops and must not reach a persistent layer",
                                 draft->disk->target, draft->domain->name);
    return TRUE;
}

static gboolean
check_depth(SinterPlanDraft *draft)
{
    const SinterPlanRequest *request = draft->request;
    gboolean copy = request->operation_set && request->operation == SINTER_OPERATION_COPY;
    guint n_layers = draft->disk->layers->len;

    if (n_layers > 1 || (copy && n_layers == 1))
        return TRUE;
    sinter_plan_draft_refuse(draft, SINTER_REFUSAL_NO_CHAIN,
                             "nothing to %s: disk '%s' of domain '%s' %s",
                             draft->consolidate ? "consolidate"
                             : copy             ? "copy"
                                                : "merge",
                             draft->disk->target, draft->domain->name,
                             n_layers == 0 ? "has no image" : "has a single layer");
    return FALSE;
}

/* (transfer full): the job as words, without the dash */
static char *
describe_block_job(SinterBlockJobType type)
{
    const char *name = sinter_block_job_name(type);

    if (type == SINTER_BLOCK_JOB_NONE)
        return g_strdup("mirror");
    return g_strdelimit(g_strdup(name ? name : "job of an unknown type"), "-", ' ');
}

gboolean
sinter_plan_draft_check_busy(SinterPlanDraft *draft)
{
    static const char *const mirror_states[] = {
        [SINTER_MIRROR_NONE] = "",
        [SINTER_MIRROR_COPYING] = ", still copying",
        [SINTER_MIRROR_READY] = ", ready to pivot",
        [SINTER_MIRROR_PIVOTING] = ", pivoting",
        [SINTER_MIRROR_ABORTING] = ", being cancelled",
        [SINTER_MIRROR_ENDING] = ", ending",
    };
    const SinterDisk *disk = draft->disk;
    SinterBlockJobType type =
        disk->mirror != SINTER_MIRROR_NONE ? disk->mirror_job : disk->block_job;
    g_autofree char *job = describe_block_job(type);

    if ((disk->mirror == SINTER_MIRROR_NONE && disk->block_job == SINTER_BLOCK_JOB_NONE) ||
        draft->request->adopt)
        return TRUE;
    sinter_plan_draft_refuse(
        draft, SINTER_REFUSAL_BUSY,
        "disk '%s' of domain '%s' already has a block job (%s%s): wait for it to end, or cancel it",
        disk->target, draft->domain->name, job, mirror_states[disk->mirror]);
    return TRUE;
}

/* A backup ends by itself: the job waits for it in the queue. */
static gboolean
check_busy(SinterPlanDraft *draft)
{
    const SinterDisk *disk = draft->disk;

    if (disk->mirror != SINTER_MIRROR_NONE || disk->block_job != SINTER_BLOCK_JOB_BACKUP)
        return sinter_plan_draft_check_busy(draft);
    sinter_plan_draft_warn(draft,
                           "a backup of disk '%s' of domain '%s' runs: a job waits until it ends",
                           disk->target, draft->domain->name);
    return TRUE;
}

static gboolean
check_running(SinterPlanDraft *draft)
{
    if (!draft->domain->active && !draft->plan->offline)
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_NOT_RUNNING,
                                 "a copy requires a running domain, and domain '%s' is %s: start "
                                 "it first, or use sinter-img convert",
                                 draft->domain->name,
                                 sinter_domain_state_name(draft->domain->state));
    return TRUE;
}

/* A saved QEMU state resumes with the files that it had open, by name. */
gboolean
sinter_plan_draft_check_managed_save(SinterPlanDraft *draft)
{
    if (draft->plan->offline && draft->domain->has_managed_save)
        sinter_plan_draft_refuse(
            draft, SINTER_REFUSAL_MANAGED_SAVE,
            "domain '%s' has a managed save image, which cannot be restored after a change of the "
            "chain: start the domain, or remove the image (virsh managedsave-remove)",
            draft->domain->name);
    return TRUE;
}

gboolean
sinter_plan_draft_check_disk(SinterPlanDraft *draft)
{
    static const DiskCheck checks[] = {
        check_domain_readable,
        sinter_plan_draft_check_responds,
        sinter_plan_draft_check_manager,
        check_device,
        sinter_plan_draft_check_read_only,
        check_shareable,
        check_transient,
        check_depth,
        check_busy,
        check_running,
        sinter_plan_draft_check_managed_save,
    };

    for (gsize i = 0; i < G_N_ELEMENTS(checks); i++) {
        if (!checks[i](draft))
            return FALSE;
    }
    return TRUE;
}

/* The layers that the operation reads, changes or keeps directly below: [from, to). Offline no QEMU
 * has the others open: all layers below may be read. */
static void
get_touched(const SinterPlanDraft *draft, guint *ret_from, guint *ret_to)
{
    guint n_layers = draft->disk->layers->len;

    *ret_from = sinter_plan_draft_is_commit(draft) ? draft->first : 0;
    *ret_to = draft->plan->operation == SINTER_OPERATION_COPY ? draft->base
              : draft->plan->offline                          ? n_layers
                                                              : MIN(draft->base + 1, n_layers);
}

/* Checks every layer of the chain: QEMU may still have a missing file open, but nothing could be
 * verified afterwards. */
static void
check_missing(SinterPlanDraft *draft)
{
    for (guint i = 0; i < draft->disk->layers->len; i++) {
        const SinterLayer *layer = sinter_plan_draft_layer(draft, i);

        if (layer->missing) {
            sinter_plan_draft_refuse(draft, SINTER_REFUSAL_MISSING_LAYER,
                                     "'%s', a layer of disk '%s' of domain '%s', is missing: "
                                     "restore it before the chain is changed",
                                     layer->description, draft->disk->target, draft->domain->name);
            return;
        }
    }
}

static void
check_readable(SinterPlanDraft *draft)
{
    guint from;
    guint to;

    get_touched(draft, &from, &to);
    for (guint i = from; i < to; i++) {
        const SinterLayer *layer = sinter_plan_draft_layer(draft, i);

        if (layer->problem && !layer->missing) {
            sinter_plan_draft_refuse(draft, SINTER_REFUSAL_UNREADABLE,
                                     "'%s', a layer of disk '%s' of domain '%s', could not be "
                                     "read: %s",
                                     layer->description, draft->disk->target, draft->domain->name,
                                     layer->problem);
            return;
        }
    }
}

static void
check_sources(SinterPlanDraft *draft)
{
    guint from;
    guint to;

    get_touched(draft, &from, &to);
    for (guint i = from; i < to; i++) {
        const SinterLayer *layer = sinter_plan_draft_layer(draft, i);
        gboolean local = layer->type == SINTER_SOURCE_FILE || layer->type == SINTER_SOURCE_BLOCK;

        if (!local || !layer->path) {
            sinter_plan_draft_refuse(draft, SINTER_REFUSAL_UNSUPPORTED,
                                     "'%s', a layer of disk '%s' of domain '%s', is neither a file "
                                     "nor a block device of this host",
                                     layer->description, draft->disk->target, draft->domain->name);
            return;
        }
    }
}

static gboolean
refuse_format(SinterPlanDraft *draft, guint place, const char *wanted)
{
    const SinterLayer *layer = sinter_plan_draft_layer(draft, place);

    sinter_plan_draft_refuse(
        draft, SINTER_REFUSAL_UNSUPPORTED,
        "'%s', a layer of disk '%s' of domain '%s', has %s%s%s: only %s is supported there",
        layer->description, draft->disk->target, draft->domain->name,
        layer->format ? "format '" : "unknown format", layer->format ? layer->format : "",
        layer->format ? "'" : "", wanted);
    return FALSE;
}

/* Offline, the layers below must have a format that our own engine reads. */
static void
check_formats_below(SinterPlanDraft *draft, guint from)
{
    for (guint i = from; draft->plan->offline && i < draft->disk->layers->len; i++) {
        const char *format = sinter_plan_draft_layer(draft, i)->format;

        if (g_strcmp0(format, "qcow2") == 0 || g_strcmp0(format, "raw") == 0)
            continue;
        refuse_format(draft, i, "qcow2 or raw");
        return;
    }
}

/* The written image must be qcow2, or raw at the bottom; images that are only read may have any
 * format. */
static void
check_formats(SinterPlanDraft *draft)
{
    if (draft->plan->operation == SINTER_OPERATION_PULL) {
        check_formats_below(draft, 1);
        if (g_strcmp0(sinter_plan_draft_layer(draft, 0)->format, "qcow2") != 0)
            refuse_format(draft, 0, "qcow2");
        return;
    }
    if (!sinter_plan_draft_is_commit(draft))
        return;
    for (guint i = draft->first; i <= draft->base; i++) {
        const char *format = sinter_plan_draft_layer(draft, i)->format;
        gboolean base = i == draft->base;

        if (g_strcmp0(format, "qcow2") == 0 || (base && g_strcmp0(format, "raw") == 0))
            continue;
        refuse_format(draft, i, base ? "qcow2 or raw" : "qcow2");
        return;
    }
    check_formats_below(draft, draft->base + 1);
}

/*
 * A raw image that looks like another format usually has the wrong format recorded. Writing to it,
 * or removing it, would destroy its content.
 */
static void
check_recorded_formats(SinterPlanDraft *draft)
{
    guint from;
    guint to;

    if (draft->plan->operation == SINTER_OPERATION_COPY)
        return;
    get_touched(draft, &from, &to);
    for (guint i = from; i < MIN(to, draft->base + 1); i++) {
        const SinterLayer *layer = sinter_plan_draft_layer(draft, i);

        if (!layer->looks_like)
            continue;
        sinter_plan_draft_refuse(
            draft, SINTER_REFUSAL_FORMAT_MISMATCH,
            "'%s', a layer of disk '%s' of domain '%s', is recorded as format '%s', but starts "
            "with a header of format '%s': store the correct format in its overlay (sinter-img "
            "rebase -u -b NAME -F %s OVERLAY) and in the domain XML",
            layer->description, draft->disk->target, draft->domain->name, layer->format,
            layer->looks_like, layer->looks_like);
        return;
    }
}

/* QEMU grows a qcow2 or raw file that is smaller than what is merged into it; it cannot grow a
 * device. */
static void
check_device_size(SinterPlanDraft *draft)
{
    const SinterLayer *top = sinter_plan_draft_layer(draft, draft->first);
    const SinterLayer *base;
    g_autofree char *top_size = NULL;
    g_autofree char *base_size = NULL;

    if (!sinter_plan_draft_is_commit(draft))
        return;
    base = sinter_plan_draft_layer(draft, draft->base);
    if (base->type != SINTER_SOURCE_BLOCK || g_strcmp0(base->format, "raw") != 0 ||
        base->virtual_size_bytes == 0 || base->virtual_size_bytes >= top->virtual_size_bytes)
        return;
    top_size = sinter_units_format_bytes(top->virtual_size_bytes);
    base_size = sinter_units_format_bytes(base->virtual_size_bytes);
    sinter_plan_draft_refuse(draft, SINTER_REFUSAL_UNSUPPORTED,
                             "'%s' is a raw block device of %" G_GUINT64_FORMAT
                             " bytes (%s), too small for '%s' of "
                             "%" G_GUINT64_FORMAT " bytes (%s): grow the device first",
                             base->description, base->virtual_size_bytes, base_size,
                             top->description, top->virtual_size_bytes, top_size);
}

void
sinter_plan_draft_check_layers(SinterPlanDraft *draft)
{
    static void (*const checks[])(SinterPlanDraft *) = {
        sinter_plan_draft_check_sharing,
        sinter_plan_draft_check_internal_snapshots,
        check_missing,
        check_readable,
        check_sources,
        check_formats,
        check_recorded_formats,
        check_device_size,
        sinter_plan_draft_check_checkpoints,
        sinter_plan_draft_check_hosts,
        sinter_plan_draft_check_destination,
    };

    for (gsize i = 0; i < G_N_ELEMENTS(checks); i++)
        checks[i](draft);
}
