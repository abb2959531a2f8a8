/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Creates, applies and deletes internal snapshots. A snapshot is an L1 table of its own over shared
 * L2 tables and data; each path (L1 entry, L2 entry) counts as a reference.
 *
 * Invariant in a new generation: every path of every state is counted, and in the active state
 * COPIED is set exactly for tables and clusters with refcount 1. If this changes the flags of an L2
 * table, the table is written to a new place.
 */

#include "qcow2-snapshot-write.h"
#include "qcow2-snapshot-table.h"
#include "qcow2-shadow-l1.h"
#include "qcow2-refcount-width.h"
#include "sinter-error.h"

typedef gboolean (*CountFunc)(SinterQcow2Shadow *shadow, guint64 first, guint64 n, GError **error);

/* How to count the paths of a state: their L2 tables, and what these refer to. */
typedef struct {
    CountFunc tables;
    CountFunc clusters;
} Counting;

static const Counting count_up = { sinter_qcow2_shadow_refer, sinter_qcow2_shadow_refer };
static const Counting count_down = { sinter_qcow2_shadow_drop_table, sinter_qcow2_shadow_drop };

/* Returns the host clusters that an entry refers to; 0 in @ret_n: none. */
static gboolean
entry_clusters(const SinterQcow2Writer *writer, SinterQcow2L2Entry l2, guint64 *ret_first,
               guint64 *ret_n, GError **error)
{
    const SinterQcow2Geometry *geo = &writer->geo;
    guint64 host = l2.entry & SINTER_QCOW2_OFFSET_MASK;

    *ret_n = 0;
    if (l2.entry & SINTER_QCOW2_COMPRESSED) {
        SinterQcow2CompressedRef ref = sinter_qcow2_l2_compressed(geo, l2.entry);

        *ret_first = ref.host_offset >> geo->cluster_bits;
        *ret_n = ((ref.host_offset + ref.host_bytes - 1) >> geo->cluster_bits) - *ret_first + 1;
        return TRUE;
    }
    if (host & (geo->cluster_size - 1)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "'%s': Invalid cluster entry found (L2 entry 0x%" G_GINT64_MODIFIER
                    "x); repair the image with 'sinter-img check -r all'",
                    sinter_io_get_path(writer->io), l2.entry);
        return FALSE;
    }
    *ret_first = host >> geo->cluster_bits;
    *ret_n = host != 0;
    return TRUE;
}

/* Counts what the entries of a table refer to, run by run. */
static gboolean
count_table(SinterQcow2Shadow *shadow, const guint8 *table, CountFunc count, GError **error)
{
    const SinterQcow2Geometry *geo = &shadow->geo;
    guint64 run_first = 0;
    guint64 run_n = 0;

    for (guint32 i = 0; i < geo->l2_entries; i++) {
        guint64 first = 0;
        guint64 n;

        if (!entry_clusters(shadow->writer, sinter_qcow2_l2_load(geo, table, i), &first, &n, error))
            return FALSE;
        if (n == 0)
            continue;
        if (run_n > 0 && first == run_first + run_n) {
            run_n += n;
            continue;
        }
        if (run_n > 0 && !count(shadow, run_first, run_n, error))
            return FALSE;
        run_first = first;
        run_n = n;
    }
    return run_n == 0 || count(shadow, run_first, run_n, error);
}

/* Counts all paths of an L1 table. */
static gboolean
count_state(SinterQcow2Shadow *shadow, const guint64 *l1, guint32 n, const Counting *counting,
            GError **error)
{
    g_autofree guint8 *table = g_malloc(shadow->geo.cluster_size);

    for (guint32 i = 0; i < n; i++) {
        guint64 offset = l1[i] & SINTER_QCOW2_OFFSET_MASK;

        if (offset == 0)
            continue;
        if (!sinter_qcow2_shadow_load_l2(shadow, offset, table, error) ||
            !counting->tables(shadow, offset >> shadow->geo.cluster_bits, 1, error) ||
            !count_table(shadow, table, counting->clusters, error) ||
            !sinter_qcow2_shadow_make_room(shadow, error))
            return FALSE;
    }
    return TRUE;
}

/* Corrects the COPIED flags of a table. */
static gboolean
settle_table(SinterQcow2Shadow *shadow, guint8 *table, gboolean *ret_changed, GError **error)
{
    const SinterQcow2Geometry *geo = &shadow->geo;

    *ret_changed = FALSE;
    for (guint32 i = 0; i < geo->l2_entries; i++) {
        SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(geo, table, i);
        guint64 host = l2.entry & SINTER_QCOW2_OFFSET_MASK;
        guint64 before = l2.entry;
        guint64 count = 0;

        if ((l2.entry & SINTER_QCOW2_COMPRESSED) || host == 0)
            continue;
        if (!sinter_qcow2_shadow_get_refcount(shadow, host >> geo->cluster_bits, &count, error))
            return FALSE;
        l2.entry &= ~SINTER_QCOW2_COPIED;
        if (count == 1)
            l2.entry |= SINTER_QCOW2_COPIED;
        if (l2.entry == before)
            continue;
        sinter_qcow2_l2_store(geo, table, i, l2);
        *ret_changed = TRUE;
    }
    return TRUE;
}

