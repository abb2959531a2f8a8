/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Resizes a disk. Invariant: the size changes with one write of the header's first sector. Before a
 * disk grows, the added range durably reads as zeros; what a disk loses is freed only after it has
 * durably shrunk.
 */

#include "qcow2-resize.h"
#include "qcow2/layout/qcow2-entries.h"
#include "qcow2-shadow.h"
#include "qcow2/read/qcow2-snapshot.h"
#include "qcow2-disk-end.h"
#include "sinter-error.h"

#define SECTOR_BYTES 512

/* The size of a snapshot without a stored disk size would change with the image. */
static gboolean
check_snapshots(const SinterQcow2Writer *writer, GError **error)
{
    g_autoptr(GPtrArray) list = NULL;

    if (writer->header->n_snapshots == 0)
        return TRUE;
    if (writer->header->version < 3)
        return sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED,
                                   "Can't resize a v2 image which has snapshots");
    list = sinter_qcow2_snapshots_load(writer->io, writer->header, NULL, error);
    for (guint i = 0; list && i < list->len; i++) {
        const SinterQcow2Snapshot *snapshot = g_ptr_array_index(list, i);

        if (snapshot->extra_bytes >= SINTER_QCOW2_SNAPSHOT_EXTRA_V3_MIN)
            continue;
        g_set_error(
            error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
            "the snapshot '%s' has no disk size; repair the image with 'sinter-img check -r "
            "all' before it is resized",
            snapshot->name);
        return FALSE;
    }
    return list != NULL;
}

gboolean
sinter_qcow2_resize_check(const SinterQcow2Writer *writer, guint64 size,
                          SinterPreallocation preallocation, GError **error)
{
    if (size % SECTOR_BYTES != 0)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "The new size must be a multiple of 512");
    if (!check_snapshots(writer, error))
        return FALSE;
    if (writer->geo.external_data && !sinter_io_check_reach(writer->data_io, size, error))
        return FALSE;
    if (size < writer->header->virtual_size_bytes && preallocation != SINTER_PREALLOCATION_OFF)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "Preallocation can't be used for shrinking an image");
    if (size > G_MAXINT64 ||
        sinter_qcow2_geometry_l1_entries(&writer->geo, size) > SINTER_QCOW2_L1_MAX_BYTES / 8)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "Failed to grow the L1 table: File too large");
    return TRUE;
}

gboolean
sinter_qcow2_resize_grow_l1(SinterQcow2Writer *writer, guint64 size, gboolean *ret_moved,
                            GError **error)
{
    const SinterQcow2Header *header = writer->header;
    guint32 needed = (guint32)sinter_qcow2_geometry_l1_entries(&writer->geo, size);
    g_autoptr(SinterQcow2Shadow) shadow = NULL;
    g_autofree guint64 *l1 = NULL;

    *ret_moved = needed > header->l1_entries;
    if (!*ret_moved)
        return TRUE;
    l1 = g_new0(guint64, needed);
    memcpy(l1, writer->l1, (gsize)header->l1_entries * 8);
    shadow = sinter_qcow2_shadow_new(writer, writer->geo.refcount_order);
    shadow->root.l1_entries = needed;
    return sinter_qcow2_shadow_replace(shadow, header->l1_offset, (guint64)header->l1_entries * 8,
                                       (guint64)needed * 8, &shadow->root.l1_offset, error) &&
           sinter_qcow2_entries_store(writer->io, shadow->root.l1_offset, l1, 0, needed, error) &&
           sinter_qcow2_shadow_commit(shadow, error);
}

/* A data file is as long as the disk. */
static gboolean
resize_data_file(SinterQcow2Writer *writer, guint64 size, GError **error)
{
    SinterIoStat st;

    if (!writer->geo.external_data)
        return TRUE;
    if (!sinter_io_stat(writer->data_io, &st, error))
        return FALSE;
    return st.is_block_device || st.size_bytes == size ||
           (sinter_io_truncate(writer->data_io, size, error) &&
            sinter_io_flush(writer->data_io, error));
}

static gboolean
write_size(SinterQcow2Writer *writer, guint64 size, GError **error)
{
    SinterQcow2Root root = sinter_qcow2_root_of(writer->header);

    root.virtual_size_bytes = size;
    return sinter_qcow2_root_write(writer->io, writer->header, &root, error);
}

gboolean
sinter_qcow2_resize_grow(SinterQcow2Writer *writer, guint64 size, SinterPreallocation preallocation,
                         GError **error)
{
    guint64 old = writer->header->virtual_size_bytes;
    guint64 mask = writer->geo.cluster_size - 1;
    guint64 zeros_to = size;

    /* a data file that is a raw image is mapped completely */
    if (preallocation == SINTER_PREALLOCATION_OFF &&
        (writer->header->autoclear & SINTER_QCOW2_AUTOCLEAR_RAW_EXTERNAL))
        preallocation = SINTER_PREALLOCATION_METADATA;
    /* preallocated space is zeros anyway */
    if (preallocation != SINTER_PREALLOCATION_OFF)
        zeros_to = MIN((old + mask) & ~mask, size);
    return sinter_qcow2_disk_end_unmap(writer, old, error) &&
           resize_data_file(writer, size, error) &&
           sinter_qcow2_disk_end_zero(writer, old, zeros_to, error) &&
           (preallocation == SINTER_PREALLOCATION_OFF ||
            sinter_qcow2_disk_end_preallocate(writer, old, size, preallocation, error)) &&
           sinter_qcow2_writer_finish(writer, error) && write_size(writer, size, error);
}

gboolean
sinter_qcow2_resize_shrink(SinterQcow2Writer *writer, guint64 size, GError **error)
{
    return write_size(writer, size, error) && sinter_qcow2_disk_end_unmap(writer, size, error) &&
           sinter_qcow2_writer_finish(writer, error) && resize_data_file(writer, size, error) &&
           sinter_qcow2_alloc_drop_empty_blocks(writer, error) &&
           sinter_qcow2_writer_finish(writer, error) &&
           sinter_qcow2_disk_end_cut_file(writer, error);
}

gboolean
sinter_qcow2_resize_trust_bitmaps(SinterQcow2Writer *writer, const SinterQcow2BitmapSet *set,
                                  GError **error)
{
    gboolean any = FALSE;

    for (guint i = 0; i < writer->bitmaps->len; i++) {
        const SinterQcow2Bitmap *bitmap = g_ptr_array_index(writer->bitmaps, i);
        const SinterQcow2BitmapEdit *edit = g_ptr_array_index(set->list, i);
        guint8 raw[4];

        if (!(edit->stored->flags & SINTER_QCOW2_BITMAP_IN_USE))
            continue;
        any = TRUE;
        sinter_be32_store(raw, edit->stored->flags & ~SINTER_QCOW2_BITMAP_IN_USE);
        if (!sinter_io_write(writer->io, bitmap->entry_offset + SINTER_QCOW2_BITMAP_AT_FLAGS, raw,
                             sizeof raw, error))
            return FALSE;
    }
    return !any || sinter_io_flush(writer->io, error);
}
