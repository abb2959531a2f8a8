/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Stores changed dirty bitmaps beside the current ones and switches over. Invariant: neither a
 * table nor the directory is changed in place; everything is durable before something refers to it,
 * and freed only after nothing durable refers to it.
 */

#include "qcow2-bitmap-set.h"
#include "qcow2/layout/qcow2-entries.h"
#include "qcow2-header-change.h"
#include "qcow2-in-place.h"
#include "qcow2-shadow.h"
#include "sinter-error.h"

#include <string.h>

static gboolean
is_zero(const guint8 *at, gsize n)
{
    return *at == 0 && memcmp(at, at + 1, n - 1) == 0;
}

/* Allocates clusters for the bits of a changed bitmap, and for its table. */
static gboolean
place_bitmap(SinterQcow2BitmapSet *self, SinterQcow2BitmapEdit *edit, SinterQcow2Shadow *shadow,
             GError **error)
{
    guint32 size = self->geo.cluster_size;
    guint32 n = (guint32)sinter_qcow2_bitmap_set_n_entries(self, edit->stored);
    g_autofree guint64 *table = g_new0(guint64, (gsize)n + 1);

    for (guint32 i = 0; edit->bits && i < n; i++) {
        const guint8 *at = edit->bits + (gsize)i * size;

        if (is_zero(at, size))
            continue;
        if (!sinter_qcow2_shadow_take(shadow, 1, &table[i], error) ||
            !sinter_io_write(self->io, table[i], at, size, error) ||
            !sinter_qcow2_shadow_make_room(shadow, error))
            return FALSE;
    }
    edit->stored->table_entries = n;
    return sinter_qcow2_shadow_replace(shadow, 0, 0, (guint64)n * 8, &edit->stored->table_offset,
                                       error) &&
           (n == 0 ||
            sinter_qcow2_entries_store(self->io, edit->stored->table_offset, table, 0, n, error));
}

static void
directory_append(GByteArray *out, const SinterQcow2Bitmap *bitmap)
{
    guint8 fixed[SINTER_QCOW2_BITMAP_BYTES] = { 0 };
    static const guint8 zeros[8];
    gsize extra_bytes = 0;
    const guint8 *extra = bitmap->extra ? g_bytes_get_data(bitmap->extra, &extra_bytes) : NULL;

    sinter_be64_store(fixed + SINTER_QCOW2_BITMAP_AT_TABLE_OFFSET, bitmap->table_offset);
    sinter_be32_store(fixed + SINTER_QCOW2_BITMAP_AT_TABLE_ENTRIES, bitmap->table_entries);
    sinter_be32_store(fixed + SINTER_QCOW2_BITMAP_AT_FLAGS, bitmap->flags);
    fixed[SINTER_QCOW2_BITMAP_AT_TYPE] = bitmap->type;
    fixed[SINTER_QCOW2_BITMAP_AT_GRANULARITY] = bitmap->granularity_bits;
    sinter_be16_store(fixed + SINTER_QCOW2_BITMAP_AT_NAME_BYTES, (guint16)strlen(bitmap->name));
    sinter_be32_store(fixed + SINTER_QCOW2_BITMAP_AT_EXTRA_BYTES, (guint32)extra_bytes);
    g_byte_array_append(out, fixed, sizeof fixed);
    g_byte_array_append(out, extra, (guint)extra_bytes);
    g_byte_array_append(out, (const guint8 *)bitmap->name, (guint)strlen(bitmap->name));
    g_byte_array_append(out, zeros, (8 - out->len % 8) % 8);
}

/* The clusters of the current directory are no longer needed, except for @kept bytes. */
static void
forget_directory(SinterQcow2BitmapSet *self, guint64 kept)
{
    guint64 n = sinter_qcow2_geometry_clusters(&self->geo, self->directory_bytes);

    for (guint64 i = sinter_qcow2_geometry_clusters(&self->geo, kept); i < n; i++) {
        guint64 cluster = (self->directory_offset >> self->geo.cluster_bits) + i;

        g_array_append_val(self->old, cluster);
    }
}

