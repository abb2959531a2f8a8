/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Counts what each internal snapshot shares with the active disk. L2 tables that both refer to are
 * not read again: all their clusters are shared. Where the tables differ, they are compared.
 */

#include "qcow2-check-pass.h"

#include <stdlib.h>
#include <string.h>

/* L1 entries that are compared together. */
#define L1_CHUNK 4096

typedef struct {
    SinterQcow2Check *check;
    SinterSnapshotStats *stats;
    guint8 *active_table; /* buffers of one L2 table each */
    guint8 *snapshot_table;
} Comparison;

static int
compare_to_table(const void *key, const void *member)
{
    guint64 offset = *(const guint64 *)key;
    const SinterQcow2CheckTable *table = member;

    return offset < table->offset ? -1 : offset > table->offset;
}

static guint32
table_allocated(const SinterQcow2Check *self, guint64 offset)
{
    const SinterQcow2CheckTable *table =
        bsearch(&offset, self->tables->data, self->tables->len, sizeof *table, compare_to_table);

    return table ? table->n_allocated : 0;
}

static gboolean
load_table(SinterQcow2Check *self, guint64 offset, guint8 *out, GError **error)
{
    if (offset == 0 || (offset & (self->geo.cluster_size - 1)) != 0 ||
        offset >= self->stat.size_bytes) {
        memset(out, 0, self->geo.cluster_size);
        return TRUE;
    }
    return sinter_qcow2_check_read(self, offset, out, self->geo.cluster_size, error);
}

static gboolean
has_space(const SinterQcow2Geometry *geo, guint64 entry)
{
    return (entry & SINTER_QCOW2_COMPRESSED) != 0 || sinter_qcow2_check_has_host(geo, entry);
}

/* The host offset of the data, regardless of the flags. */
static guint64
place_of(guint64 entry)
{
    return entry &
           (entry & SINTER_QCOW2_COMPRESSED ? ~SINTER_QCOW2_COPIED : SINTER_QCOW2_OFFSET_MASK);
}

static gboolean
compare_tables(Comparison *self, guint64 active, guint64 snapshot, GError **error)
{
    SinterQcow2Check *check = self->check;
    const SinterQcow2Geometry *geo = &check->geo;

    if (!load_table(check, active, self->active_table, error) ||
        !load_table(check, snapshot, self->snapshot_table, error))
        return FALSE;
    for (guint32 i = 0; i < geo->l2_entries; i++) {
        guint64 now = sinter_qcow2_l2_load(geo, self->active_table, i).entry;
        guint64 then = sinter_qcow2_l2_load(geo, self->snapshot_table, i).entry;
        gboolean same = place_of(now) == place_of(then);

        self->stats->clusters += has_space(geo, then);
        self->stats->shared_clusters += has_space(geo, then) && same;
        self->stats->added_clusters += has_space(geo, now) && !same;
    }
    return TRUE;
}

static gboolean
load_l1(SinterQcow2Check *self, guint view_index, guint64 first, guint n, guint8 *out,
        GError **error)
{
    const SinterQcow2CheckView *view =
        &g_array_index(self->views, SinterQcow2CheckView, view_index);
    guint64 there = first < view->l1_entries ? MIN(n, view->l1_entries - first) : 0;

    memset(out, 0, (gsize)n * 8);
    if (there == 0 || view->l1_offset >= self->stat.size_bytes)
        return TRUE;
    return sinter_qcow2_check_read(self, view->l1_offset + first * 8, out, (gsize)there * 8, error);
}

static gboolean
compare_chunk(Comparison *self, guint view, guint64 first, GError **error)
{
    SinterQcow2Check *check = self->check;
    SinterQcow2Reader reader = sinter_qcow2_check_reader(check, 0);
    g_autofree guint8 *active = g_malloc(L1_CHUNK * 8);
    g_autofree guint8 *snapshot = g_malloc(L1_CHUNK * 8);

    if (!load_l1(check, 0, first, L1_CHUNK, active, error) ||
        !load_l1(check, view, first, L1_CHUNK, snapshot, error))
        return FALSE;
    for (guint i = 0; i < L1_CHUNK; i++) {
        guint64 now = sinter_be64_load(active + i * 8) & SINTER_QCOW2_OFFSET_MASK;
        guint64 then = sinter_be64_load(snapshot + i * 8) & SINTER_QCOW2_OFFSET_MASK;

        if (now == then) {
            guint32 n = now == 0 ? 0 : table_allocated(check, now);

            self->stats->clusters += n;
            self->stats->shared_clusters += n;
        } else if (!sinter_qcow2_reader_go_on(&reader, error) ||
                   !compare_tables(self, now, then, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static SinterSnapshotStats *
stats_new(const SinterQcow2Snapshot *snapshot)
{
    SinterSnapshotStats *stats = g_new0(SinterSnapshotStats, 1);

    stats->id = g_strdup(snapshot->id);
    stats->name = g_strdup(snapshot->name);
    return stats;
}

static gboolean
compare_view(SinterQcow2Check *self, guint view_index, SinterSnapshotStats *stats, GError **error)
{
    const SinterQcow2CheckView *views = (const SinterQcow2CheckView *)self->views->data;
    guint64 n_entries = MAX(views[0].l1_entries, views[view_index].l1_entries);
    g_autofree guint8 *active_table = g_malloc(self->geo.cluster_size);
    g_autofree guint8 *snapshot_table = g_malloc(self->geo.cluster_size);
    Comparison comparison = { self, stats, active_table, snapshot_table };
    g_autoptr(GError) failed = NULL;

    for (guint64 first = 0; first < n_entries; first += L1_CHUNK) {
        if (compare_chunk(&comparison, view_index, first, &failed))
            continue;
        if (sinter_qcow2_check_keeps_going(self, failed, views[view_index].l1_offset))
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    return TRUE;
}

gboolean
sinter_qcow2_check_snapshot_stats(SinterQcow2Check *self, GError **error)
{
    for (guint i = 1; i < self->views->len; i++) {
        guint index = g_array_index(self->views, SinterQcow2CheckView, i).snapshot;
        SinterSnapshotStats *stats = stats_new(g_ptr_array_index(self->snapshots, index));

        g_ptr_array_add(self->result->stats.snapshots, stats);
        if (!compare_view(self, i, stats, error))
            return FALSE;
    }
    return TRUE;
}
