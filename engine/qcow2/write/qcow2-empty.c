/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Empties an image: removes L1 entries and decrements the refcounts of everything below them.
 * Invariant: no cluster is free while a durable L1 entry leads to it, and the file is truncated
 * only after clusters that are durably free.
 */

#include "qcow2-empty.h"
#include "qcow2-proof.h"

static gboolean
drop_table(SinterQcow2Writer *self, guint32 index, GError **error)
{
    guint64 offset = self->l1[index] & SINTER_QCOW2_OFFSET_MASK;
    SinterQcow2Table *table = sinter_qcow2_table_get(&self->l2, offset, error);

    if (!table)
        return FALSE;
    for (guint32 i = 0; i < self->geo.l2_entries; i++)
        sinter_qcow2_alloc_release_entry(self, sinter_qcow2_l2_load(&self->geo, table->data, i));
    sinter_qcow2_alloc_release(self, offset >> self->geo.cluster_bits);
    sinter_qcow2_writer_l1_set(self, index, 0);
    return TRUE;
}

static gboolean
drop_all_tables(SinterQcow2Writer *self, GError **error)
{
    for (guint32 i = 0; i < self->header->l1_entries; i++) {
        if (self->l1[i] & SINTER_QCOW2_OFFSET_MASK && !drop_table(self, i, error))
            return FALSE;
        if (!sinter_qcow2_writer_make_room(self, error))
            return FALSE;
    }
    return sinter_qcow2_writer_finish(self, error);
}

/* The guest's data is in the data file, and no entry refers to it any more. */
static gboolean
drop_external_data(SinterQcow2Writer *self, GError **error)
{
    return self->data_io == self->io ||
           (sinter_io_discard(self->data_io, 0, self->header->virtual_size_bytes, error) &&
            sinter_io_flush(self->data_io, error));
}

static gboolean
cut_file(SinterQcow2Writer *self, GError **error)
{
    SinterIoStat st;
    guint64 n_clusters;
    guint64 count = 0;

    if (!sinter_io_stat(self->io, &st, error))
        return FALSE;
    n_clusters = sinter_qcow2_geometry_clusters(&self->geo, st.size_bytes);
    while (n_clusters > 0) {
        if (!sinter_qcow2_alloc_get_refcount(self, n_clusters - 1, &count, error))
            return FALSE;
        if (count > 0)
            break;
        n_clusters--;
    }
    if (st.is_block_device || n_clusters << self->geo.cluster_bits >= st.size_bytes)
        return TRUE;
    return sinter_io_truncate(self->io, n_clusters << self->geo.cluster_bits, error) &&
           sinter_io_flush(self->io, error);
}

gboolean
sinter_qcow2_empty(SinterQcow2Writer *writer, GError **error)
{
    return sinter_qcow2_proof_counts(writer, error) && drop_all_tables(writer, error) &&
           drop_external_data(writer, error) && cut_file(writer, error);
}