/* Returns the new directory, which replaces the current one. */
static GByteArray *
build_directory(SinterQcow2BitmapSet *self, GError **error)
{
    g_autoptr(GByteArray) directory = g_byte_array_new();

    forget_directory(self, 0);
    for (guint i = 0; i < self->list->len; i++)
        directory_append(directory,
                         ((SinterQcow2BitmapEdit *)g_ptr_array_index(self->list, i))->stored);
    if (directory->len > SINTER_QCOW2_BITMAP_DIRECTORY_MAX_BYTES) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE,
                            "Not enough space in the bitmap directory");
        return NULL;
    }
    self->directory_bytes = directory->len;
    return g_steal_pointer(&directory);
}

static gboolean
place_directory(SinterQcow2BitmapSet *self, SinterQcow2Shadow *shadow, GError **error)
{
    g_autoptr(GByteArray) directory = build_directory(self, error);

    return directory &&
           sinter_qcow2_shadow_replace(shadow, 0, 0, directory->len, &self->directory_offset,
                                       error) &&
           (directory->len == 0 || sinter_io_write(self->io, self->directory_offset,
                                                   directory->data, directory->len, error));
}

gboolean
sinter_qcow2_bitmap_set_place(SinterQcow2BitmapSet *self, SinterQcow2Writer *writer, GError **error)
{
    g_autoptr(SinterQcow2Shadow) shadow =
        sinter_qcow2_shadow_new(writer, writer->geo.refcount_order);

    for (guint i = 0; i < self->list->len; i++) {
        SinterQcow2BitmapEdit *edit = g_ptr_array_index(self->list, i);

        if (edit->state != SINTER_QCOW2_BITS_STORED && !place_bitmap(self, edit, shadow, error))
            return FALSE;
    }
    return place_directory(self, shadow, error) && sinter_qcow2_shadow_commit(shadow, error);
}

void
sinter_qcow2_bitmap_set_cut_directory(SinterQcow2BitmapSet *self, guint64 bytes)
{
    forget_directory(self, bytes);
    self->directory_bytes = bytes;
}

gboolean
sinter_qcow2_bitmap_set_place_directory(SinterQcow2BitmapSet *self, SinterQcow2Writer *writer,
                                        GError **error)
{
    g_autoptr(GByteArray) directory = build_directory(self, error);

    self->directory_offset = 0;
    return directory && (directory->len == 0 ||
                         sinter_qcow2_in_place_store(writer, directory->data, directory->len,
                                                     &self->directory_offset, error));
}

gboolean
sinter_qcow2_bitmap_set_switch(SinterQcow2BitmapSet *self, GError **error)
{
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(self->io, error);
    SinterQcow2HeaderChange change;

    if (!header)
        return FALSE;
    change = sinter_qcow2_header_change_of(header);
    change.n_bitmaps = self->list->len;
    change.bitmap_directory_offset = self->directory_offset;
    change.bitmap_directory_bytes = self->directory_bytes;
    change.autoclear &= ~SINTER_QCOW2_AUTOCLEAR_BITMAPS;
    if (change.n_bitmaps > 0)
        change.autoclear |= SINTER_QCOW2_AUTOCLEAR_BITMAPS;
    return sinter_qcow2_header_change(self->io, header, &change, error);
}

gboolean
sinter_qcow2_bitmap_set_release(SinterQcow2BitmapSet *self, SinterQcow2Writer *writer,
                                GError **error)
{
    g_autoptr(SinterQcow2Shadow) shadow = NULL;

    if (self->old->len == 0)
        return TRUE;
    shadow = sinter_qcow2_shadow_new(writer, writer->geo.refcount_order);
    for (guint i = 0; i < self->old->len; i++) {
        if (!sinter_qcow2_shadow_drop(shadow, g_array_index(self->old, guint64, i), 1, error))
            return FALSE;
    }
    return sinter_qcow2_shadow_commit(shadow, error);
}