/* Writes a changed table to a new place; a new snapshot that shares it is updated. */
static gboolean
move_table(SinterQcow2Shadow *shadow, const guint8 *table, gboolean is_shared, guint64 *offset,
           GError **error)
{
    guint bits = shadow->geo.cluster_bits;
    guint64 n = is_shared ? 2 : 1;
    guint64 place;

    for (guint64 i = 0; i < n; i++) {
        if (!sinter_qcow2_shadow_drop_table(shadow, *offset >> bits, 1, error))
            return FALSE;
    }
    if (!sinter_qcow2_shadow_take(shadow, 1, &place, error) ||
        (is_shared && !sinter_qcow2_shadow_refer(shadow, place >> bits, 1, error)))
        return FALSE;
    *offset = place;
    return sinter_io_write(shadow->writer->io, place, table, shadow->geo.cluster_size, error);
}

/*
 * Corrects the flags of the active L1 table and of its L2 tables. @snapshot_l1: NULL, or the L1
 * table of a new snapshot, which must refer to the same tables.
 */
static gboolean
settle_state(SinterQcow2Shadow *shadow, guint64 *l1, guint32 n, guint64 *snapshot_l1,
             GError **error)
{
    g_autofree guint8 *table = g_malloc(shadow->geo.cluster_size);

    for (guint32 i = 0; i < n; i++) {
        guint64 offset = l1[i] & SINTER_QCOW2_OFFSET_MASK;
        gboolean changed = FALSE;
        guint64 count = 0;

        l1[i] = 0;
        if (offset == 0)
            continue;
        if (!sinter_qcow2_shadow_load_l2(shadow, offset, table, error) ||
            !settle_table(shadow, table, &changed, error) ||
            (changed && !move_table(shadow, table, snapshot_l1 != NULL, &offset, error)) ||
            !sinter_qcow2_shadow_get_refcount(shadow, offset >> shadow->geo.cluster_bits, &count,
                                              error) ||
            !sinter_qcow2_shadow_make_room(shadow, error))
            return FALSE;
        l1[i] = offset | (count == 1 ? SINTER_QCOW2_COPIED : 0);
        if (snapshot_l1)
            snapshot_l1[i] = offset;
    }
    return TRUE;
}

static gboolean
require_snapshots(const SinterQcow2Writer *writer, GError **error)
{
    if (!writer->geo.external_data)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "'%s' has an external data file, and such images cannot have internal snapshots",
                sinter_io_get_path(writer->io));
    return FALSE;
}

static SinterQcow2Snapshot *
snapshot_new(const SinterQcow2Header *header, const char *name, gint64 date_usec, char *id)
{
    SinterQcow2Snapshot *self = g_new0(SinterQcow2Snapshot, 1);

    self->id = id;
    self->name = g_strdup(name);
    self->l1_entries = header->l1_entries;
    self->disk_bytes = header->virtual_size_bytes;
    self->date_sec = (guint32)(date_usec / G_USEC_PER_SEC);
    self->date_nsec = (guint32)(date_usec % G_USEC_PER_SEC) * 1000;
    return self;
}

/* The input for creating or applying a snapshot, used again for each attempt. */
typedef struct {
    SinterQcow2Snapshot *snapshot; /* in the list */
    GPtrArray *list;               /* of SinterQcow2Snapshot, the new list */
    guint64 old_bytes;             /* size of the current table */
} Change;

static gboolean
create_state(SinterQcow2Shadow *shadow, gpointer data, GError **error)
{
    const Change *change = data;
    SinterQcow2Snapshot *snapshot = change->snapshot;
    guint32 n = snapshot->l1_entries;
    g_autofree guint64 *l1 = g_memdup2(shadow->writer->l1, (gsize)n * 8);
    g_autofree guint64 *snapshot_l1 = g_new0(guint64, (gsize)n + 1);

    return count_state(shadow, l1, n, &count_up, error) &&
           settle_state(shadow, l1, n, snapshot_l1, error) &&
           sinter_qcow2_shadow_store_active_l1(shadow, l1, n, error) &&
           sinter_qcow2_shadow_store_l1(shadow, snapshot_l1, n, 0, 0, &snapshot->l1_offset,
                                        error) &&
           sinter_qcow2_snapshot_table_replace(shadow, change->list, change->old_bytes, error);
}

gboolean
sinter_qcow2_snapshot_create(SinterQcow2Writer *writer, const char *name, gint64 date_usec,
                             GError **error)
{
    const SinterQcow2Header *header = writer->header;
    g_autoptr(GPtrArray) list = NULL;
    Change change;

    if (strlen(name) > G_MAXUINT16) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                            "the name of a snapshot is limited to 65535 bytes");
        return FALSE;
    }
    list = require_snapshots(writer, error)
               ? sinter_qcow2_snapshots_load(writer->io, header, NULL, error)
               : NULL;
    if (!list)
        return FALSE;
    change = (Change){
        .snapshot = snapshot_new(header, name, date_usec, sinter_qcow2_snapshot_table_new_id(list)),
        .list = list,
        .old_bytes = sinter_qcow2_snapshot_table_bytes(header, list),
    };
    g_ptr_array_add(list, change.snapshot);
    return sinter_qcow2_refcount_width_change(writer, create_state, &change, error);
}

