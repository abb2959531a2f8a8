/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The pass over the snapshots: their table, and the views that can be walked. A snapshot whose L1
 * table is invalid is skipped; its clusters then look like leaks, which the finding's stake states.
 */

#include "qcow2-check-pass.h"
#include "sinter-error.h"

#define L1_MAX_ENTRIES (SINTER_QCOW2_L1_MAX_BYTES / 8)

static void
report(SinterQcow2Check *self, SinterFindingCode code, const SinterQcow2Snapshot *snapshot,
       guint64 seen, guint64 expected)
{
    SinterFinding finding = {
        .code = code,
        .guest_offset = SINTER_OFFSET_NONE,
        .host_offset = code == SINTER_FINDING_SNAPSHOT_L1_UNALIGNED ? snapshot->l1_offset
                                                                    : snapshot->entry_offset,
        .seen = seen,
        .expected = expected,
        .detail = g_strdup_printf("'%s' (%s)", snapshot->name, snapshot->id),
    };

    sinter_tally_add(&self->tally, &finding);
}

/* All zeros: the table was overwritten, and the snapshot is invalid. */
static gboolean
is_empty(const SinterQcow2Snapshot *snapshot)
{
    return snapshot->l1_offset == 0 && (snapshot->l1_entries != 0 || *snapshot->id == '\0');
}

static void
check_size(SinterQcow2Check *self, const SinterQcow2Snapshot *snapshot)
{
    guint64 needed = sinter_qcow2_geometry_l1_entries(&self->geo, snapshot->disk_bytes);

    if (snapshot->disk_bytes == 0 && self->header->virtual_size_bytes > 0)
        report(self, SINTER_FINDING_SNAPSHOT_DISK_SIZE_ZERO, snapshot, 0,
               self->header->virtual_size_bytes);
    if (snapshot->l1_entries < needed)
        report(self, SINTER_FINDING_SNAPSHOT_L1_SHORT, snapshot, snapshot->l1_entries, needed);
}

/* Returns whether the snapshot's L1 table can be walked. */
static gboolean
check_place(SinterQcow2Check *self, const SinterQcow2Snapshot *snapshot)
{
    if (is_empty(snapshot)) {
        report(self, SINTER_FINDING_SNAPSHOT_ENTRY_EMPTY, snapshot, 0, 0);
        return FALSE;
    }
    if (snapshot->l1_offset & (self->geo.cluster_size - 1)) {
        report(self, SINTER_FINDING_SNAPSHOT_L1_UNALIGNED, snapshot, snapshot->l1_offset, 0);
        return FALSE;
    }
    if (snapshot->l1_entries > L1_MAX_ENTRIES) {
        report(self, SINTER_FINDING_SNAPSHOT_L1_LARGE, snapshot, snapshot->l1_entries,
               L1_MAX_ENTRIES);
        return FALSE;
    }
    return TRUE;
}

static void
add_view(SinterQcow2Check *self, guint64 l1_offset, guint32 l1_entries, char *name, guint snapshot)
{
    SinterQcow2CheckView view = { l1_offset, l1_entries, name, snapshot };

    g_array_append_val(self->views, view);
}

static void
check_list(SinterQcow2Check *self)
{
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < self->snapshots->len; i++) {
        const SinterQcow2Snapshot *snapshot = g_ptr_array_index(self->snapshots, i);

        if (self->header->version >= 3 &&
            snapshot->extra_bytes < SINTER_QCOW2_SNAPSHOT_EXTRA_V3_MIN)
            report(self, SINTER_FINDING_SNAPSHOT_EXTRA_SHORT, snapshot, snapshot->extra_bytes,
                   SINTER_QCOW2_SNAPSHOT_EXTRA_V3_MIN);
        if (check_place(self, snapshot)) {
            check_size(self, snapshot);
            add_view(self, snapshot->l1_offset, snapshot->l1_entries,
                     g_strdup_printf("'%s' (%s)", snapshot->name, snapshot->id), i);
        }
        if (!g_hash_table_add(ids, snapshot->id) && *snapshot->id)
            report(self, SINTER_FINDING_SNAPSHOT_ID_TWICE, snapshot, 0, 0);
        if (!g_hash_table_add(names, snapshot->name) && *snapshot->name)
            report(self, SINTER_FINDING_SNAPSHOT_NAME_TWICE, snapshot, 0, 0);
        self->snapshot_table_bytes =
            snapshot->entry_offset + snapshot->entry_bytes - self->header->snapshots_offset;
    }
}

/*
 * The table is truncated. QEMU treats entries beyond the end of the file as empty, and counts one
 * corruption for each and one for the table.
 */
static void
report_broken(SinterQcow2Check *self, const GError *error)
{
    guint missing = self->header->n_snapshots - self->snapshots->len;
    SinterFinding finding = { .code = SINTER_FINDING_SNAPSHOT_TABLE_DAMAGED,
                              .guest_offset = SINTER_OFFSET_NONE,
                              .host_offset = self->header->snapshots_offset,
                              .detail = g_strdup(error->message) };

    for (guint i = 0; i < self->header->problems->len; i++) {
        const SinterQcow2Problem *problem =
            &g_array_index(self->header->problems, SinterQcow2Problem, i);
        guint64 bytes = self->snapshot_table_bytes + (guint64)missing * SINTER_QCOW2_SNAPSHOT_BYTES;

        if (problem->code != SINTER_QCOW2_PROBLEM_SNAPSHOTS_BEYOND)
            continue;
        finding.code = SINTER_FINDING_HEADER_SNAPSHOTS_BEYOND;
        finding.host_offset = SINTER_QCOW2_AT_SNAPSHOTS_OFFSET;
        finding.times = (self->header->version >= 3 ? missing : 0) +
                        !sinter_qcow2_check_fits(self, self->header->snapshots_offset, bytes);
        self->snapshot_table_bytes = bytes;
    }
    self->guest_unreached = finding.code == SINTER_FINDING_SNAPSHOT_TABLE_DAMAGED;
    sinter_tally_add(&self->tally, &finding);
    self->result->complete = FALSE;
}

/*
 * Loads the table, or as much of it as can be interpreted, with the cause in *@ret_broken. Only a
 * read failure is an error.
 */
static gboolean
load_list(SinterQcow2Check *self, GError **ret_broken, GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autoptr(GPtrArray) partial = NULL;

    self->snapshots = sinter_qcow2_snapshots_load(self->io, self->header, &partial, &cause);
    if (self->snapshots)
        return TRUE;
    if (g_error_matches(cause, SINTER_ERROR, SINTER_ERROR_CORRUPT)) {
        self->snapshots = g_steal_pointer(&partial);
        *ret_broken = g_steal_pointer(&cause);
        return TRUE;
    }
    if (sinter_qcow2_check_keeps_going(self, cause, self->header->snapshots_offset)) {
        self->snapshots = g_steal_pointer(&partial);
        return TRUE;
    }
    g_propagate_error(error, g_steal_pointer(&cause));
    return FALSE;
}

gboolean
sinter_qcow2_check_snapshots(SinterQcow2Check *self, GError **error)
{
    g_autoptr(GError) broken = NULL;

    add_view(self, self->header->l1_offset, self->l1_usable ? self->header->l1_entries : 0, NULL,
             0);
    if (!self->snapshots_usable)
        return TRUE;
    if (!load_list(self, &broken, error))
        return FALSE;
    check_list(self);
    if (broken)
        report_broken(self, broken);
    return TRUE;
}
