/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads dirty bitmaps and compares them. Invariant: a bitmap that is not marked as in use must not
 * lack a change, since a backup that relies on it would lack it as well.
 */

#include "crash-bitmaps.h"
#include "qcow2/change/qcow2-bitmap-set.h"

#include <string.h>

typedef struct {
    char *name;
    guint32 flags;
    guint granularity_bits;
    guint8 *bits;
    guint64 n_bits;
} Kept;

static void
kept_free(gpointer data)
{
    Kept *self = data;

    g_free(self->name);
    g_free(self->bits);
    g_free(self);
}

static Kept *
kept_new(SinterIo *io, const SinterQcow2Header *header, const SinterQcow2BitmapSet *set,
         const SinterQcow2Bitmap *stored)
{
    guint64 n = sinter_qcow2_bitmap_set_n_entries(set, stored);
    Kept *self = g_new0(Kept, 1);

    self->name = g_strdup(stored->name);
    self->flags = stored->flags;
    self->granularity_bits = stored->granularity_bits;
    self->n_bits = sinter_qcow2_bitmap_set_n_bits(set, stored);
    /* the bits of one that is in use mean nothing */
    if (!(stored->flags & SINTER_QCOW2_BITMAP_IN_USE))
        self->bits = sinter_qcow2_bitmap_load_bits(io, &header->geo, stored, n, NULL);
    return self;
}

GPtrArray *
crash_bitmaps_read(SinterFs *fs, const char *path)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(kept_free);
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ, NULL);
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, NULL);
    g_autoptr(SinterQcow2BitmapSet) set = NULL;

    if (header)
        set = sinter_qcow2_bitmap_set_load(io, header, NULL);
    for (guint i = 0; set && i < set->list->len; i++) {
        const SinterQcow2BitmapEdit *edit = g_ptr_array_index(set->list, i);

        g_ptr_array_add(list, kept_new(io, header, set, edit->stored));
    }
    return list;
}

static const Kept *
find(GPtrArray *list, const char *name)
{
    for (guint i = 0; i < list->len; i++) {
        const Kept *one = g_ptr_array_index(list, i);

        if (strcmp(one->name, name) == 0)
            return one;
    }
    return NULL;
}

static gboolean
has_bit(const Kept *self, guint64 bit)
{
    return bit < self->n_bits && (self->bits[bit / 8] & (1U << (bit % 8)));
}

/* Beyond its end a disk counts as zeros. */
static gboolean
differ(GBytes *before, GBytes *after, guint64 from, guint64 to)
{
    gsize n[2];
    const guint8 *data[] = { g_bytes_get_data(before, &n[0]), g_bytes_get_data(after, &n[1]) };

    for (guint64 at = from; at < to; at++) {
        if ((at < n[0] ? data[0][at] : 0) != (at < n[1] ? data[1][at] : 0))
            return TRUE;
    }
    return FALSE;
}

static char *
judge_bits(const Kept *before, const Kept *now, GBytes *disk_before, GBytes *disk)
{
    gboolean records = (before->flags & SINTER_QCOW2_BITMAP_AUTO) != 0;

    if (!now->bits)
        return g_strdup_printf("the bits of bitmap '%s' cannot be read", now->name);
    for (guint64 i = 0; i < now->n_bits; i++) {
        guint64 from = i << now->granularity_bits;
        guint64 to = (i + 1) << now->granularity_bits;

        if (has_bit(now, i))
            continue;
        if (has_bit(before, i))
            return g_strdup_printf("bit %" G_GUINT64_FORMAT " of bitmap '%s' is gone", i,
                                   now->name);
        if (records && differ(disk_before, disk, from, to))
            return g_strdup_printf("bitmap '%s' lacks a change in the %" G_GUINT64_FORMAT
                                   " bytes from %" G_GUINT64_FORMAT " on",
                                   now->name, to - from, from);
    }
    return NULL;
}

static char *
judge_one(const Kept *before, const Kept *now, GBytes *disk_before, GBytes *disk,
          gboolean may_be_lost)
{
    if (!now)
        return g_strdup_printf("bitmap '%s' is gone", before->name);
    if (now->flags & SINTER_QCOW2_BITMAP_IN_USE)
        return may_be_lost ? NULL : g_strdup_printf("bitmap '%s' is in use", before->name);
    if (now->flags != before->flags || now->granularity_bits != before->granularity_bits)
        return g_strdup_printf("bitmap '%s' is another one", before->name);
    return judge_bits(before, now, disk_before, disk);
}

char *
crash_bitmaps_judge(SinterFs *fs, const char *path, GPtrArray *before, GBytes *disk_before,
                    GBytes *disk, gboolean may_be_lost)
{
    g_autoptr(GPtrArray) list = crash_bitmaps_read(fs, path);
    char *trouble = NULL;

    for (guint i = 0; i < before->len && !trouble; i++) {
        const Kept *one = g_ptr_array_index(before, i);
        char *inner = judge_one(one, find(list, one->name), disk_before, disk, may_be_lost);

        if (inner)
            trouble = g_strdup_printf("'%s': %s", path, inner);
        g_free(inner);
    }
    return trouble;
}
