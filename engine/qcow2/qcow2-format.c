/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * qcow2 as an entry of the format registry: the callbacks that connect the general calls with this
 * folder.
 */

#include "qcow2-format-change.h"
#include "qcow2-format-write.h"
#include "qcow2/change/qcow2-bitmap-change.h"
#include "qcow2/change/qcow2-patch.h"
#include "qcow2/change/qcow2-relink.h"
#include "qcow2/make/qcow2-create.h"
#include "qcow2/make/qcow2-measure.h"
#include "qcow2/read/qcow2-bitmap.h"
#include "qcow2/check/qcow2-check.h"
#include "qcow2/read/qcow2-decompress.h"
#include "qcow2/read/qcow2-dump.h"
#include "qcow2/read/qcow2-image.h"
#include "qcow2/layout/qcow2-luks.h"
#include "qcow2/read/qcow2-map.h"
#include "qcow2/read/qcow2-refcount.h"
#include "qcow2/read/qcow2-salvage.h"
#include "qcow2/read/qcow2-snapshot.h"
#include "qcow2/repair/qcow2-repair.h"
#include "qcow2/rescue/qcow2-rescue.h"

static gboolean
qcow2_probe(const guint8 *start, gsize len)
{
    /* any version: an unknown version must fail, not be probed as raw */
    return len >= 4 && sinter_be32_load(start) == SINTER_QCOW2_MAGIC;
}

static const char *
qcow2_encryption_name(guint32 crypt_method)
{
    return crypt_method == SINTER_QCOW2_CRYPT_AES ? "aes" : "luks";
}

static void
qcow2_fill_names(SinterImageInfo *info, const SinterQcow2Header *header)
{
    info->backing_name = g_strdup(header->backing_name);
    info->backing_format = g_strdup(header->backing_format);
    if (header->backing_name)
        info->backing_path = sinter_image_resolve_name(info->path, header->backing_name, NULL);
    if (!header->geo.external_data || !header->data_file_name)
        return;
    info->data_file_name = g_strdup(header->data_file_name);
    info->data_file_path = sinter_image_resolve_name(info->path, header->data_file_name, NULL);
    info->data_file_raw = (header->autoclear & SINTER_QCOW2_AUTOCLEAR_RAW_EXTERNAL) != 0;
}

static gboolean
qcow2_inspect(SinterIo *io, SinterImageInfo *info, GError **error)
{
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, error);
    const SinterQcow2Problem *fatal;

    if (!header)
        return FALSE;
    fatal = sinter_qcow2_header_first_fatal(header);
    info->trouble = fatal ? g_strdup(fatal->text) : NULL;
    info->version = header->version;
    info->virtual_size = header->virtual_size_bytes;
    info->incompatible_features = header->incompatible;
    info->compatible_features = header->compatible;
    info->autoclear_features = header->autoclear;
    info->dirty = (header->incompatible & SINTER_QCOW2_INCOMPAT_DIRTY) != 0;
    info->corrupt = (header->incompatible & SINTER_QCOW2_INCOMPAT_CORRUPT) != 0;
    info->lazy_refcounts = (header->compatible & SINTER_QCOW2_COMPAT_LAZY_REFCOUNTS) != 0;
    info->n_snapshots = header->n_snapshots;
    if (header->autoclear & SINTER_QCOW2_AUTOCLEAR_BITMAPS)
        info->n_bitmaps = header->n_bitmaps;
    info->compression = g_strdup(sinter_qcow2_header_compression_name(header));
    info->encrypted = header->crypt_method != SINTER_QCOW2_CRYPT_NONE;
    if (info->encrypted)
        info->encryption = g_strdup(qcow2_encryption_name(header->crypt_method));
    if (header->has_geometry) {
        info->cluster_size = header->geo.cluster_size;
        info->refcount_bits = 1U << header->refcount_order;
        info->extended_l2 = header->geo.extended_l2;
    }
    qcow2_fill_names(info, header);
    return TRUE;
}

/*
 * Reads the header in order to list snapshots or bitmaps; only what the list needs must be valid.
 */
static SinterQcow2Header *
qcow2_read_usable_header(SinterIo *io, GError **error)
{
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, error);

    if (!header || !sinter_qcow2_header_require_usable(header, error))
        return NULL;
    return g_steal_pointer(&header);
}

