/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Deletes snapshots in place. Invariant: the root never refers to a table that is not durable, and
 * an entry that stays in the table keeps its content; only the L1 table of the snapshot that is
 * being deleted is overwritten, after it was verified that nothing else uses it.
 */

#include "qcow2-snapshot-drop.h"
#include "qcow2-in-place.h"
#include "qcow2-shadow-l1.h"
#include "qcow2-snapshot-table.h"
#include "qcow2/write/qcow2-alloc.h"
#include "qcow2/write/qcow2-rebuild.h"
#include "sinter-error.h"

/* Stores the table of the snapshots in @list; @is_prefix: the current one begins with it. */
static gboolean
place_table(SinterQcow2Writer *writer, const GPtrArray *list, gboolean is_prefix,
            SinterQcow2Root *root, GError **error)
{
    g_autoptr(GByteArray) table = NULL;

    root->n_snapshots = list->len;
    if (list->len == 0)
        root->snapshots_offset = 0;
    if (is_prefix)
        return TRUE;
    table = sinter_qcow2_snapshot_table_build(list, error);
    return table && sinter_qcow2_in_place_store(writer, table->data, table->len,
                                                &root->snapshots_offset, error);
}

/* Removes the entry, with which all references of the snapshot are gone. */
static gboolean
drop_entry(SinterQcow2Writer *writer, const char *wanted, SinterSnapshotKey key, GArray *freed,
           GError **error)
{
    g_autoptr(GPtrArray) list =
        sinter_qcow2_snapshots_load(writer->io, writer->header, NULL, error);
    SinterQcow2Snapshot *snapshot =
        list ? sinter_qcow2_snapshot_table_find(list, wanted, key, error) : NULL;
    SinterQcow2Root root = sinter_qcow2_root_of(writer->header);
    gboolean is_last;

    if (!snapshot)
        return FALSE;
    is_last = g_ptr_array_index(list, list->len - 1) == snapshot;
    g_ptr_array_remove(list, snapshot);
    return place_table(writer, list, is_last, &root, error) &&
           sinter_qcow2_in_place_recount(writer, &root, freed, error);
}

static gboolean
is_used_once(SinterQcow2Writer *writer, guint64 offset, guint64 bytes)
{
    guint64 first = offset >> writer->geo.cluster_bits;
    guint64 n = sinter_qcow2_geometry_clusters(&writer->geo, bytes);

    for (guint64 i = 0; i < n; i++) {
        guint64 count = 0;

        if (!sinter_qcow2_alloc_get_refcount(writer, first + i, &count, NULL) || count != 1)
            return FALSE;
    }
    return TRUE;
}

/* Returns whether the L1 table may be overwritten, and tables that only it refers to are freed. */
static gboolean
empties(SinterQcow2Writer *writer, const SinterQcow2Snapshot *snapshot)
{
    g_autofree guint64 *l1 = sinter_qcow2_shadow_load_snapshot_l1(writer, snapshot, NULL);

    if (!l1 || !is_used_once(writer, snapshot->l1_offset, (guint64)snapshot->l1_entries * 8))
        return FALSE;
    for (guint32 i = 0; i < snapshot->l1_entries; i++) {
        guint64 offset = l1[i] & SINTER_QCOW2_OFFSET_MASK;

        if (offset != 0 && is_used_once(writer, offset, writer->geo.cluster_size))
            return TRUE;
    }
    return FALSE;
}

/* Frees all that only the snapshot uses. FALSE without an error: nothing can be freed. */
static gboolean
empty_snapshot(SinterQcow2Writer *writer, const char *wanted, SinterSnapshotKey key, GArray *freed,
               GError **error)
{
    g_autoptr(GPtrArray) list =
        sinter_qcow2_snapshots_load(writer->io, writer->header, NULL, error);
    SinterQcow2Snapshot *snapshot =
        list ? sinter_qcow2_snapshot_table_find(list, wanted, key, error) : NULL;
    SinterQcow2Root root = sinter_qcow2_root_of(writer->header);

    if (!snapshot || !empties(writer, snapshot) ||
        !sinter_io_write_zeros(writer->io, snapshot->l1_offset, (guint64)snapshot->l1_entries * 8,
                               error) ||
        !sinter_io_flush(writer->io, error))
        return FALSE;
    return sinter_qcow2_in_place_recount(writer, &root, freed, error);
}

/* The steps; @freed gets the clusters that lost their last reference. */
static gboolean
drop(SinterQcow2Edit *edit, const char *wanted, SinterSnapshotKey key, GArray *freed,
     GError **error)
{
    g_autoptr(GError) full = NULL;
    g_autoptr(GError) local = NULL;

    /* refuses other damage, with which a recount would fail later */
    if (!sinter_qcow2_writer_rebuild(edit->writer, freed, error))
        return FALSE;
    if (drop_entry(edit->writer, wanted, key, freed, &full))
        return TRUE;
    if (!g_error_matches(full, SINTER_ERROR, SINTER_ERROR_NO_SPACE) ||
        !sinter_qcow2_edit_reopen(edit, &local) ||
        !empty_snapshot(edit->writer, wanted, key, freed, &local)) {
        g_propagate_error(error, local ? g_steal_pointer(&local) : g_steal_pointer(&full));
        return FALSE;
    }
    return sinter_qcow2_edit_reopen(edit, error) &&
           drop_entry(edit->writer, wanted, key, freed, error);
}

gboolean
sinter_qcow2_snapshot_drop(SinterQcow2Edit *edit, const char *wanted, SinterSnapshotKey key,
                           GError **error)
{
    g_autoptr(GArray) freed = g_array_new(FALSE, FALSE, sizeof(guint64));
    gboolean ok = drop(edit, wanted, key, freed, error);

    if (edit->writer)
        sinter_qcow2_in_place_punch(edit->writer, freed);
    return ok;
}
