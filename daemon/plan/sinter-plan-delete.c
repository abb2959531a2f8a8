/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The deletion of an external snapshot as merges. Its state of a disk is in the file that was
 * frozen, together with all layers below; the layer above has what changed since:
 *
 *   active       active
 *   s2           s2             base now holds the state of s2, whose metadata is redefined, and
 *   s1      →                   the file of the layer above it is removed
 *   base         base
 *
 * Invariant: no file is named for removal here: the merge proves that nothing else uses it.
 */

#include "sinter-plan-delete.h"

#include "sinter-plan-snapshots.h"

/* The place of the state that @snapshot keeps of one disk. */
typedef struct {
    const SinterDisk *disk;
    guint place;
} State;

static State
find_state(const SinterDomain *domain, const SinterSnapshotDisk *kept)
{
    const SinterLayer probe = { .type = SINTER_SOURCE_FILE,
                                .path = kept->frozen_path,
                                .device = kept->frozen_device,
                                .inode = kept->frozen_inode };

    for (guint i = 0; kept->frozen_path && i < domain->disks->len; i++) {
        const SinterDisk *disk = g_ptr_array_index(domain->disks, i);

        for (guint place = 0; place < disk->layers->len; place++) {
            if (sinter_layer_same_file(g_ptr_array_index(disk->layers, place), &probe))
                return (State){ disk, place };
        }
    }
    return (State){ NULL, SINTER_PLAN_NO_LAYER };
}

static gboolean
check_state(const SinterDomain *domain, const SinterSnapshot *snapshot,
            const SinterSnapshotDisk *kept, const State *state, GError **error)
{
    if (!state->disk)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "snapshot '%s' of domain '%s' keeps its state of disk '%s' in '%s', which is "
                    "not in the chain of a disk: it cannot be merged",
                    snapshot->name, domain->name, kept->target,
                    kept->frozen_path ? kept->frozen_path : "an unknown file");
    else if (state->place == 0)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "the state of disk '%s' that snapshot '%s' of domain '%s' kept no longer "
                    "exists: its file '%s' is the active layer; only its metadata can be deleted "
                    "(virsh snapshot-delete --metadata)",
                    kept->target, snapshot->name, domain->name, kept->frozen_path);
    else
        return TRUE;
    return FALSE;
}

static gboolean
add_request(GArray *requests, const SinterPlanRequest *request, const State *state)
{
    SinterPlanRequest merge = *request;

    merge.disk = state->disk->target;
    merge.operation_set = TRUE;
    merge.operation = state->place == 1 ? SINTER_OPERATION_ACTIVE_COMMIT : SINTER_OPERATION_COMMIT;
    merge.top = ((SinterLayer *)g_ptr_array_index(state->disk->layers, state->place - 1))->path;
    merge.base = ((SinterLayer *)g_ptr_array_index(state->disk->layers, state->place))->path;
    if (merge.top)
        g_array_append_val(requests, merge);
    return merge.top != NULL;
}

/* (nullable) */
static const SinterSnapshot *
find_snapshot(const SinterDomain *domain, const char *name, GError **error)
{
    const SinterSnapshot *snapshot = sinter_domain_find_snapshot(domain, name);

    if (!snapshot)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "domain '%s' has no snapshot '%s'",
                    domain->name, name);
    else if (snapshot->internal)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "snapshot '%s' of domain '%s' is internal: it can only be deleted with virsh "
                    "snapshot-delete",
                    name, domain->name);
    else if (snapshot->memory_path)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "snapshot '%s' of domain '%s' has a memory file, '%s': snapshots with memory "
                    "cannot be deleted; delete its metadata (virsh snapshot-delete --metadata) and "
                    "the file, then merge the layer",
                    name, domain->name, snapshot->memory_path);
    else
        return snapshot;
    return NULL;
}

GArray *
sinter_plan_delete_make_requests(const SinterPlanRequest *request, const SinterDomain *domain,
                                 GError **error)
{
    const SinterSnapshot *snapshot = find_snapshot(domain, request->delete_snapshot, error);
    g_autoptr(GArray) requests = g_array_new(FALSE, FALSE, sizeof(SinterPlanRequest));

    for (guint i = 0; snapshot && i < snapshot->disks->len; i++) {
        const SinterSnapshotDisk *kept = g_ptr_array_index(snapshot->disks, i);
        State state;

        if (!kept->external)
            continue;
        state = find_state(domain, kept);
        if (!check_state(domain, snapshot, kept, &state, error))
            return NULL;
        if (!add_request(requests, request, &state)) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                        "the layer above the state of disk '%s' is not a file", kept->target);
            return NULL;
        }
    }
    if (snapshot && requests->len == 0)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "snapshot '%s' of domain '%s' keeps the state of no disk: only its metadata "
                    "can be deleted (virsh snapshot-delete --metadata)",
                    snapshot->name, domain->name);
    return requests->len > 0 ? g_steal_pointer(&requests) : NULL;
}

/* The merge takes the states in the base and, if the active layer is merged, the one that the
 * active layer held when the domain was last started. */
void
sinter_plan_draft_check_delete(SinterPlanDraft *draft)
{
    const char *deleted = draft->request->delete_snapshot;

    for (guint i = 0; i < draft->domain->snapshots->len; i++) {
        const SinterSnapshot *snapshot = g_ptr_array_index(draft->domain->snapshots, i);
        guint place = sinter_plan_draft_find_dropped(draft, snapshot);

        if (sinter_plan_draft_is_refused(draft) || g_str_equal(snapshot->name, deleted) ||
            place == SINTER_PLAN_NO_LAYER)
            continue;
        sinter_plan_draft_refuse(
            draft, SINTER_REFUSAL_SHARED_BASE,
            "snapshot '%s' of domain '%s' keeps a state in '%s', which the deletion of snapshot "
            "'%s' would change: delete one of them with virsh snapshot-delete --metadata",
            snapshot->name, draft->domain->name, sinter_plan_draft_layer(draft, place)->description,
            deleted);
    }
}
