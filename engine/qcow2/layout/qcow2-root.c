/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads and writes the root: the fields of the header's first sector that locate all metadata.
 * Invariant: the sector is written as a whole, with its other content unchanged.
 */

#include "qcow2-root.h"

SinterQcow2Root
sinter_qcow2_root_of(const SinterQcow2Header *header)
{
    return (SinterQcow2Root){
        .virtual_size_bytes = header->virtual_size_bytes,
        .l1_entries = header->l1_entries,
        .l1_offset = header->l1_offset,
        .reftable_offset = header->reftable_offset,
        .reftable_clusters = header->reftable_clusters,
        .n_snapshots = header->n_snapshots,
        .snapshots_offset = header->snapshots_offset,
        .incompatible = header->incompatible,
        .compatible = header->compatible,
        .autoclear = header->autoclear,
        .refcount_order = header->refcount_order,
    };
}

void
sinter_qcow2_root_store(const SinterQcow2Root *self, guint32 version, guint8 *sector)
{
    sinter_be64_store(sector + SINTER_QCOW2_AT_VIRTUAL_SIZE, self->virtual_size_bytes);
    sinter_be32_store(sector + SINTER_QCOW2_AT_L1_ENTRIES, self->l1_entries);
    sinter_be64_store(sector + SINTER_QCOW2_AT_L1_OFFSET, self->l1_offset);
    sinter_be64_store(sector + SINTER_QCOW2_AT_REFTABLE_OFFSET, self->reftable_offset);
    sinter_be32_store(sector + SINTER_QCOW2_AT_REFTABLE_CLUSTERS, self->reftable_clusters);
    sinter_be32_store(sector + SINTER_QCOW2_AT_N_SNAPSHOTS, self->n_snapshots);
    sinter_be64_store(sector + SINTER_QCOW2_AT_SNAPSHOTS_OFFSET, self->snapshots_offset);
    if (version < 3)
        return;
    sinter_be64_store(sector + SINTER_QCOW2_AT_INCOMPATIBLE, self->incompatible);
    sinter_be64_store(sector + SINTER_QCOW2_AT_COMPATIBLE, self->compatible);
    sinter_be64_store(sector + SINTER_QCOW2_AT_AUTOCLEAR, self->autoclear);
    sinter_be32_store(sector + SINTER_QCOW2_AT_REFCOUNT_ORDER, self->refcount_order);
}

static void
root_adopt(const SinterQcow2Root *self, SinterQcow2Header *header)
{
    header->virtual_size_bytes = self->virtual_size_bytes;
    header->l1_entries = self->l1_entries;
    header->l1_offset = self->l1_offset;
    header->reftable_offset = self->reftable_offset;
    header->reftable_clusters = self->reftable_clusters;
    header->n_snapshots = self->n_snapshots;
    header->snapshots_offset = self->snapshots_offset;
    header->incompatible = self->incompatible;
    header->compatible = self->compatible;
    header->autoclear = self->autoclear;
    header->refcount_order = self->refcount_order;
}

gboolean
sinter_qcow2_root_write(SinterIo *io, SinterQcow2Header *header, const SinterQcow2Root *root,
                        GError **error)
{
    guint8 sector[SINTER_QCOW2_ROOT_BYTES];

    if (!sinter_io_read(io, 0, sector, sizeof sector, error))
        return FALSE;
    sinter_qcow2_root_store(root, header->version, sector);
    if (!sinter_io_write(io, 0, sector, sizeof sector, error) || !sinter_io_flush(io, error))
        return FALSE;
    root_adopt(root, header);
    return TRUE;
}
