/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Changes dirty bitmaps in memory. Invariant: an inconsistent bitmap can only be removed; bits
 * beyond the end of the disk are zero.
 */

#include "qcow2-bitmap-set.h"
#include "qcow2/layout/qcow2-entries.h"
#include "sinter-error.h"

#include <string.h>

#define GRANULARITY_DEFAULT_MIN 4096
#define GRANULARITY_DEFAULT_MAX 65536

static void
edit_free(gpointer data)
{
    SinterQcow2BitmapEdit *self = data;

    sinter_qcow2_bitmap_free(self->stored);
    g_free(self->bits);
    g_free(self);
}

SinterQcow2BitmapSet *
sinter_qcow2_bitmap_set_new(SinterIo *io)
{
    SinterQcow2BitmapSet *self = g_new0(SinterQcow2BitmapSet, 1);

    self->io = sinter_io_ref(io);
    self->list = g_ptr_array_new_with_free_func(edit_free);
    self->old = g_array_new(FALSE, FALSE, sizeof(guint64));
    return self;
}

SinterQcow2BitmapSet *
sinter_qcow2_bitmap_set_load(SinterIo *io, const SinterQcow2Header *header, GError **error)
{
    g_autoptr(SinterQcow2BitmapSet) self = sinter_qcow2_bitmap_set_new(io);
    g_autoptr(GPtrArray) stored = sinter_qcow2_bitmaps_load(io, header, error);

    self->geo = header->geo;
    self->version = header->version;
    self->disk_bytes = header->virtual_size_bytes;
    if (!stored)
        return NULL;
    while (stored->len > 0) {
        SinterQcow2BitmapEdit *edit = g_new0(SinterQcow2BitmapEdit, 1);

        edit->stored = g_ptr_array_steal_index(stored, 0);
        g_ptr_array_add(self->list, edit);
    }
    if (self->list->len > 0) {
        self->directory_offset = header->bitmap_directory_offset;
        self->directory_bytes = header->bitmap_directory_bytes;
    }
    return g_steal_pointer(&self);
}

void
sinter_qcow2_bitmap_set_free(SinterQcow2BitmapSet *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->list);
    g_array_unref(self->old);
    sinter_io_unref(self->io);
    g_free(self);
}

guint64
sinter_qcow2_bitmap_set_n_bits(const SinterQcow2BitmapSet *self, const SinterQcow2Bitmap *bitmap)
{
    guint bits = bitmap->granularity_bits;

    return (self->disk_bytes >> bits) +
           ((self->disk_bytes & ((G_GUINT64_CONSTANT(1) << bits) - 1)) != 0);
}

guint64
sinter_qcow2_bitmap_set_n_entries(const SinterQcow2BitmapSet *self, const SinterQcow2Bitmap *bitmap)
{
    guint64 bytes = (sinter_qcow2_bitmap_set_n_bits(self, bitmap) + 7) / 8;

    return sinter_qcow2_geometry_clusters(&self->geo, bytes);
}

static SinterQcow2BitmapEdit *
set_find(SinterQcow2BitmapSet *self, const char *name, GError **error)
{
    for (guint i = 0; i < self->list->len; i++) {
        SinterQcow2BitmapEdit *edit = g_ptr_array_index(self->list, i);

        if (strcmp(edit->stored->name, name) == 0)
            return edit;
    }
    sinter_error_refuse(error, SINTER_ERROR_NOT_FOUND, "Dirty bitmap '%s' not found", name);
    return NULL;
}

/* Returns a bitmap that may be read and changed. */
static SinterQcow2BitmapEdit *
set_find_usable(SinterQcow2BitmapSet *self, const char *name, GError **error)
{
    SinterQcow2BitmapEdit *edit = set_find(self, name, error);
    const SinterQcow2Bitmap *stored = edit ? edit->stored : NULL;

    if (!edit)
        return NULL;
    if (stored->flags & SINTER_QCOW2_BITMAP_IN_USE) {
        sinter_error_refuse(error, SINTER_ERROR_CORRUPT,
                            "Bitmap '%s' is inconsistent and cannot be used", name);
        sinter_error_set_stage(error, SINTER_STAGE_USE_BITMAP, name);
        return NULL;
    }
    if (stored->type != SINTER_QCOW2_BITMAP_TYPE_DIRTY || stored->extra ||
        (stored->flags & ~SINTER_QCOW2_BITMAP_FLAGS_KNOWN) ||
        stored->granularity_bits < SINTER_QCOW2_BITMAP_GRANULARITY_MIN ||
        stored->granularity_bits > SINTER_QCOW2_BITMAP_GRANULARITY_MAX) {
        sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED, "The type of bitmap '%s' is unknown",
                            name);
        return NULL;
    }
    return edit;
}

