/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What happens to the domain's snapshots. An external snapshot keeps its state in the layer that it
 * froze, together with all layers below. After a commit of [first, base) into base
 *
 *   frozen layer          its state
 *   above first           is unchanged: kept
 *   first                 is what base now holds: kept, its metadata redefined to name base; but
 *                         if first is the active layer, the guest has written over it: dropped
 *   first + 1 … base      no longer exists: dropped
 *   below base            is unchanged: kept
 *
 * A pull changes no frozen layer: its snapshots are dropped only if the files that leave the chain
 * are removed. Snapshots are matched by the frozen file, not by the disk's target, which may have
 * been renamed since.
 */

#include "sinter-plan-snapshots.h"

/* The file that a snapshot names, in a form that can be compared with layers. Borrows @path. */
static SinterLayer
make_probe(char *path, guint64 device, guint64 inode)
{
    return (
        SinterLayer){ .type = SINTER_SOURCE_FILE, .path = path, .device = device, .inode = inode };
}

static guint
find_frozen_of_disk(const SinterPlanDraft *draft, const SinterSnapshotDisk *disk)
{
    SinterLayer probe = make_probe(disk->frozen_path, disk->frozen_device, disk->frozen_inode);

    return disk->frozen_path ? sinter_plan_draft_find_file(draft, &probe) : SINTER_PLAN_NO_LAYER;
}

gboolean
sinter_plan_keeps_state(const SinterSnapshot *snapshot, const SinterSnapshotDisk *disk)
{
    return disk->external || snapshot->internal;
}

guint
sinter_plan_draft_find_frozen(const SinterPlanDraft *draft, const SinterSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const SinterSnapshotDisk *disk = g_ptr_array_index(snapshot->disks, i);
        guint place = disk->external ? find_frozen_of_disk(draft, disk) : SINTER_PLAN_NO_LAYER;

        if (place != SINTER_PLAN_NO_LAYER)
            return place;
    }
    return SINTER_PLAN_NO_LAYER;
}

/* Returns whether the layer's content, or other content of its file besides the guest's disk, is
 * changed or removed. */
static gboolean
is_affected(const SinterPlanDraft *draft, guint place)
{
    switch (draft->plan->operation) {
    case SINTER_OPERATION_ACTIVE_COMMIT:
    case SINTER_OPERATION_COMMIT:
        return place >= draft->first && place <= draft->base;
    case SINTER_OPERATION_PULL:
        return place == 0 || (place < draft->base && !draft->request->keep_files);
    case SINTER_OPERATION_COPY:
        return place < draft->base && draft->request->pivot;
    case SINTER_OPERATION_CHECK:
    case SINTER_OPERATION_REPAIR:
    case SINTER_OPERATION_RECOVER:
    case SINTER_OPERATION_SNAPSHOT:
        return FALSE;
    }
    g_return_val_if_reached(TRUE);
}

static gboolean
refuse_internal_in_headers(SinterPlanDraft *draft)
{
    for (guint i = 0; i < draft->disk->layers->len; i++) {
        const SinterLayer *layer = sinter_plan_draft_layer(draft, i);

        if (!is_affected(draft, i) || !layer->has_internal_snapshots)
            continue;
        sinter_plan_draft_refuse(
            draft, SINTER_REFUSAL_INTERNAL_SNAPSHOT,
            "'%s', a layer of disk '%s' of domain '%s', has internal snapshots, which would be "
            "lost: delete them first, or choose a range without this layer",
            layer->description, draft->disk->target, draft->domain->name);
        return TRUE;
    }
    return FALSE;
}

static gboolean
is_any_affected(const SinterPlanDraft *draft)
{
    return draft->plan->operation != SINTER_OPERATION_COPY || draft->request->pivot;
}

/* An internal snapshot is in the image that was active then. If that is unknown, it may be in any
 * image. */
static gboolean
is_internal_affected(const SinterPlanDraft *draft, const SinterSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const SinterSnapshotDisk *disk = g_ptr_array_index(snapshot->disks, i);
        guint place = find_frozen_of_disk(draft, disk);

        if (disk->external)
            continue;
        if (place != SINTER_PLAN_NO_LAYER && is_affected(draft, place))
            return TRUE;
        if (!disk->frozen_path && g_strcmp0(disk->target, draft->disk->target) == 0 &&
            is_any_affected(draft))
            return TRUE;
    }
    return snapshot->disks->len == 0 && is_any_affected(draft);
}

