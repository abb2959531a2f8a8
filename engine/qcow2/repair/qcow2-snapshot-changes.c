/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Compares the active state of an image with a snapshot, by their tables: what both map to the same
 * place is the same. Invariant: a range whose active entry is damaged is listed as one that cannot
 * be read, never as unchanged.
 */

#include "qcow2-snapshot-changes.h"
#include "qcow2/layout/qcow2-entries.h"
#include "qcow2/layout/qcow2-header.h"
#include "qcow2/read/qcow2-l1-table.h"
#include "qcow2/read/qcow2-snapshot.h"
#include "sinter/snapshot.h"
#include "sinter-error.h"

typedef struct {
    SinterIo *io;
    const SinterQcow2Header *header;
    const SinterQcow2Geometry *geo;
    GArray *changes;
    guint64 disk_bytes; /* of the active state */
    guint64 *active;    /* NULL: the L1 table cannot be read */
    guint32 n_active;
    guint64 *snapshot;
    guint32 n_snapshot;
    guint8 *tables[2]; /* of a cluster each: the active one, the snapshot's */
} Compare;

static gboolean
is_table(const Compare *self, guint64 offset)
{
    return offset % self->geo->cluster_size == 0 && offset <= self->header->file_bytes &&
           self->geo->cluster_size <= self->header->file_bytes - offset;
}

static void
add(Compare *self, guint64 offset, guint64 length, gboolean is_readable)
{
    SinterSnapshotChange change = { offset, length, is_readable };
    SinterSnapshotChange *last =
        self->changes->len
            ? &g_array_index(self->changes, SinterSnapshotChange, self->changes->len - 1)
            : NULL;

    if (offset >= self->disk_bytes)
        return;
    change.length = MIN(length, self->disk_bytes - offset);
    if (last && last->offset + last->length == offset && last->is_readable == is_readable)
        last->length += change.length;
    else
        g_array_append_val(self->changes, change);
}

/* Whether the entry can be what a writer stored. */
static gboolean
is_entry_valid(const Compare *self, SinterQcow2L2Entry l2)
{
    guint64 host = l2.entry & SINTER_QCOW2_OFFSET_MASK;

    if (l2.entry & SINTER_QCOW2_COMPRESSED) {
        SinterQcow2CompressedRef ref = sinter_qcow2_l2_compressed(self->geo, l2.entry);

        return ref.host_offset < self->header->file_bytes;
    }
    return (l2.entry & sinter_qcow2_l2_reserved(self->geo)) == 0 &&
           host % self->geo->cluster_size == 0 && host < MAX(self->header->file_bytes, 1) &&
           sinter_qcow2_l2_contradictions(self->geo, l2) == 0;
}

static void
compare_entries(Compare *self, guint64 guest)
{
    for (guint32 i = 0; i < self->geo->l2_entries; i++) {
        SinterQcow2L2Entry active = sinter_qcow2_l2_load(self->geo, self->tables[0], i);
        SinterQcow2L2Entry snapshot = sinter_qcow2_l2_load(self->geo, self->tables[1], i);
        gboolean is_valid = is_entry_valid(self, active);

        active.entry &= ~SINTER_QCOW2_COPIED;
        snapshot.entry &= ~SINTER_QCOW2_COPIED;
        if (!is_valid || active.entry != snapshot.entry || active.bitmap != snapshot.bitmap)
            add(self, guest + ((guint64)i << self->geo->cluster_bits), self->geo->cluster_size,
                is_valid);
    }
}

/* Loads the table at @offset; zeros if there is none. */
static gboolean
load(Compare *self, guint64 offset, guint8 *table, GError **error)
{
    memset(table, 0, self->geo->cluster_size);
    if (offset == 0)
        return TRUE;
    if (!is_table(self, offset))
        return sinter_error_refuse(error, SINTER_ERROR_CORRUPT,
                                   "there is no L2 table at offset %" G_GUINT64_FORMAT, offset);
    return sinter_io_read(self->io, offset, table, self->geo->cluster_size, error);
}

static gboolean
compare_tables(Compare *self, guint64 index, GError **error)
{
    guint bits = self->geo->cluster_bits + self->geo->l2_bits;
    guint64 active = index < self->n_active ? self->active[index] & ~SINTER_QCOW2_COPIED : 0;
    guint64 snapshot =
        index < self->n_snapshot ? self->snapshot[index] & SINTER_QCOW2_OFFSET_MASK : 0;

    if (self->active && active == snapshot)
        return TRUE;
    if (!load(self, snapshot, self->tables[1], error))
        return FALSE;
    if (!self->active || (active & SINTER_QCOW2_L1_RESERVED) != 0 ||
        !load(self, active & SINTER_QCOW2_OFFSET_MASK, self->tables[0], NULL))
        add(self, index << bits, G_GUINT64_CONSTANT(1) << bits, FALSE);
    else
        compare_entries(self, index << bits);
    return TRUE;
}

static gboolean
compare_all(Compare *self, GError **error)
{
    guint64 n = sinter_qcow2_geometry_l1_entries(self->geo, self->disk_bytes);
    gboolean ok = TRUE;

    self->tables[0] = g_malloc(self->geo->cluster_size);
    self->tables[1] = g_malloc(self->geo->cluster_size);
    for (guint64 i = 0; ok && i < n; i++)
        ok = compare_tables(self, i, error);
    g_free(self->tables[0]);
    g_free(self->tables[1]);
    return ok;
}

static void
load_active(Compare *self)
{
    const SinterQcow2Header *header = self->header;
    const SinterQcow2L1Table view = { header->l1_offset, header->l1_entries,
                                      header->virtual_size_bytes };

    /* two entries with one table are damage as well */
    if (sinter_qcow2_l1_table_check(&view, header, self->io, NULL))
        self->active =
            sinter_qcow2_entries_load(self->io, header->l1_offset, header->l1_entries, NULL);
    self->n_active = self->active ? header->l1_entries : 0;
}

static gboolean
compare_with(Compare *self, const SinterQcow2L1Table *view, GError **error)
{
    gboolean ok;

    if (!sinter_qcow2_l1_table_check(view, self->header, self->io, error))
        return FALSE;
    self->snapshot = sinter_qcow2_entries_load(self->io, view->l1_offset, view->l1_entries, error);
    if (!self->snapshot)
        return FALSE;
    self->n_snapshot = view->l1_entries;
    load_active(self);
    ok = compare_all(self, error);
    g_free(self->active);
    g_free(self->snapshot);
    return ok;
}

gboolean
sinter_qcow2_snapshot_list_changes(SinterIo *io, const char *wanted, GArray *changes,
                                   GError **error)
{
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, error);
    SinterQcow2L1Table view = { 0 };
    Compare compare = { .io = io, .header = header, .changes = changes };

    if (!header)
        return FALSE;
    if (!header->has_geometry || header->geo.external_data)
        return sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED,
                                   "the image has no readable snapshots");
    compare.geo = &header->geo;
    compare.disk_bytes = header->virtual_size_bytes;
    return sinter_qcow2_snapshot_find_view(io, header, wanted, &view, error) &&
           compare_with(&compare, &view, error);
}
