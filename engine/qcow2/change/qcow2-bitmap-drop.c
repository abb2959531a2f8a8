/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Removes dirty bitmaps in place. Invariant: a bitmap is marked as inconsistent before its bits are
 * given up, and clusters are freed only after nothing durable refers to them.
 */

#include "qcow2-bitmap-drop.h"
#include "qcow2-bitmap-set.h"
#include "qcow2-in-place.h"
#include "qcow2/layout/qcow2-entries.h"
#include "sinter-error.h"

#include <string.h>

#define SECTOR_BYTES 512

static SinterQcow2BitmapSet *
load_set(SinterQcow2Edit *edit, GError **error)
{
    return sinter_qcow2_edit_reopen(edit, error)
               ? sinter_qcow2_bitmap_set_load(edit->file->io, edit->writer->header, error)
               : NULL;
}

static const SinterQcow2Bitmap *
find_stored(const SinterQcow2BitmapSet *set, const char *name, gboolean *ret_is_last)
{
    for (guint i = 0; i < set->list->len; i++) {
        const SinterQcow2BitmapEdit *edit = g_ptr_array_index(set->list, i);

        *ret_is_last = i == set->list->len - 1;
        if (strcmp(edit->stored->name, name) == 0)
            return edit->stored;
    }
    return NULL;
}

/*
 * Makes the entry of @name the last one, if the directory is in one sector, which changes at once.
 * The order of bitmaps has no meaning.
 */
static gboolean
move_to_end(SinterQcow2Edit *edit, const char *name, GError **error)
{
    g_autoptr(SinterQcow2BitmapSet) set = load_set(edit, error);
    gboolean is_last = FALSE;
    const SinterQcow2Bitmap *bitmap = set ? find_stored(set, name, &is_last) : NULL;
    guint8 old[SECTOR_BYTES];
    guint8 new[SECTOR_BYTES];
    gsize before;
    gsize entry;
    gsize behind;

    if (!bitmap || is_last || set->directory_bytes > SECTOR_BYTES)
        return set != NULL;
    before = bitmap->entry_offset - set->directory_offset;
    entry = (bitmap->entry_bytes + 7) / 8 * 8;
    if (before + entry > set->directory_bytes)
        return TRUE;
    behind = set->directory_bytes - before - entry;
    if (!sinter_io_read(set->io, set->directory_offset, old, set->directory_bytes, error))
        return FALSE;
    memcpy(new, old, before);
    memcpy(new + before, old + before + entry, behind);
    memcpy(new + before + behind, old + before, entry);
    return sinter_io_write(set->io, set->directory_offset, new, set->directory_bytes, error) &&
           sinter_io_flush(set->io, error);
}

static gboolean
drop_entry(SinterQcow2Edit *edit, const char *name, GError **error)
{
    g_autoptr(SinterQcow2BitmapSet) set = load_set(edit, error);
    gboolean is_last = FALSE;
    const SinterQcow2Bitmap *bitmap = set ? find_stored(set, name, &is_last) : NULL;
    guint64 end = bitmap ? bitmap->entry_offset : 0;

    if (!set || !sinter_qcow2_bitmap_set_remove(set, name, error))
        return FALSE;
    /* without its last entry the directory is complete as it is */
    if (is_last && set->list->len > 0)
        sinter_qcow2_bitmap_set_cut_directory(set, end - set->directory_offset);
    else if (!sinter_qcow2_bitmap_set_place_directory(set, edit->writer, error))
        return FALSE;
    return sinter_qcow2_bitmap_set_switch(set, error) && sinter_qcow2_edit_reopen(edit, error) &&
           sinter_qcow2_in_place_release(edit->writer, set->old, error);
}

static gboolean
mark_inconsistent(SinterIo *io, const SinterQcow2Bitmap *bitmap, GError **error)
{
    guint8 raw[4];

    sinter_be32_store(raw, bitmap->flags | SINTER_QCOW2_BITMAP_IN_USE);
    return sinter_io_write(io, bitmap->entry_offset + SINTER_QCOW2_BITMAP_AT_FLAGS, raw, sizeof raw,
                           error) &&
           sinter_io_flush(io, error);
}

/* Adds the clusters that hold the bits to @clusters, and clears the table. */
static gboolean
clear_table(SinterIo *io, const SinterQcow2Bitmap *bitmap, guint cluster_bits, GArray *clusters,
            GError **error)
{
    g_autofree guint64 *table =
        sinter_qcow2_entries_load(io, bitmap->table_offset, bitmap->table_entries, error);

    if (!table)
        return FALSE;
    for (guint32 i = 0; i < bitmap->table_entries; i++) {
        guint64 cluster = (table[i] & SINTER_QCOW2_OFFSET_MASK) >> cluster_bits;

        if (cluster != 0)
            g_array_append_val(clusters, cluster);
    }
    return clusters->len == 0 ||
           (mark_inconsistent(io, bitmap, error) &&
            sinter_io_write_zeros(io, bitmap->table_offset, (guint64)bitmap->table_entries * 8,
                                  error) &&
            sinter_io_flush(io, error));
}

/* FALSE without an error: the bitmap has no bits that can be given up. */
static gboolean
empty_bitmap(SinterQcow2Edit *edit, const char *name, GArray *clusters, GError **error)
{
    g_autoptr(SinterQcow2BitmapSet) set = load_set(edit, error);
    gboolean is_last;
    const SinterQcow2Bitmap *bitmap = set ? find_stored(set, name, &is_last) : NULL;

    if (!bitmap || !clear_table(set->io, bitmap, set->geo.cluster_bits, clusters, error) ||
        clusters->len == 0)
        return FALSE;
    edit->writer->keeps_space = TRUE;
    return sinter_qcow2_in_place_release(edit->writer, clusters, error);
}

gboolean
sinter_qcow2_bitmap_drop(SinterQcow2Edit *edit, const char *name, GError **error)
{
    g_autoptr(GArray) emptied = g_array_new(FALSE, FALSE, sizeof(guint64));
    g_autoptr(GError) full = NULL;
    g_autoptr(GError) local = NULL;
    gboolean ok;

    if (move_to_end(edit, name, &full) && drop_entry(edit, name, &full))
        return TRUE;
    if (!g_error_matches(full, SINTER_ERROR, SINTER_ERROR_NO_SPACE) ||
        !empty_bitmap(edit, name, emptied, &local)) {
        g_propagate_error(error, local ? g_steal_pointer(&local) : g_steal_pointer(&full));
        return FALSE;
    }
    ok = drop_entry(edit, name, error);
    if (edit->writer)
        sinter_qcow2_in_place_punch(edit->writer, emptied);
    return ok;
}
