/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Deletes snapshots of sound and of damaged images. Invariant: names are resolved before anything
 * changes; each step leaves an image that has a snapshot or does not have it.
 */

#include "qcow2-snapshot-delete.h"
#include "format/sinter-repair-plan.h"
#include "qcow2-repair.h"
#include "qcow2-snapshot-restore.h"
#include "qcow2/change/qcow2-edit.h"
#include "qcow2/change/qcow2-snapshot-drop.h"
#include "qcow2/change/qcow2-snapshot-write.h"
#include "qcow2/layout/qcow2-header.h"
#include "qcow2/read/qcow2-snapshot.h"
#include "sinter-error.h"

#include <string.h>

static GPtrArray *
load_list(SinterIo *io, GError **error)
{
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, error);

    if (!header)
        return NULL;
    if (header->has_geometry)
        return sinter_qcow2_snapshots_load(io, header, NULL, error);
    sinter_error_refuse(error, SINTER_ERROR_CORRUPT,
                        "the header of the image is damaged; examine it with 'sinter-img check'");
    return NULL;
}

/* Without the clusters of the snapshots, which are freed if that is certainly right. */
static gboolean
drop(const SinterFormatFile *file, const GArray *indices, GError **error)
{
    SinterRepairOptions options = { .level = SINTER_REPAIR_LEAKS };
    g_autoptr(SinterRepairResult) result = sinter_repair_result_new();
    gboolean may_free;

    if (!sinter_qcow2_snapshot_forget(file->io, &options, indices, &may_free, error))
        return FALSE;
    /* what leaks now belonged to the snapshots */
    if (may_free)
        options.choices = SINTER_REPAIR_FREE_LEAKS;
    return sinter_qcow2_repair(file, &options, result, error);
}

/* Whether a failure of the ordinary way is due to damage. */
static gboolean
is_damage(const GError *error)
{
    return g_error_matches(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
}

static gboolean
delete_ordinarily(const SinterFormatFile *file, const char *wanted, SinterSnapshotKey key,
                  GError **error)
{
    g_auto(SinterQcow2Edit) edit = { .file = file };
    g_autoptr(GError) local = NULL;

    if (!sinter_qcow2_edit_open(&edit, error))
        return FALSE;
    if (sinter_qcow2_snapshot_delete(edit.writer, wanted, key, &local))
        return TRUE;
    /* on a full file system there is no room for a new generation of the metadata */
    if (g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NO_SPACE))
        return sinter_qcow2_edit_reopen(&edit, error) &&
               sinter_qcow2_snapshot_drop(&edit, wanted, key, error);
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
matches(const SinterQcow2Snapshot *snapshot, const char *wanted, SinterSnapshotKey key)
{
    return strcmp(snapshot->name, wanted) == 0 ||
           (key == SINTER_SNAPSHOT_BY_ID_OR_NAME && strcmp(snapshot->id, wanted) == 0);
}

static gboolean
drop_first(const SinterFormatFile *file, const char *wanted, SinterSnapshotKey key, GError **error)
{
    g_autoptr(GPtrArray) list = load_list(file->io, error);
    g_autoptr(GArray) indices = g_array_new(FALSE, FALSE, sizeof(guint));

    if (!list)
        return FALSE;
    for (guint i = 0; i < list->len && indices->len == 0; i++) {
        if (matches(g_ptr_array_index(list, i), wanted, key))
            g_array_append_val(indices, i);
    }
    return indices->len > 0 ? drop(file, indices, error)
                            : sinter_error_refuse(error, SINTER_ERROR_NOT_FOUND,
                                                  "there is no snapshot '%s'", wanted);
}

gboolean
sinter_qcow2_snapshot_delete_one(const SinterFormatFile *file, const char *wanted,
                                 SinterSnapshotKey key, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (delete_ordinarily(file, wanted, key, &local))
        return TRUE;
    if (is_damage(local))
        return drop_first(file, wanted, key, error);
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
is_kept(const SinterQcow2Snapshot *snapshot, const char *const *kept)
{
    for (; *kept; kept++) {
        if (matches(snapshot, *kept, SINTER_SNAPSHOT_BY_ID_OR_NAME))
            return TRUE;
    }
    return FALSE;
}

/* Sets @ret_ids to the ids of the snapshots to delete, @ret_indices to their places. */
static gboolean
choose(const SinterFormatFile *file, const char *const *kept, GPtrArray *ret_ids,
       GArray *ret_indices, GError **error)
{
    g_autoptr(GPtrArray) list = load_list(file->io, error);

    for (gsize i = 0; list && kept[i]; i++) {
        if (!sinter_qcow2_snapshot_find(list, kept[i], error))
            return FALSE;
    }
    for (guint i = 0; list && i < list->len; i++) {
        const SinterQcow2Snapshot *snapshot = g_ptr_array_index(list, i);

        if (is_kept(snapshot, kept))
            continue;
        g_ptr_array_add(ret_ids, g_strdup(snapshot->id));
        g_array_append_val(ret_indices, i);
    }
    return list != NULL;
}

/* An id that two snapshots have does not say which one to delete. */
static gboolean
ids_are_unique(SinterIo *io)
{
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) list = load_list(io, NULL);

    for (guint i = 0; list && i < list->len; i++) {
        if (!g_hash_table_add(ids, ((SinterQcow2Snapshot *)g_ptr_array_index(list, i))->id))
            return FALSE;
    }
    return TRUE;
}

gboolean
sinter_qcow2_snapshot_delete_except(const SinterFormatFile *file, const char *const *kept,
                                    GError **error)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GArray) indices = g_array_new(FALSE, FALSE, sizeof(guint));
    g_autoptr(GError) local = NULL;

    if (!choose(file, kept, ids, indices, error))
        return FALSE;
    for (guint i = 0; i < ids->len; i++) {
        if (ids_are_unique(file->io) && delete_ordinarily(file, g_ptr_array_index(ids, i),
                                                          SINTER_SNAPSHOT_BY_ID_OR_NAME, &local))
            continue;
        if (local && !is_damage(local)) {
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
        /* what is left, as one step */
        g_array_set_size(indices, 0);
        g_ptr_array_set_size(ids, 0);
        return choose(file, kept, ids, indices, error) && drop(file, indices, error);
    }
    return TRUE;
}
