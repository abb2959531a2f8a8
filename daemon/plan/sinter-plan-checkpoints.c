/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What happens to the domain's checkpoints. The dirty bitmaps of a checkpoint are in the images of
 * each disk, under its name; libvirt and QEMU carry them in every block job, and the engine in
 * every merge. They are lost if the disk's new active layer, or the image that is merged into, is
 * raw: then no backup since the checkpoint is possible. libvirt changes no snapshot of a domain
 * that is shut off while the domain has checkpoints.
 */

#include "sinter-plan-checkpoints.h"

#include "sinter-plan-snapshots.h"

static gboolean
has_bitmap(const SinterCheckpoint *checkpoint, const SinterDisk *disk)
{
    return g_strv_contains((const char *const *)checkpoint->disks, disk->target);
}

/* The format of the image that gets the bitmaps. */
static const char *
get_result_format(const SinterPlanDraft *draft)
{
    if (draft->plan->operation == SINTER_OPERATION_COPY)
        return draft->plan->pivot ? draft->plan->destination_format : "qcow2";
    if (sinter_plan_draft_is_commit(draft))
        return sinter_plan_draft_layer(draft, draft->base)->format;
    return sinter_plan_draft_layer(draft, 0)->format;
}

static void
check_lost(SinterPlanDraft *draft)
{
    g_autoptr(GPtrArray) lost = g_ptr_array_new();
    g_autofree char *names = NULL;

    if (g_strcmp0(get_result_format(draft), "raw") != 0)
        return;
    for (guint i = 0; i < draft->domain->checkpoints->len; i++) {
        SinterCheckpoint *checkpoint = g_ptr_array_index(draft->domain->checkpoints, i);

        if (has_bitmap(checkpoint, draft->disk))
            g_ptr_array_add(lost, checkpoint->name);
    }
    if (lost->len == 0)
        return;
    names = sinter_plan_join_names(lost);
    if (!draft->request->drop_checkpoints) {
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_CHECKPOINT,
                                 "checkpoints of domain '%s' would be lost: %s: a raw image cannot "
                                 "store the dirty bitmaps of disk '%s'; to delete them, use "
                                 "--drop-checkpoints",
                                 draft->domain->name, names, draft->disk->target);
        return;
    }
    g_ptr_array_add(lost, NULL);
    g_strfreev(draft->plan->drop_checkpoints);
    draft->plan->drop_checkpoints = g_strdupv((char **)lost->pdata);
}

static void
check_snapshots(SinterPlanDraft *draft)
{
    if (!draft->plan->offline || draft->plan->operation != SINTER_OPERATION_COMMIT ||
        draft->domain->checkpoints->len == 0)
        return;
    for (guint i = 0; i < draft->domain->snapshots->len; i++) {
        const SinterSnapshot *snapshot = g_ptr_array_index(draft->domain->snapshots, i);

        if (sinter_plan_draft_find_frozen(draft, snapshot) != draft->first)
            continue;
        sinter_plan_draft_refuse(
            draft, SINTER_REFUSAL_CHECKPOINT,
            "domain '%s' is shut off and has checkpoints, so libvirt would not let snapshot '%s' "
            "name the image that its state is merged into: start the domain and merge then, or "
            "merge without --keep",
            draft->domain->name, snapshot->name);
    }
}

void
sinter_plan_draft_check_checkpoints(SinterPlanDraft *draft)
{
    check_lost(draft);
    check_snapshots(draft);
}
