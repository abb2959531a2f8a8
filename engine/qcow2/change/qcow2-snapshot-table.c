/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writes tables of snapshots. Invariant: a table is never changed in place, but written completely
 * at a new place.
 */

#include "qcow2-snapshot-table.h"
#include "sinter-error.h"

#include <stdlib.h>

/* The part of the extra data that this engine writes, before unknown extra data. */
#define EXTRA_BYTES (SINTER_QCOW2_SNAPSHOT_EXTRA_ICOUNT + 8)

char *
sinter_qcow2_snapshot_table_new_id(const GPtrArray *list)
{
    unsigned long largest = 0;

    for (guint i = 0; i < list->len; i++) {
        const SinterQcow2Snapshot *snapshot = g_ptr_array_index(list, i);
        unsigned long id = strtoul(snapshot->id, NULL, 10);

        largest = MAX(largest, id);
    }
    return g_strdup_printf("%lu", largest + 1);
}

guint64
sinter_qcow2_snapshot_table_bytes(const SinterQcow2Header *header, const GPtrArray *list)
{
    const SinterQcow2Snapshot *last;

    if (list->len == 0)
        return 0;
    last = g_ptr_array_index(list, list->len - 1);
    return last->entry_offset + last->entry_bytes - header->snapshots_offset;
}

SinterQcow2Snapshot *
sinter_qcow2_snapshot_table_find(const GPtrArray *list, const char *wanted, SinterSnapshotKey key,
                                 GError **error)
{
    for (guint i = 0; key == SINTER_SNAPSHOT_BY_ID_OR_NAME && i < list->len; i++) {
        SinterQcow2Snapshot *snapshot = g_ptr_array_index(list, i);

        if (strcmp(snapshot->id, wanted) == 0)
            return snapshot;
    }
    for (guint i = 0; i < list->len; i++) {
        SinterQcow2Snapshot *snapshot = g_ptr_array_index(list, i);

        if (strcmp(snapshot->name, wanted) == 0)
            return snapshot;
    }
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "there is no snapshot '%s'", wanted);
    return NULL;
}

static void
table_append(GByteArray *table, const SinterQcow2Snapshot *snapshot)
{
    guint8 fixed[SINTER_QCOW2_SNAPSHOT_BYTES + EXTRA_BYTES] = { 0 };
    guint8 *extra = fixed + SINTER_QCOW2_SNAPSHOT_BYTES;
    guint start = (table->len + 7) / 8 * 8;
    gsize unknown_bytes = 0;
    const guint8 *unknown =
        snapshot->unknown_extra ? g_bytes_get_data(snapshot->unknown_extra, &unknown_bytes) : NULL;

    sinter_be64_store(fixed + SINTER_QCOW2_SNAPSHOT_AT_L1_OFFSET, snapshot->l1_offset);
    sinter_be32_store(fixed + SINTER_QCOW2_SNAPSHOT_AT_L1_ENTRIES, snapshot->l1_entries);
    sinter_be16_store(fixed + SINTER_QCOW2_SNAPSHOT_AT_ID_BYTES, (guint16)strlen(snapshot->id));
    sinter_be16_store(fixed + SINTER_QCOW2_SNAPSHOT_AT_NAME_BYTES, (guint16)strlen(snapshot->name));
    sinter_be32_store(fixed + SINTER_QCOW2_SNAPSHOT_AT_DATE_SEC, snapshot->date_sec);
    sinter_be32_store(fixed + SINTER_QCOW2_SNAPSHOT_AT_DATE_NSEC, snapshot->date_nsec);
    sinter_be64_store(fixed + SINTER_QCOW2_SNAPSHOT_AT_VM_CLOCK_NSEC, snapshot->vm_clock_nsec);
    /* a reader of only the short field sees no VM state rather than a part of it */
    if (snapshot->vm_state_bytes <= G_MAXUINT32)
        sinter_be32_store(fixed + SINTER_QCOW2_SNAPSHOT_AT_VM_STATE_BYTES,
                          (guint32)snapshot->vm_state_bytes);
    sinter_be32_store(fixed + SINTER_QCOW2_SNAPSHOT_AT_EXTRA_BYTES,
                      (guint32)(EXTRA_BYTES + unknown_bytes));
    sinter_be64_store(extra + SINTER_QCOW2_SNAPSHOT_EXTRA_VM_STATE, snapshot->vm_state_bytes);
    sinter_be64_store(extra + SINTER_QCOW2_SNAPSHOT_EXTRA_DISK_BYTES, snapshot->disk_bytes);
    sinter_be64_store(extra + SINTER_QCOW2_SNAPSHOT_EXTRA_ICOUNT, snapshot->icount);
    g_byte_array_set_size(table, start);
    g_byte_array_append(table, fixed, sizeof fixed);
    g_byte_array_append(table, unknown, (guint)unknown_bytes);
    g_byte_array_append(table, (const guint8 *)snapshot->id, (guint)strlen(snapshot->id));
    g_byte_array_append(table, (const guint8 *)snapshot->name, (guint)strlen(snapshot->name));
}

GByteArray *
sinter_qcow2_snapshot_table_build(const GPtrArray *list, GError **error)
{
    g_autoptr(GByteArray) table = g_byte_array_new();

    for (guint i = 0; i < list->len; i++) {
        guint before = table->len;

        table_append(table, g_ptr_array_index(list, i));
        /* padding that aligns an entry */
        for (guint at = before; at < (before + 7) / 8 * 8; at++)
            table->data[at] = 0;
        if (table->len > SINTER_QCOW2_SNAPSHOT_TABLE_MAX_BYTES)
            break;
    }
    if (list->len <= SINTER_QCOW2_SNAPSHOTS_MAX &&
        table->len <= SINTER_QCOW2_SNAPSHOT_TABLE_MAX_BYTES)
        return g_steal_pointer(&table);
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE,
                        "the snapshot table has reached its maximum size; delete snapshots");
    return NULL;
}

gboolean
sinter_qcow2_snapshot_table_replace(SinterQcow2Shadow *shadow, const GPtrArray *list,
                                    guint64 old_bytes, GError **error)
{
    g_autoptr(GByteArray) table = sinter_qcow2_snapshot_table_build(list, error);
    guint64 offset;

    if (!table || !sinter_qcow2_shadow_replace(shadow, shadow->root.snapshots_offset, old_bytes,
                                               table->len, &offset, error))
        return FALSE;
    shadow->root.snapshots_offset = offset;
    shadow->root.n_snapshots = list->len;
    return table->len == 0 ||
           sinter_io_write(shadow->writer->io, offset, table->data, table->len, error);
}