static gboolean
qcow2_list_snapshots(SinterIo *io, GPtrArray *list, GError **error)
{
    g_autoptr(SinterQcow2Header) header = qcow2_read_usable_header(io, error);
    g_autoptr(GPtrArray) snapshots = NULL;

    if (header)
        snapshots = sinter_qcow2_snapshots_load(io, header, NULL, error);
    for (guint i = 0; snapshots && i < snapshots->len; i++) {
        SinterQcow2Snapshot *stored = g_ptr_array_index(snapshots, i);
        SinterSnapshotInfo *info = g_new0(SinterSnapshotInfo, 1);

        info->id = g_steal_pointer(&stored->id);
        info->name = g_steal_pointer(&stored->name);
        info->vm_state_size = stored->vm_state_bytes;
        info->disk_size = stored->disk_bytes;
        info->date_sec = stored->date_sec;
        info->date_nsec = stored->date_nsec;
        info->vm_clock_nsec = stored->vm_clock_nsec;
        info->icount = stored->icount;
        g_ptr_array_add(list, info);
    }
    return snapshots != NULL;
}

static gboolean
qcow2_list_bitmaps(SinterIo *io, GPtrArray *list, GError **error)
{
    g_autoptr(SinterQcow2Header) header = qcow2_read_usable_header(io, error);
    g_autoptr(GPtrArray) bitmaps = NULL;

    if (header)
        bitmaps = sinter_qcow2_bitmaps_load(io, header, error);
    for (guint i = 0; bitmaps && i < bitmaps->len; i++) {
        SinterQcow2Bitmap *stored = g_ptr_array_index(bitmaps, i);
        SinterBitmapInfo *info = g_new0(SinterBitmapInfo, 1);

        info->name = g_steal_pointer(&stored->name);
        info->granularity =
            stored->granularity_bits < 64 ? G_GUINT64_CONSTANT(1) << stored->granularity_bits : 0;
        info->in_use = (stored->flags & SINTER_QCOW2_BITMAP_IN_USE) != 0;
        info->enabled = (stored->flags & SINTER_QCOW2_BITMAP_AUTO) != 0;
        g_ptr_array_add(list, info);
    }
    return bitmaps != NULL;
}

static gboolean
qcow2_read_luks(SinterIo *io, SinterLuksInfo *info, GError **error)
{
    g_autoptr(SinterQcow2Header) header = qcow2_read_usable_header(io, error);

    return header && sinter_qcow2_luks_read(io, header, info, error);
}

const SinterFormat sinter_format_qcow2 = {
    .struct_size = sizeof(SinterFormat),
    .api_version = SINTER_FORMAT_API_VERSION,
    .name = "qcow2",
    .probe = qcow2_probe,
    .inspect = qcow2_inspect,
    .open = sinter_qcow2_image_open,
    .map = sinter_qcow2_map_run,
    .close = sinter_qcow2_image_close,
    .read_compressed = sinter_qcow2_read_compressed,
    .read_streams = sinter_qcow2_read_streams,
    .measure_stream = sinter_qcow2_measure_stream,
    .is_preallocated = sinter_qcow2_is_preallocated,
    .count_used = sinter_qcow2_count_used,
    .list_snapshots = qcow2_list_snapshots,
    .list_bitmaps = qcow2_list_bitmaps,
    .check = sinter_qcow2_check,
    .repair = sinter_qcow2_repair,
    .dump = sinter_qcow2_dump,
    .read_luks = qcow2_read_luks,
    .create_check = sinter_qcow2_create_check,
    .create = sinter_qcow2_create,
    .measure = sinter_qcow2_measure,
    .write_open = sinter_qcow2_format_write_open,
    .write_close = sinter_qcow2_format_write_close,
    .write_free = sinter_qcow2_format_write_free,
    .write_read = sinter_qcow2_format_write_read,
    .write = sinter_qcow2_format_write,
    .write_flush = sinter_qcow2_format_write_flush,
    .write_zero = sinter_qcow2_format_write_zero,
    .write_discard = sinter_qcow2_format_write_discard,
    .write_copy = sinter_qcow2_format_write_copy,
    .write_holds = sinter_qcow2_format_write_holds,
    .write_place = sinter_qcow2_format_write_place,
    .write_map = sinter_qcow2_format_write_map,
    .write_drop = sinter_qcow2_format_write_drop,
    .compress = sinter_qcow2_format_compress,
    .write_stream = sinter_qcow2_format_write_stream,
    .write_adopt = sinter_qcow2_format_write_adopt,
    .write_store_zeros = sinter_qcow2_format_write_store_zeros,
    .write_empty = sinter_qcow2_format_write_empty,
    .relink = sinter_qcow2_relink,
    .snapshot = sinter_qcow2_format_snapshot,
    .bitmaps = sinter_qcow2_bitmap_change,
    .resize = sinter_qcow2_format_resize,
    .amend = sinter_qcow2_format_amend,
    .salvage_open = sinter_qcow2_salvage_open,
    .salvage_map = sinter_qcow2_salvage_map,
    .patch = sinter_qcow2_patch,
    .rescue = sinter_qcow2_rescue,
    .write_uncover = sinter_qcow2_format_write_uncover,
};
