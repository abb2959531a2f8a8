/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads the directory of dirty bitmaps. Its bounds are checked with the header; the lengths in its
 * entries are checked here before use.
 */

#include "qcow2-bitmap.h"
#include "qcow2/layout/qcow2-entries.h"
#include "qcow2/layout/qcow2-stream.h"
#include "sinter-error.h"

void
sinter_qcow2_bitmap_free(SinterQcow2Bitmap *self)
{
    g_free(self->name);
    g_clear_pointer(&self->extra, g_bytes_unref);
    g_free(self);
}

static void
bitmap_free(gpointer data)
{
    sinter_qcow2_bitmap_free(data);
}

static gboolean
bitmap_parse(SinterQcow2Bitmap *self, SinterQcow2Stream *in, GError **error)
{
    const guint8 *at = sinter_qcow2_stream_take(in, SINTER_QCOW2_BITMAP_BYTES, error);
    guint32 extra_bytes;
    guint16 name_bytes;

    if (!at)
        return FALSE;
    self->table_offset = sinter_be64_load(at + SINTER_QCOW2_BITMAP_AT_TABLE_OFFSET);
    self->table_entries = sinter_be32_load(at + SINTER_QCOW2_BITMAP_AT_TABLE_ENTRIES);
    self->flags = sinter_be32_load(at + SINTER_QCOW2_BITMAP_AT_FLAGS);
    self->type = at[SINTER_QCOW2_BITMAP_AT_TYPE];
    self->granularity_bits = at[SINTER_QCOW2_BITMAP_AT_GRANULARITY];
    name_bytes = sinter_be16_load(at + SINTER_QCOW2_BITMAP_AT_NAME_BYTES);
    extra_bytes = sinter_be32_load(at + SINTER_QCOW2_BITMAP_AT_EXTRA_BYTES);
    at = sinter_qcow2_stream_take(in, extra_bytes, error);
    if (at && extra_bytes > 0)
        self->extra = g_bytes_new(at, extra_bytes);
    at = at ? sinter_qcow2_stream_take(in, name_bytes, error) : NULL;
    if (!at)
        return FALSE;
    self->name = g_strndup((const char *)at, name_bytes);
    return TRUE;
}

GPtrArray *
sinter_qcow2_bitmaps_load(SinterIo *io, const SinterQcow2Header *header, GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(bitmap_free);
    g_auto(SinterQcow2Stream) in = { 0 };
    guint64 start = header->bitmap_directory_offset;

    if (!header->has_bitmaps || !(header->autoclear & SINTER_QCOW2_AUTOCLEAR_BITMAPS))
        return g_steal_pointer(&list);
    sinter_qcow2_stream_init(&in, io, start, start + header->bitmap_directory_bytes);
    for (guint32 i = 0; i < header->n_bitmaps; i++) {
        SinterQcow2Bitmap *bitmap = g_new0(SinterQcow2Bitmap, 1);

        g_ptr_array_add(list, bitmap);
        sinter_qcow2_stream_align(&in);
        bitmap->entry_offset = in.at;
        if (!bitmap_parse(bitmap, &in, error)) {
            sinter_error_prefix(error, "bitmap %u of %u: ", i + 1, header->n_bitmaps);
            return NULL;
        }
        bitmap->entry_bytes = in.at - bitmap->entry_offset;
    }
    return g_steal_pointer(&list);
}

static gboolean
load_cluster(SinterIo *io, const SinterQcow2Geometry *geo, const SinterQcow2Bitmap *bitmap,
             guint64 entry, guint8 *at, GError **error)
{
    guint64 host = entry & SINTER_QCOW2_OFFSET_MASK;

    if ((entry & SINTER_QCOW2_BITMAP_TABLE_RESERVED) || (host & (geo->cluster_size - 1)) != 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "the bitmap '%s' has a damaged table; 'sinter-img check -r all' deletes it",
                    bitmap->name);
        return FALSE;
    }
    if (host)
        return sinter_io_read(io, host, at, geo->cluster_size, error);
    memset(at, entry & SINTER_QCOW2_BITMAP_TABLE_ALL_ONES ? 0xff : 0, geo->cluster_size);
    return TRUE;
}

guint8 *
sinter_qcow2_bitmap_load_bits(SinterIo *io, const SinterQcow2Geometry *geo,
                              const SinterQcow2Bitmap *bitmap, guint64 n_entries, GError **error)
{
    g_autofree guint64 *table = NULL;
    g_autofree guint8 *bits = NULL;

    if (n_entries != bitmap->table_entries ||
        n_entries << geo->cluster_bits > SINTER_QCOW2_BITMAP_MAX_BYTES + geo->cluster_size) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "the bitmap '%s' does not fit the disk; 'sinter-img check -r all' deletes it",
                    bitmap->name);
        return NULL;
    }
    table = sinter_qcow2_entries_load(io, bitmap->table_offset, bitmap->table_entries, error);
    bits = table ? g_try_malloc(((gsize)n_entries << geo->cluster_bits) + 1) : NULL;
    if (table && !bits)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                    "there is not enough memory for bitmap '%s'", bitmap->name);
    for (guint32 i = 0; bits && i < bitmap->table_entries; i++) {
        if (!load_cluster(io, geo, bitmap, table[i], bits + ((gsize)i << geo->cluster_bits), error))
            return NULL;
    }
    return g_steal_pointer(&bits);
}
