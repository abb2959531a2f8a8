/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Makes a snapshot in the plainest way: all of the image in memory, every cluster that the guest
 * sees counted once more, COPIED taken from every entry.
 */

#include "qcow2-snap.h"
#include "qcow2/layout/qcow2-header.h"

#include <string.h>

typedef struct {
    SinterQcow2Header *header;
    guint8 *file;
    guint64 bytes;
} Snap;

static void
snap_count_up(Snap *self, guint64 offset)
{
    const SinterQcow2Geometry *geo = &self->header->geo;
    guint64 cluster = offset >> geo->cluster_bits;
    guint32 index = (guint32)(cluster & ((G_GUINT64_CONSTANT(1) << geo->refblock_bits) - 1));
    guint64 block = sinter_be64_load(self->file + self->header->reftable_offset +
                                     (cluster >> geo->refblock_bits) * 8);

    g_assert_cmpuint(block, !=, 0);
    sinter_qcow2_refcount_store(
        geo->refcount_order, self->file + block, index,
        sinter_qcow2_refcount_load(geo->refcount_order, self->file + block, index) + 1);
}

static void
snap_share_l2(Snap *self, guint64 table)
{
    const SinterQcow2Geometry *geo = &self->header->geo;

    snap_count_up(self, table);
    for (guint32 i = 0; i < geo->l2_entries; i++) {
        SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(geo, self->file + table, i);

        if ((l2.entry & SINTER_QCOW2_OFFSET_MASK) == 0)
            continue;
        snap_count_up(self, l2.entry & SINTER_QCOW2_OFFSET_MASK);
        l2.entry &= ~SINTER_QCOW2_COPIED;
        sinter_qcow2_l2_store(geo, self->file + table, i, l2);
    }
}

static void
snap_write_table(Snap *self, guint64 at, guint64 l1_copy)
{
    guint8 *entry = self->file + at;
    guint8 *extra = entry + SINTER_QCOW2_SNAPSHOT_BYTES;

    sinter_be64_store(entry + SINTER_QCOW2_SNAPSHOT_AT_L1_OFFSET, l1_copy);
    sinter_be32_store(entry + SINTER_QCOW2_SNAPSHOT_AT_L1_ENTRIES, self->header->l1_entries);
    sinter_be16_store(entry + SINTER_QCOW2_SNAPSHOT_AT_ID_BYTES, 1);
    sinter_be16_store(entry + SINTER_QCOW2_SNAPSHOT_AT_NAME_BYTES, 1);
    sinter_be32_store(entry + SINTER_QCOW2_SNAPSHOT_AT_EXTRA_BYTES,
                      SINTER_QCOW2_SNAPSHOT_EXTRA_V3_MIN);
    sinter_be64_store(extra + SINTER_QCOW2_SNAPSHOT_EXTRA_DISK_BYTES,
                      self->header->virtual_size_bytes);
    memcpy(extra + SINTER_QCOW2_SNAPSHOT_EXTRA_V3_MIN, "11", 2);
    sinter_be32_store(self->file + SINTER_QCOW2_AT_N_SNAPSHOTS, 1);
    sinter_be64_store(self->file + SINTER_QCOW2_AT_SNAPSHOTS_OFFSET, at);
    snap_count_up(self, at);
}

void
qcow2_snap(SinterIo *io)
{
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, NULL);
    const SinterQcow2Geometry *geo = &header->geo;
    guint64 l1_bytes = (guint64)header->l1_entries * 8;
    guint64 l1_clusters = sinter_qcow2_geometry_clusters(geo, l1_bytes);
    g_autofree guint8 *file = NULL;
    Snap self = { .header = header };
    guint64 end;
    SinterIoStat st;

    g_assert_true(sinter_io_stat(io, &st, NULL));
    end = sinter_qcow2_geometry_clusters(geo, st.size_bytes) << geo->cluster_bits;
    self.bytes = end + ((l1_clusters + 1) << geo->cluster_bits);
    self.file = file = g_malloc0(self.bytes);
    g_assert_true(sinter_io_read(io, 0, file, st.size_bytes, NULL));
    for (guint32 i = 0; i < header->l1_entries; i++) {
        guint8 *at = file + header->l1_offset + (guint64)i * 8;
        guint64 table = sinter_be64_load(at) & SINTER_QCOW2_OFFSET_MASK;

        sinter_be64_store(at, table);
        if (table)
            snap_share_l2(&self, table);
    }
    memcpy(file + end, file + header->l1_offset, l1_bytes);
    for (guint64 i = 0; i < l1_clusters; i++)
        snap_count_up(&self, end + (i << geo->cluster_bits));
    snap_write_table(&self, end + (l1_clusters << geo->cluster_bits), end);
    g_assert_true(sinter_io_write(io, 0, file, self.bytes, NULL));
}
