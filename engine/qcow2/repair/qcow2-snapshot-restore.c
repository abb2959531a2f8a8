/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Changes which states a damaged image has. Invariant: a state becomes the active one only if a
 * check of it alone finds no damage in its mapping; an entry of the snapshot table that cannot be
 * interpreted is never dropped.
 */

#include "qcow2-snapshot-restore.h"
#include "qcow2-generation.h"
#include "qcow2/change/qcow2-snapshot-table.h"
#include "qcow2/layout/qcow2-entries.h"
#include "qcow2/read/qcow2-l1-table.h"
#include "sinter-error.h"

static gboolean
require_snapshots(const SinterQcow2Check *check, GError **error)
{
    if (check->geo.external_data)
        return sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED,
                                   "images with an external data file cannot have internal "
                                   "snapshots");
    return check->snapshots ||
           sinter_error_refuse(
               error, check->header->n_snapshots ? SINTER_ERROR_CORRUPT : SINTER_ERROR_NOT_FOUND,
               "the image has no %ssnapshots", check->header->n_snapshots ? "readable " : "");
}

static gboolean
require_whole_table(const SinterQcow2Check *check, GError **error)
{
    return check->snapshots->len == check->header->n_snapshots ||
           sinter_error_refuse(error, SINTER_ERROR_CORRUPT,
                               "the snapshot table is damaged: only %u of %u entries can be read; "
                               "'sinter-img check -r all --also delete-snapshots' deletes the rest",
                               check->snapshots->len, check->header->n_snapshots);
}

/* Writes a snapshot table of @list for the new state. */
static gboolean
place_table(SinterQcow2Generation *generation, const GPtrArray *list, GError **error)
{
    g_autoptr(GByteArray) table = sinter_qcow2_snapshot_table_build(list, error);

    if (!table || !sinter_qcow2_generation_place(generation, table->data, table->len,
                                                 &generation->root.snapshots_offset, error))
        return FALSE;
    generation->root.n_snapshots = list->len;
    return TRUE;
}

/* The former disk size is that of all snapshots that do not store one. */
static gboolean
change_size(SinterQcow2Generation *generation, const SinterQcow2Snapshot *snapshot, GError **error)
{
    const SinterQcow2Check *check = generation->before.check;

    if (snapshot->disk_bytes == check->header->virtual_size_bytes)
        return TRUE;
    if (check->header->version < 3)
        return sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED,
                                   "a version 2 image with snapshots cannot be resized");
    if (snapshot->disk_bytes == 0)
        return sinter_error_refuse(error, SINTER_ERROR_CORRUPT,
                                   "the disk size of snapshot '%s' is 0; repair the image with "
                                   "'sinter-img check -r all'",
                                   snapshot->name);
    generation->root.virtual_size_bytes = snapshot->disk_bytes;
    return require_whole_table(check, error) && place_table(generation, check->snapshots, error);
}

/*
 * Copies the snapshot's L1 table. All that it refers to has two references from now on, so no entry
 * has the flag COPIED.
 */
static gboolean
place_l1(SinterQcow2Generation *generation, const SinterQcow2Snapshot *snapshot, GError **error)
{
    const SinterQcow2Check *check = generation->before.check;
    const SinterQcow2L1Table view = { snapshot->l1_offset, snapshot->l1_entries,
                                      snapshot->disk_bytes };
    guint32 n = snapshot->l1_entries;
    g_autofree guint64 *l1 = NULL;

    if (!sinter_qcow2_l1_table_check(&view, check->header, check->io, error))
        return FALSE;
    l1 = sinter_qcow2_entries_load(check->io, snapshot->l1_offset, n, error);
    if (!l1)
        return FALSE;
    for (guint32 i = 0; i < n; i++)
        l1[i] = GUINT64_TO_BE(l1[i] & ~SINTER_QCOW2_COPIED);
    generation->root.l1_entries = n;
    return sinter_qcow2_generation_place(generation, (const guint8 *)l1, (gsize)n * 8,
                                         &generation->root.l1_offset, error);
}

static gboolean
refuse_damaged(const SinterQcow2Snapshot *snapshot, GError **error)
{
    return sinter_error_refuse(error, SINTER_ERROR_CORRUPT,
                               "snapshot '%s' is damaged; choose another one", snapshot->name);
}

gboolean
sinter_qcow2_snapshot_restore(SinterIo *io, const SinterRepairOptions *options, const char *wanted,
                              GError **error)
{
    g_auto(SinterQcow2Generation) generation = { 0 };
    const SinterQcow2Snapshot *snapshot;
    gboolean sound = FALSE;

    if (!sinter_qcow2_generation_begin(&generation, io, options, error) ||
        !require_snapshots(generation.before.check, error))
        return FALSE;
    snapshot = sinter_qcow2_snapshot_find(generation.before.check->snapshots, wanted, error);
    if (!snapshot)
        return FALSE;
    /* bitmaps record changes of another state */
    generation.root.autoclear &= ~SINTER_QCOW2_AUTOCLEAR_BITMAPS;
    if (!change_size(&generation, snapshot, error) || !place_l1(&generation, snapshot, error) ||
        !sinter_qcow2_generation_is_sound(&generation, &sound, error))
        return FALSE;
    return sound ? sinter_qcow2_generation_commit(&generation, error)
                 : refuse_damaged(snapshot, error);
}

gboolean
sinter_qcow2_snapshot_forget(SinterIo *io, const SinterRepairOptions *options,
                             const GArray *indices, gboolean *ret_may_free, GError **error)
{
    g_auto(SinterQcow2Generation) generation = { 0 };
    g_autoptr(GPtrArray) kept = g_ptr_array_new();
    const SinterQcow2Check *check;

    if (!sinter_qcow2_generation_begin(&generation, io, options, error) ||
        !require_snapshots(generation.before.check, error) ||
        !require_whole_table(generation.before.check, error))
        return FALSE;
    check = generation.before.check;
    /* what leaked before may be the data of a table that is lost: nobody looked, because a damaged
     * mapping hides that */
    *ret_may_free = !check->leaks_may_be_lost &&
                    generation.before.checked->per_code[SINTER_FINDING_CLUSTER_LEAKED] == 0 &&
                    generation.before.checked->per_code[SINTER_FINDING_REFCOUNT_UNKNOWN] == 0;
    for (guint i = 0; i < check->snapshots->len; i++) {
        gboolean drops = FALSE;

        for (guint k = 0; k < indices->len; k++)
            drops = drops || g_array_index(indices, guint, k) == i;
        if (!drops)
            g_ptr_array_add(kept, g_ptr_array_index(check->snapshots, i));
    }
    return place_table(&generation, kept, error) &&
           sinter_qcow2_generation_commit(&generation, error);
}