/* Returns log2, 0 if it is not a valid granularity. */
static guint8
granularity_bits(guint64 granularity)
{
    if (granularity < 1U << SINTER_QCOW2_BITMAP_GRANULARITY_MIN ||
        granularity > 1U << SINTER_QCOW2_BITMAP_GRANULARITY_MAX ||
        (granularity & (granularity - 1)) != 0)
        return 0;
    return (guint8)__builtin_ctzll(granularity);
}

static gboolean
check_new(const SinterQcow2BitmapSet *self, const SinterQcow2Bitmap *bitmap, GError **error)
{
    const char *trouble = NULL;

    if (self->version == 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "Can't store persistent bitmaps to '%s': Operation not supported",
                    sinter_io_get_path(self->io));
        return FALSE;
    }
    if (self->version < 3)
        trouble = "Cannot store dirty bitmaps in qcow2 v2 files";
    else if (self->disk_bytes == 0)
        trouble = "The disk is empty";
    else if (self->list->len >= SINTER_QCOW2_BITMAPS_MAX)
        trouble = "Maximum number of persistent bitmaps is already reached";
    else if (strlen(bitmap->name) > SINTER_QCOW2_BITMAP_NAME_MAX)
        trouble = "Name length exceeds maximum (1023 characters)";
    else if (sinter_qcow2_bitmap_set_n_entries(self, bitmap) >
                 SINTER_QCOW2_BITMAP_TABLE_MAX_ENTRIES ||
             (sinter_qcow2_bitmap_set_n_bits(self, bitmap) + 7) / 8 > SINTER_QCOW2_BITMAP_MAX_BYTES)
        trouble = "Too much space will be occupied by the bitmap. Use larger granularity";
    if (!trouble)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "Can't make bitmap '%s' persistent in '%s': %s", bitmap->name,
                sinter_io_get_path(self->io), trouble);
    return FALSE;
}

gboolean
sinter_qcow2_bitmap_set_add(SinterQcow2BitmapSet *self, const char *name, guint64 granularity,
                            GError **error)
{
    guint64 suits =
        CLAMP((guint64)self->geo.cluster_size, GRANULARITY_DEFAULT_MIN, GRANULARITY_DEFAULT_MAX);
    guint8 bits = granularity_bits(granularity ? granularity : suits);
    SinterQcow2BitmapEdit *edit;

    if (*name == '\0')
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "Bitmap name cannot be empty");
    if (set_find(self, name, NULL))
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "Bitmap already exists: %s", name);
    if (bits == 0)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "Granularity must be power of 2 and at least 512");
    edit = g_new0(SinterQcow2BitmapEdit, 1);
    edit->state = SINTER_QCOW2_BITS_ZERO;
    edit->stored = g_new0(SinterQcow2Bitmap, 1);
    edit->stored->name = g_strdup(name);
    edit->stored->type = SINTER_QCOW2_BITMAP_TYPE_DIRTY;
    edit->stored->flags = SINTER_QCOW2_BITMAP_AUTO;
    edit->stored->granularity_bits = bits;
    if (!check_new(self, edit->stored, error)) {
        edit_free(edit);
        return FALSE;
    }
    g_ptr_array_add(self->list, edit);
    self->is_changed = TRUE;
    return TRUE;
}

static void
add_old(SinterQcow2BitmapSet *self, guint64 offset, guint64 bytes)
{
    guint64 n = sinter_qcow2_geometry_clusters(&self->geo, bytes);

    for (guint64 i = 0; i < n; i++) {
        guint64 cluster = (offset >> self->geo.cluster_bits) + i;

        g_array_append_val(self->old, cluster);
    }
}