static gboolean
check_appliable(const SinterQcow2Writer *writer, const SinterQcow2Snapshot *snapshot,
                GError **error)
{
    const SinterQcow2Header *header = writer->header;

    if (snapshot->disk_bytes == header->virtual_size_bytes)
        return TRUE;
    if (header->version < 3) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                            "Can't resize a v2 image which has snapshots");
        return FALSE;
    }
    if (snapshot->disk_bytes > 0 || snapshot->l1_entries == 0)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                "'%s', snapshot '%s': its disk size is 0, although it has data; repair the image "
                "with 'sinter-img check -r all'",
                sinter_io_get_path(writer->io), snapshot->name);
    return FALSE;
}

/* Makes the snapshot's state the active one. */
static gboolean
apply_state(SinterQcow2Shadow *shadow, gpointer data, GError **error)
{
    const Change *change = data;
    const SinterQcow2Snapshot *snapshot = change->snapshot;
    const SinterQcow2Writer *writer = shadow->writer;
    g_autofree guint64 *l1 = sinter_qcow2_shadow_load_snapshot_l1(writer, snapshot, error);

    shadow->root.virtual_size_bytes = snapshot->disk_bytes;
    /*
     * decrement first: narrow refcounts that can hold the result may not hold both states at once
     */
    return l1 && count_state(shadow, writer->l1, writer->header->l1_entries, &count_down, error) &&
           count_state(shadow, l1, snapshot->l1_entries, &count_up, error) &&
           settle_state(shadow, l1, snapshot->l1_entries, NULL, error) &&
           sinter_qcow2_shadow_store_active_l1(shadow, l1, snapshot->l1_entries, error) &&
           /* entries without a stored disk size had the one that changes now */
           (snapshot->disk_bytes == writer->header->virtual_size_bytes ||
            sinter_qcow2_snapshot_table_replace(shadow, change->list, change->old_bytes, error));
}

gboolean
sinter_qcow2_snapshot_apply(SinterQcow2Writer *writer, const char *wanted, SinterSnapshotKey key,
                            GError **error)
{
    g_autoptr(GPtrArray) list = NULL;
    Change change = { 0 };

    if (writer->bitmaps->len > 0) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                            "Device has active dirty bitmaps");
        return FALSE;
    }
    if (require_snapshots(writer, error))
        list = sinter_qcow2_snapshots_load(writer->io, writer->header, NULL, error);
    if (list)
        change.snapshot = sinter_qcow2_snapshot_table_find(list, wanted, key, error);
    if (!change.snapshot || !check_appliable(writer, change.snapshot, error))
        return FALSE;
    change.list = list;
    change.old_bytes = sinter_qcow2_snapshot_table_bytes(writer->header, list);
    return sinter_qcow2_refcount_width_change(writer, apply_state, &change, error);
}

gboolean
sinter_qcow2_snapshot_delete(SinterQcow2Writer *writer, const char *wanted, SinterSnapshotKey key,
                             GError **error)
{
    const SinterQcow2Header *header = writer->header;
    g_autoptr(SinterQcow2Shadow) shadow = NULL;
    g_autoptr(GPtrArray) list = sinter_qcow2_snapshots_load(writer->io, header, NULL, error);
    SinterQcow2Snapshot *snapshot =
        list ? sinter_qcow2_snapshot_table_find(list, wanted, key, error) : NULL;
    g_autofree guint64 *l1 = g_memdup2(writer->l1, (gsize)header->l1_entries * 8);
    g_autofree guint64 *snapshot_l1 = NULL;
    guint64 old_bytes;
    guint64 nowhere;

    if (!snapshot || !require_snapshots(writer, error))
        return FALSE;
    snapshot_l1 = sinter_qcow2_shadow_load_snapshot_l1(writer, snapshot, error);
    if (!snapshot_l1)
        return FALSE;
    shadow = sinter_qcow2_shadow_new(writer, writer->geo.refcount_order);
    old_bytes = sinter_qcow2_snapshot_table_bytes(header, list);
    if (!count_state(shadow, snapshot_l1, snapshot->l1_entries, &count_down, error) ||
        !settle_state(shadow, l1, header->l1_entries, NULL, error) ||
        !sinter_qcow2_shadow_store_active_l1(shadow, l1, header->l1_entries, error) ||
        !sinter_qcow2_shadow_store_l1(shadow, NULL, 0, snapshot->l1_offset, snapshot->l1_entries,
                                      &nowhere, error))
        return FALSE;
    g_ptr_array_remove(list, snapshot);
    return sinter_qcow2_snapshot_table_replace(shadow, list, old_bytes, error) &&
           sinter_qcow2_shadow_commit(shadow, error);
}
