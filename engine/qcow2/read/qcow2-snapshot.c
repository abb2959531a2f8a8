/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Internal snapshots: reads their table and makes one of them readable. Invariant: at most 65,536
 * entries and 64 MiB are read, and each length in an entry is checked before use.
 */

#include "qcow2-snapshot.h"
#include "qcow2/layout/qcow2-stream.h"
#include "sinter-error.h"

#include <string.h>

static void
snapshot_free(gpointer data)
{
    SinterQcow2Snapshot *self = data;

    g_free(self->id);
    g_free(self->name);
    g_clear_pointer(&self->unknown_extra, g_bytes_unref);
    g_free(self);
}

static gboolean
snapshot_parse_extra(SinterQcow2Snapshot *self, SinterQcow2Stream *in, GError **error)
{
    const guint8 *extra;

    if (self->extra_bytes > SINTER_QCOW2_SNAPSHOT_EXTRA_MAX) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "Too much extra metadata in the snapshot table entry at %" G_GUINT64_FORMAT,
                    self->entry_offset);
        return FALSE;
    }
    extra = sinter_qcow2_stream_take(in, self->extra_bytes, error);
    if (!extra)
        return FALSE;
    if (self->extra_bytes >= SINTER_QCOW2_SNAPSHOT_EXTRA_VM_STATE + 8)
        self->vm_state_bytes = sinter_be64_load(extra + SINTER_QCOW2_SNAPSHOT_EXTRA_VM_STATE);
    if (self->extra_bytes >= SINTER_QCOW2_SNAPSHOT_EXTRA_DISK_BYTES + 8)
        self->disk_bytes = sinter_be64_load(extra + SINTER_QCOW2_SNAPSHOT_EXTRA_DISK_BYTES);
    if (self->extra_bytes >= SINTER_QCOW2_SNAPSHOT_EXTRA_ICOUNT + 8)
        self->icount = sinter_be64_load(extra + SINTER_QCOW2_SNAPSHOT_EXTRA_ICOUNT);
    if (self->extra_bytes > SINTER_QCOW2_SNAPSHOT_EXTRA_ICOUNT + 8)
        self->unknown_extra =
            g_bytes_new(extra + SINTER_QCOW2_SNAPSHOT_EXTRA_ICOUNT + 8,
                        self->extra_bytes - SINTER_QCOW2_SNAPSHOT_EXTRA_ICOUNT - 8);
    return TRUE;
}

static gboolean
snapshot_parse(SinterQcow2Snapshot *self, SinterQcow2Stream *in, GError **error)
{
    const guint8 *at = sinter_qcow2_stream_take(in, SINTER_QCOW2_SNAPSHOT_BYTES, error);
    const guint8 *names;
    guint16 id_bytes;
    guint16 name_bytes;

    if (!at)
        return FALSE;
    self->l1_offset = sinter_be64_load(at + SINTER_QCOW2_SNAPSHOT_AT_L1_OFFSET);
    self->l1_entries = sinter_be32_load(at + SINTER_QCOW2_SNAPSHOT_AT_L1_ENTRIES);
    self->date_sec = sinter_be32_load(at + SINTER_QCOW2_SNAPSHOT_AT_DATE_SEC);
    self->date_nsec = sinter_be32_load(at + SINTER_QCOW2_SNAPSHOT_AT_DATE_NSEC);
    self->vm_clock_nsec = sinter_be64_load(at + SINTER_QCOW2_SNAPSHOT_AT_VM_CLOCK_NSEC);
    self->vm_state_bytes = sinter_be32_load(at + SINTER_QCOW2_SNAPSHOT_AT_VM_STATE_BYTES);
    self->extra_bytes = sinter_be32_load(at + SINTER_QCOW2_SNAPSHOT_AT_EXTRA_BYTES);
    id_bytes = sinter_be16_load(at + SINTER_QCOW2_SNAPSHOT_AT_ID_BYTES);
    name_bytes = sinter_be16_load(at + SINTER_QCOW2_SNAPSHOT_AT_NAME_BYTES);
    if (!snapshot_parse_extra(self, in, error))
        return FALSE;
    names = sinter_qcow2_stream_take(in, (gsize)id_bytes + name_bytes, error);
    if (!names)
        return FALSE;
    self->id = g_strndup((const char *)names, id_bytes);
    self->name = g_strndup((const char *)names + id_bytes, name_bytes);
    return TRUE;
}

GPtrArray *
sinter_qcow2_snapshots_load(SinterIo *io, const SinterQcow2Header *header, GPtrArray **ret_partial,
                            GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(snapshot_free);
    g_auto(SinterQcow2Stream) in = { 0 };
    guint64 start = header->snapshots_offset;
    guint64 end = MIN(header->file_bytes, start + SINTER_QCOW2_SNAPSHOT_TABLE_MAX_BYTES);

    sinter_qcow2_stream_init(&in, io, start, MAX(start, end));
    for (guint32 i = 0; i < header->n_snapshots; i++) {
        SinterQcow2Snapshot *snapshot = g_new0(SinterQcow2Snapshot, 1);

        sinter_qcow2_stream_align(&in);
        snapshot->entry_offset = in.at;
        snapshot->disk_bytes = header->virtual_size_bytes;
        snapshot->icount = SINTER_QCOW2_ICOUNT_NONE;
        if (!snapshot_parse(snapshot, &in, error)) {
            sinter_error_prefix(error, "snapshot %u of %u: ", i + 1, header->n_snapshots);
            snapshot_free(snapshot);
            if (ret_partial)
                *ret_partial = g_steal_pointer(&list);
            return NULL;
        }
        snapshot->entry_bytes = in.at - snapshot->entry_offset;
        g_ptr_array_add(list, snapshot);
    }
    return g_steal_pointer(&list);
}

const SinterQcow2Snapshot *
sinter_qcow2_snapshot_find(const GPtrArray *list, const char *id_or_name, GError **error)
{
    for (guint i = 0; i < list->len; i++) {
        const SinterQcow2Snapshot *snapshot = g_ptr_array_index(list, i);

        if (strcmp(snapshot->id, id_or_name) == 0)
            return snapshot;
    }
    for (guint i = 0; i < list->len; i++) {
        const SinterQcow2Snapshot *snapshot = g_ptr_array_index(list, i);

        if (strcmp(snapshot->name, id_or_name) == 0)
            return snapshot;
    }
    sinter_error_refuse(error, SINTER_ERROR_NOT_FOUND, "there is no snapshot '%s'", id_or_name);
    return NULL;
}

gboolean
sinter_qcow2_snapshot_find_view(SinterIo *io, const SinterQcow2Header *header,
                                const char *id_or_name, SinterQcow2L1Table *ret, GError **error)
{
    g_autoptr(GPtrArray) list = sinter_qcow2_snapshots_load(io, header, NULL, error);
    const SinterQcow2Snapshot *snapshot;

    if (!list)
        return FALSE;
    snapshot = sinter_qcow2_snapshot_find(list, id_or_name, error);
    if (!snapshot)
        return FALSE;
    *ret = (SinterQcow2L1Table){
        .l1_offset = snapshot->l1_offset,
        .l1_entries = snapshot->l1_entries,
        .virtual_size_bytes = snapshot->disk_bytes,
    };
    return TRUE;
}