/* Marks the clusters of a stored bitmap as unused. */
static gboolean
forget_stored(SinterQcow2BitmapSet *self, SinterQcow2BitmapEdit *edit, GError **error)
{
    SinterQcow2Bitmap *stored = edit->stored;
    g_autofree guint64 *table = NULL;

    if (stored->table_entries > SINTER_QCOW2_BITMAP_TABLE_MAX_ENTRIES)
        return sinter_error_refuse(error, SINTER_ERROR_CORRUPT,
                                   "The table of bitmap '%s' is invalid", stored->name);
    table = sinter_qcow2_entries_load(self->io, stored->table_offset, stored->table_entries, error);
    if (!table)
        return FALSE;
    for (guint32 i = 0; i < stored->table_entries; i++) {
        if (table[i] & SINTER_QCOW2_OFFSET_MASK)
            add_old(self, table[i] & SINTER_QCOW2_OFFSET_MASK, 1);
    }
    add_old(self, stored->table_offset, (guint64)stored->table_entries * 8);
    stored->table_offset = 0;
    stored->table_entries = 0;
    return TRUE;
}

gboolean
sinter_qcow2_bitmap_set_remove(SinterQcow2BitmapSet *self, const char *name, GError **error)
{
    SinterQcow2BitmapEdit *edit = set_find(self, name, error);

    if (!edit || (edit->state == SINTER_QCOW2_BITS_STORED && !forget_stored(self, edit, error)))
        return FALSE;
    g_ptr_array_remove(self->list, edit);
    self->is_changed = TRUE;
    return TRUE;
}

gboolean
sinter_qcow2_bitmap_set_clear(SinterQcow2BitmapSet *self, const char *name, GError **error)
{
    SinterQcow2BitmapEdit *edit = set_find_usable(self, name, error);

    if (!edit || (edit->state == SINTER_QCOW2_BITS_STORED && !forget_stored(self, edit, error)))
        return FALSE;
    edit->state = SINTER_QCOW2_BITS_ZERO;
    g_clear_pointer(&edit->bits, g_free);
    self->is_changed = TRUE;
    return TRUE;
}

gboolean
sinter_qcow2_bitmap_set_enable(SinterQcow2BitmapSet *self, const char *name, gboolean enable,
                               GError **error)
{
    SinterQcow2BitmapEdit *edit = set_find_usable(self, name, error);

    if (!edit)
        return FALSE;
    edit->stored->flags &= ~SINTER_QCOW2_BITMAP_AUTO;
    if (enable)
        edit->stored->flags |= SINTER_QCOW2_BITMAP_AUTO;
    self->is_changed = TRUE;
    return TRUE;
}

/* Returns the bits for reading; NULL, without an error, if all are zero. */
static gboolean
edit_get_bits(SinterQcow2BitmapSet *self, SinterQcow2BitmapEdit *edit, guint8 **ret, GError **error)
{
    if (edit->state == SINTER_QCOW2_BITS_STORED && !edit->bits) {
        edit->bits = sinter_qcow2_bitmap_load_bits(
            self->io, &self->geo, edit->stored,
            sinter_qcow2_bitmap_set_n_entries(self, edit->stored), error);
        if (!edit->bits)
            return FALSE;
    }
    *ret = edit->bits;
    return TRUE;
}

/* Returns the bits for changing. */
static guint8 *
edit_own_bits(SinterQcow2BitmapSet *self, SinterQcow2BitmapEdit *edit, GError **error)
{
    gsize bytes = (gsize)sinter_qcow2_bitmap_set_n_entries(self, edit->stored)
                  << self->geo.cluster_bits;
    guint8 *bits = NULL;

    if (!edit_get_bits(self, edit, &bits, error) ||
        (edit->state == SINTER_QCOW2_BITS_STORED && !forget_stored(self, edit, error)))
        return NULL;
    edit->state = SINTER_QCOW2_BITS_LOADED;
    if (!edit->bits)
        edit->bits = g_try_malloc0(bytes + 1);
    if (!edit->bits)
        sinter_error_refuse(error, SINTER_ERROR_FAILED,
                            "There is not enough memory for bitmap '%s'", edit->stored->name);
    self->is_changed = TRUE;
    return edit->bits;
}

/* Sets in @bits the range that bit @bit of the bitmap @source covers. */
static void
mark(guint8 *bits, const SinterQcow2Bitmap *bitmap, const SinterQcow2Bitmap *source, guint64 bit,
     guint64 disk_bytes)
{
    guint64 from = bit << source->granularity_bits;
    guint64 to = MIN((bit + 1) << source->granularity_bits, disk_bytes);

    for (guint64 at = from >> bitmap->granularity_bits; at <= (to - 1) >> bitmap->granularity_bits;
         at++)
        bits[at >> 3] |= (guint8)(1U << (at & 7));
}