void
sinter_plan_draft_check_internal_snapshots(SinterPlanDraft *draft)
{
    if (refuse_internal_in_headers(draft))
        return;
    for (guint i = 0; i < draft->domain->snapshots->len; i++) {
        const SinterSnapshot *snapshot = g_ptr_array_index(draft->domain->snapshots, i);

        if (!snapshot->internal || !is_internal_affected(draft, snapshot))
            continue;
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_INTERNAL_SNAPSHOT,
                                 "snapshot '%s' of domain '%s' is internal and may be in an image "
                                 "of disk '%s' that would change: delete it first (virsh "
                                 "snapshot-delete), or choose a range without that image",
                                 snapshot->name, draft->domain->name, draft->disk->target);
        return;
    }
}

/* Returns whether the state in the layer at @place is no longer there afterwards. */
static gboolean
is_dropped(const SinterPlanDraft *draft, guint place)
{
    switch (draft->plan->operation) {
    case SINTER_OPERATION_ACTIVE_COMMIT:
        return place <= draft->base;
    case SINTER_OPERATION_COMMIT:
        return place > draft->first && place <= draft->base;
    case SINTER_OPERATION_PULL:
        return place >= draft->first && place < draft->base && !draft->request->keep_files;
    case SINTER_OPERATION_COPY:
    case SINTER_OPERATION_CHECK:
    case SINTER_OPERATION_REPAIR:
    case SINTER_OPERATION_RECOVER:
    case SINTER_OPERATION_SNAPSHOT:
        return FALSE;
    }
    g_return_val_if_reached(FALSE);
}

guint
sinter_plan_draft_find_dropped(const SinterPlanDraft *draft, const SinterSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const SinterSnapshotDisk *disk = g_ptr_array_index(snapshot->disks, i);
        guint place = disk->external ? find_frozen_of_disk(draft, disk) : SINTER_PLAN_NO_LAYER;

        if (place != SINTER_PLAN_NO_LAYER && is_dropped(draft, place))
            return place;
    }
    return SINTER_PLAN_NO_LAYER;
}

static void
warn_of_memory_image(SinterPlanDraft *draft, const SinterSnapshot *snapshot)
{
    if (snapshot->memory_path)
        sinter_plan_draft_warn(
            draft,
            "snapshot '%s' has a memory image, '%s', which is kept but useless without its disks",
            snapshot->name, snapshot->memory_path);
}

/* The warnings about all snapshots together. */
static void
warn_of_snapshots(SinterPlanDraft *draft, const GPtrArray *dropped, const GPtrArray *outside)
{
    if (dropped->len > 0) {
        g_autofree char *names = sinter_plan_join_names(dropped);

        sinter_plan_draft_warn(
            draft,
            dropped->len == 1 ? "snapshot %s loses its state, and its metadata is deleted"
                              : "snapshots %s lose their states, and their metadata is deleted",
            names);
    }
    if (outside->len > 0) {
        g_autofree char *names = sinter_plan_join_names(outside);

        sinter_plan_draft_warn(
            draft, "the old images must be kept as long as snapshot%s %s keep%s states in them",
            outside->len == 1 ? "" : "s", names, outside->len == 1 ? "s" : "");
    }
}

/* Returns whether the layer leaves the chain while the snapshot whose state it holds still names
 * it. */
static gboolean
is_left_outside(const SinterPlanDraft *draft, guint place)
{
    if (draft->plan->operation == SINTER_OPERATION_COPY)
        return draft->request->pivot && place < draft->base;
    return draft->plan->operation == SINTER_OPERATION_PULL && place >= draft->first &&
           place < draft->base;
}

