/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads the directory of dirty bitmaps. The directory's bounds were checked with the header; its
 * entries' lengths are checked here before they are followed.
 */

#include "qcow2-bitmap.h"
#include "qcow2-stream.h"

static void
bitmap_free(gpointer data)
{
    SinterQcow2Bitmap *self = data;

    g_free(self->name);
    g_clear_pointer(&self->extra, g_bytes_unref);
    g_free(self);
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
            g_prefix_error(error, "bitmap %u of %u: ", i + 1, header->n_bitmaps);
            return NULL;
        }
        bitmap->entry_bytes = in.at - bitmap->entry_offset;
    }
    return g_steal_pointer(&list);
}