gboolean
sinter_qcow2_bitmap_set_merge(SinterQcow2BitmapSet *self, const char *name,
                              SinterQcow2BitmapSet *from, const char *source, GError **error)
{
    SinterQcow2BitmapEdit *edit = set_find_usable(self, name, error);
    SinterQcow2BitmapEdit *other = edit ? set_find_usable(from, source, error) : NULL;
    guint8 *bits;
    guint8 *marks = NULL;
    guint64 n;

    if (!other)
        return FALSE;
    if (self->disk_bytes != from->disk_bytes) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "Bitmaps are of different sizes (destination size is %" G_GUINT64_FORMAT
                    ", source size is %" G_GUINT64_FORMAT ") and can't be merged",
                    self->disk_bytes, from->disk_bytes);
        return FALSE;
    }
    if (edit == other || other->state == SINTER_QCOW2_BITS_ZERO)
        return TRUE;
    if (!edit_get_bits(from, other, &marks, error))
        return FALSE;
    bits = edit_own_bits(self, edit, error);
    n = sinter_qcow2_bitmap_set_n_bits(from, other->stored);
    for (guint64 i = 0; bits && i < n; i++) {
        if (marks[i >> 3] == 0)
            i |= 7;
        else if (marks[i >> 3] & (1U << (i & 7)))
            mark(bits, edit->stored, other->stored, i, self->disk_bytes);
    }
    return bits != NULL;
}

/* Clears the bits from @n on; returns TRUE if one of them was set. */
static gboolean
clear_from(guint8 *bits, guint64 n, gsize bytes)
{
    gboolean any = FALSE;
    gsize at = (gsize)(n / 8);

    if (n % 8 != 0) {
        guint8 keep = (guint8)((1U << (n % 8)) - 1);

        any = (bits[at] & ~keep) != 0;
        bits[at++] &= keep;
    }
    for (; at < bytes; at++) {
        any = any || bits[at] != 0;
        bits[at] = 0;
    }
    return any;
}

static gboolean
edit_resize(SinterQcow2BitmapSet *self, SinterQcow2BitmapEdit *edit, guint64 disk_bytes,
            GError **error)
{
    guint bits = self->geo.cluster_bits;
    guint64 old_disk = self->disk_bytes;
    gsize old_bytes = (gsize)sinter_qcow2_bitmap_set_n_entries(self, edit->stored) << bits;
    guint8 *stored = NULL;
    gboolean any = FALSE;
    gsize bytes;
    guint64 n;

    if (!set_find_usable(self, edit->stored->name, error) ||
        !edit_get_bits(self, edit, &stored, error))
        return FALSE;
    self->disk_bytes = disk_bytes;
    n = sinter_qcow2_bitmap_set_n_bits(self, edit->stored);
    bytes = (gsize)sinter_qcow2_bitmap_set_n_entries(self, edit->stored) << bits;
    self->disk_bytes = old_disk;
    if (n == 0 || (n + 7) / 8 > SINTER_QCOW2_BITMAP_MAX_BYTES)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "Bitmap '%s' cannot be stored for a disk of that size",
                                   edit->stored->name);
    if (stored && n < old_bytes * 8)
        any = clear_from(stored, n, old_bytes);
    if (bytes == old_bytes && !any)
        return TRUE;
    if (!edit_own_bits(self, edit, error))
        return FALSE;
    edit->bits = g_realloc(edit->bits, bytes + 1);
    if (bytes > old_bytes)
        memset(edit->bits + old_bytes, 0, bytes - old_bytes);
    edit->stored->flags |= SINTER_QCOW2_BITMAP_IN_USE;
    return TRUE;
}

gboolean
sinter_qcow2_bitmap_set_resize(SinterQcow2BitmapSet *self, guint64 disk_bytes, GError **error)
{
    for (guint i = 0; i < self->list->len; i++) {
        if (!edit_resize(self, g_ptr_array_index(self->list, i), disk_bytes, error))
            return FALSE;
    }
    self->disk_bytes = disk_bytes;
    return TRUE;
}