void
sinter_plan_draft_sort_snapshots(SinterPlanDraft *draft)
{
    g_autoptr(GPtrArray) dropped = g_ptr_array_new();
    g_autoptr(GPtrArray) redefined = g_ptr_array_new();
    g_autoptr(GPtrArray) outside = g_ptr_array_new();

    for (guint i = 0; i < draft->domain->snapshots->len; i++) {
        const SinterSnapshot *snapshot = g_ptr_array_index(draft->domain->snapshots, i);
        guint place = sinter_plan_draft_find_frozen(draft, snapshot);

        if (place == SINTER_PLAN_NO_LAYER)
            continue;
        if (sinter_plan_draft_find_dropped(draft, snapshot) != SINTER_PLAN_NO_LAYER) {
            g_ptr_array_add(dropped, snapshot->name);
            warn_of_memory_image(draft, snapshot);
        } else if (draft->plan->operation == SINTER_OPERATION_COMMIT && place == draft->first) {
            g_ptr_array_add(redefined, snapshot->name);
        } else if (is_left_outside(draft, place)) {
            g_ptr_array_add(outside, snapshot->name);
        }
    }
    warn_of_snapshots(draft, dropped, outside);
    g_ptr_array_add(dropped, NULL);
    g_ptr_array_add(redefined, NULL);
    g_strfreev(draft->plan->drop_snapshots);
    g_strfreev(draft->plan->redefine_snapshots);
    draft->plan->drop_snapshots = g_strdupv((char **)dropped->pdata);
    draft->plan->redefine_snapshots = g_strdupv((char **)redefined->pdata);
}

static gboolean
has_name(char **names, const char *name)
{
    return g_strv_contains((const char *const *)names, name);
}

/* A branch with unreadable files counts as a user of every layer. */
static gboolean
is_named_by(const SinterSnapshotDisk *disk, const SinterLayer *layer)
{
    SinterLayer frozen = make_probe(disk->frozen_path, disk->frozen_device, disk->frozen_inode);
    SinterLayer overlay = make_probe(disk->overlay_path, disk->overlay_device, disk->overlay_inode);

    if (disk->frozen_path && sinter_layer_same_file(&frozen, layer))
        return TRUE;
    if (disk->overlay_path && sinter_layer_same_file(&overlay, layer))
        return TRUE;
    for (guint i = 0; disk->frozen_layers && i < disk->frozen_layers->len; i++) {
        const SinterLayer *below = g_ptr_array_index(disk->frozen_layers, i);

        if ((below->problem && !below->missing) || sinter_layer_same_file(below, layer))
            return TRUE;
    }
    return FALSE;
}

const SinterSnapshot *
sinter_plan_draft_find_kept_user(const SinterPlanDraft *draft, guint place)
{
    const SinterLayer *layer = sinter_plan_draft_layer(draft, place);

    for (guint i = 0; i < draft->domain->snapshots->len; i++) {
        const SinterSnapshot *snapshot = g_ptr_array_index(draft->domain->snapshots, i);

        if (has_name(draft->plan->drop_snapshots, snapshot->name) ||
            (place == draft->first && has_name(draft->plan->redefine_snapshots, snapshot->name)))
            continue;
        for (guint j = 0; j < snapshot->disks->len; j++) {
            if (is_named_by(g_ptr_array_index(snapshot->disks, j), layer))
                return snapshot;
        }
    }
    return NULL;
}

/* Returns whether a plan of @drafts makes the state that @disk keeps meaningless, or removes it. */
static gboolean
is_gone(const GPtrArray *drafts, const SinterSnapshotDisk *disk)
{
    for (guint i = 0; i < drafts->len; i++) {
        const SinterPlanDraft *draft = g_ptr_array_index(drafts, i);
        guint place = find_frozen_of_disk(draft, disk);

        if (!sinter_plan_draft_is_refused(draft) && place != SINTER_PLAN_NO_LAYER &&
            is_dropped(draft, place))
            return TRUE;
    }
    return FALSE;
}

/* @name is dropped because of @draft's disk; warns if its states of other disks are still
 * complete. */
static void
warn_of_halves(SinterPlanDraft *draft, const GPtrArray *drafts, const char *name)
{
    const SinterSnapshot *snapshot = sinter_domain_find_snapshot(draft->domain, name);

    for (guint i = 0; i < snapshot->disks->len; i++) {
        const SinterSnapshotDisk *disk = g_ptr_array_index(snapshot->disks, i);

        if (disk->external && !is_gone(drafts, disk))
            sinter_plan_draft_warn(draft,
                                   "the metadata of snapshot '%s' is deleted, although its state "
                                   "of disk '%s' is not affected",
                                   name, disk->target);
    }
}

void
sinter_plan_drafts_warn_of_halves(const GPtrArray *drafts)
{
    for (guint i = 0; i < drafts->len; i++) {
        SinterPlanDraft *draft = g_ptr_array_index(drafts, i);
        char **names = draft->plan->drop_snapshots;

        for (guint j = 0; names[j] && !sinter_plan_draft_is_refused(draft); j++)
            warn_of_halves(draft, drafts, names[j]);
    }
}
