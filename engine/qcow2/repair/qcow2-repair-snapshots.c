/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The pass over the snapshot table. Snapshots are kept, with values corrected that follow from
 * others; one whose L1 table is lost is deleted only on request. Invariant: the table is written as
 * a whole beside the old one, with all extra data, and the header's first sector switches to it.
 */

#include "qcow2-repair-taken.h"
#include "qcow2/change/qcow2-snapshot-table.h"
#include "qcow2/layout/qcow2-root.h"

static const char why_delete[] = "'--also delete-snapshots' deletes the snapshot";

static const SinterFindingCode corrected_codes[] = {
    SINTER_FINDING_SNAPSHOT_EXTRA_SHORT,
    SINTER_FINDING_SNAPSHOT_ID_TWICE,
};

static const SinterFindingCode size_codes[] = {
    SINTER_FINDING_SNAPSHOT_DISK_SIZE_ZERO,
    SINTER_FINDING_SNAPSHOT_L1_SHORT,
};

static const SinterFindingCode lost_codes[] = {
    SINTER_FINDING_SNAPSHOT_ENTRY_EMPTY,   SINTER_FINDING_SNAPSHOT_L1_UNALIGNED,
    SINTER_FINDING_SNAPSHOT_L1_LARGE,      SINTER_FINDING_SNAPSHOT_L1_BEYOND_FILE,
    SINTER_FINDING_SNAPSHOT_TABLE_DAMAGED, SINTER_FINDING_HEADER_SNAPSHOTS_BEYOND,
};

static gboolean
may_delete(const SinterQcow2Round *self)
{
    return (self->options->choices & SINTER_REPAIR_DELETE_SNAPSHOTS) != 0;
}

static gboolean
has_table(const SinterQcow2Round *self, const SinterQcow2Snapshot *snapshot)
{
    const SinterQcow2Check *check = self->check;
    guint64 bytes = (guint64)snapshot->l1_entries * 8;
    gboolean is_empty =
        snapshot->l1_offset == 0 && (snapshot->l1_entries != 0 || *snapshot->id == '\0');

    return !is_empty && (snapshot->l1_offset & (check->geo.cluster_size - 1)) == 0 &&
           bytes <= SINTER_QCOW2_L1_MAX_BYTES && snapshot->l1_offset <= check->stat.size_bytes &&
           bytes <= check->stat.size_bytes - snapshot->l1_offset;
}

/* Returns whether the L1 table is that of a disk of the image's size, though another one is stored.
 */
static gboolean
size_is_wrong(const SinterQcow2Round *self, const SinterQcow2Snapshot *snapshot)
{
    const SinterQcow2Check *check = self->check;
    guint64 size = check->header->virtual_size_bytes;

    return (snapshot->disk_bytes == 0 && size > 0) ||
           snapshot->l1_entries <
               sinter_qcow2_geometry_l1_entries(&check->geo, snapshot->disk_bytes);
}

static gboolean
size_is_known(const SinterQcow2Round *self, const SinterQcow2Snapshot *snapshot)
{
    const SinterQcow2Check *check = self->check;

    return snapshot->l1_entries ==
           sinter_qcow2_geometry_l1_entries(&check->geo, check->header->virtual_size_bytes);
}

/* NULL: the sizes of all snapshots that are wrong can be corrected, or the snapshots deleted. */
static const char *
reason_against_sizes(const SinterQcow2Round *self)
{
    for (guint i = 0; !may_delete(self) && i < self->check->snapshots->len; i++) {
        const SinterQcow2Snapshot *snapshot = g_ptr_array_index(self->check->snapshots, i);

        if (has_table(self, snapshot) && size_is_wrong(self, snapshot) &&
            !size_is_known(self, snapshot))
            return why_delete;
    }
    return NULL;
}

static void
add_all(SinterQcow2Round *self, const SinterFindingCode *codes, gsize n, const char *reason)
{
    for (gsize i = 0; i < n; i++)
        sinter_qcow2_round_add_findings(self, codes[i], reason);
}

gboolean
sinter_qcow2_snapshots_plan(SinterQcow2Round *self, GError **error)
{
    if (!self->check->snapshots || !self->check->snapshots_usable)
        return TRUE;
    add_all(self, corrected_codes, G_N_ELEMENTS(corrected_codes), NULL);
    add_all(self, size_codes, G_N_ELEMENTS(size_codes), reason_against_sizes(self));
    add_all(self, lost_codes, G_N_ELEMENTS(lost_codes), may_delete(self) ? NULL : why_delete);
    return TRUE;
}

/* --- the work --- */

/* Corrects the snapshots of the check, and returns those that stay; they belong to the check. */
static GPtrArray *
correct(SinterQcow2Round *self)
{
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);
    GPtrArray *list = g_ptr_array_new();

    for (guint i = 0; i < self->check->snapshots->len; i++) {
        SinterQcow2Snapshot *snapshot = g_ptr_array_index(self->check->snapshots, i);
        gboolean wrong_size = size_is_wrong(self, snapshot);

        if (may_delete(self) &&
            (!has_table(self, snapshot) || (wrong_size && !size_is_known(self, snapshot))))
            continue;
        if (wrong_size && size_is_known(self, snapshot))
            snapshot->disk_bytes = self->check->header->virtual_size_bytes;
        if (g_hash_table_contains(ids, snapshot->id)) {
            g_free(snapshot->id);
            snapshot->id = sinter_qcow2_snapshot_table_new_id(self->check->snapshots);
        }
        g_hash_table_add(ids, snapshot->id);
        g_ptr_array_add(list, snapshot);
    }
    return list;
}

gboolean
sinter_qcow2_snapshots_run(SinterQcow2Round *self, GError **error)
{
    g_autoptr(GPtrArray) list = correct(self);
    g_autoptr(GByteArray) table = sinter_qcow2_snapshot_table_build(list, error);
    guint64 offset = 0;
    SinterQcow2Root root;

    if (!table)
        return FALSE;
    if (table->len > 0 && (!sinter_qcow2_round_take(
                               self, sinter_qcow2_geometry_clusters(&self->check->geo, table->len),
                               1, &offset, error) ||
                           !sinter_io_write(self->io, offset, table->data, table->len, error) ||
                           !sinter_qcow2_round_count_taken(self, error)))
        return FALSE;
    root = sinter_qcow2_root_of(self->check->header);
    root.n_snapshots = list->len;
    root.snapshots_offset = offset;
    return sinter_qcow2_root_write(self->io, self->check->header, &root, error);
}
