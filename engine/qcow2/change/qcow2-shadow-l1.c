/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads the tables of a state of the disk and writes its L1 table for a new generation. Invariant:
 * a table's offset is checked before it is read.
 */

#include "qcow2-shadow-l1.h"
#include "qcow2/layout/qcow2-entries.h"
#include "qcow2/read/qcow2-l1-table.h"
#include "sinter-error.h"

gboolean
sinter_qcow2_shadow_load_l2(SinterQcow2Shadow *shadow, guint64 offset, guint8 *table,
                            GError **error)
{
    if ((offset & (shadow->geo.cluster_size - 1)) == 0)
        return sinter_io_read(shadow->writer->io, offset, table, shadow->geo.cluster_size, error);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                "'%s': invalid L2 table offset %" G_GUINT64_FORMAT
                "; repair the image with 'sinter-img check -r all'",
                sinter_io_get_path(shadow->writer->io), offset);
    return FALSE;
}

gboolean
sinter_qcow2_shadow_store_l1(SinterQcow2Shadow *shadow, const guint64 *l1, guint32 n,
                             guint64 old_offset, guint32 old_entries, guint64 *ret, GError **error)
{
    return sinter_qcow2_shadow_replace(shadow, old_offset, (guint64)old_entries * 8, (guint64)n * 8,
                                       ret, error) &&
           (n == 0 || sinter_qcow2_entries_store(shadow->writer->io, *ret, l1, 0, n, error));
}

gboolean
sinter_qcow2_shadow_store_active_l1(SinterQcow2Shadow *shadow, const guint64 *l1, guint32 n,
                                    GError **error)
{
    const SinterQcow2Header *header = shadow->writer->header;

    shadow->root.l1_entries = n;
    return sinter_qcow2_shadow_store_l1(shadow, l1, n, header->l1_offset, header->l1_entries,
                                        &shadow->root.l1_offset, error);
}

guint64 *
sinter_qcow2_shadow_load_snapshot_l1(const SinterQcow2Writer *writer,
                                     const SinterQcow2Snapshot *snapshot, GError **error)
{
    SinterQcow2L1Table view = { snapshot->l1_offset, snapshot->l1_entries, snapshot->disk_bytes };

    if (!sinter_qcow2_l1_table_check(&view, writer->header, writer->io, error)) {
        sinter_error_prefix(error, "'%s', snapshot '%s': ", sinter_io_get_path(writer->io),
                            snapshot->name);
        return NULL;
    }
    return sinter_qcow2_entries_load(writer->io, snapshot->l1_offset, snapshot->l1_entries, error);
}
