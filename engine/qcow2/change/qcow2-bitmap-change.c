/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Changes a dirty bitmap: applies one action after the other in memory, and stores the result. If
 * an action fails, the earlier ones are still stored, as scripts expect from qemu-img.
 */

#include "qcow2-bitmap-change.h"
#include "qcow2-bitmap-drop.h"
#include "sinter-error.h"

/* Loads the bitmaps of another image. */
static SinterQcow2BitmapSet *
load_source(SinterIo *io, GError **error)
{
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, error);
    SinterQcow2BitmapSet *set = NULL;

    if (header && sinter_qcow2_header_require_usable(header, error))
        set = sinter_qcow2_bitmap_set_load(io, header, error);
    if (!set)
        sinter_error_wrap_open(error, sinter_io_get_path(io));
    return set;
}

static gboolean
act(SinterQcow2BitmapSet *set, const char *name, const SinterBitmapAction *action,
    SinterQcow2BitmapSet *from, GError **error)
{
    switch (action->kind) {
    case SINTER_BITMAP_ADD:
        return sinter_qcow2_bitmap_set_add(set, name, action->granularity, error);
    case SINTER_BITMAP_REMOVE:
        return sinter_qcow2_bitmap_set_remove(set, name, error);
    case SINTER_BITMAP_CLEAR:
        return sinter_qcow2_bitmap_set_clear(set, name, error);
    case SINTER_BITMAP_ENABLE:
        return sinter_qcow2_bitmap_set_enable(set, name, TRUE, error);
    case SINTER_BITMAP_DISABLE:
        return sinter_qcow2_bitmap_set_enable(set, name, FALSE, error);
    case SINTER_BITMAP_MERGE:
        return sinter_qcow2_bitmap_set_merge(set, name, from, action->source, error);
    }
    g_assert_not_reached();
}

gboolean
sinter_qcow2_bitmap_change_store(SinterQcow2Edit *edit, SinterQcow2BitmapSet *set, GError **error)
{
    return sinter_qcow2_bitmap_set_place(set, edit->writer, error) &&
           sinter_qcow2_bitmap_set_switch(set, error) && sinter_qcow2_edit_reopen(edit, error) &&
           sinter_qcow2_bitmap_set_release(set, edit->writer, error) &&
           sinter_qcow2_edit_reopen(edit, error);
}

/* On a full file system there is no room for a new generation of the metadata. */
static gboolean
store(SinterQcow2Edit *edit, SinterQcow2BitmapSet *set, const SinterFormatBitmaps *what,
      GError **error)
{
    g_autoptr(GError) local = NULL;

    if (sinter_qcow2_bitmap_change_store(edit, set, &local))
        return TRUE;
    if (g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NO_SPACE) && what->n_actions == 1 &&
        what->actions[0].kind == SINTER_BITMAP_REMOVE)
        return sinter_qcow2_bitmap_drop(edit, what->name, error);
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
change(SinterQcow2Edit *edit, SinterQcow2BitmapSet *from, SinterFormatBitmaps *what, GError **error)
{
    g_autoptr(SinterQcow2BitmapSet) set =
        sinter_qcow2_bitmap_set_load(edit->file->io, edit->writer->header, error);
    g_autoptr(GError) failed = NULL;

    if (!set)
        return FALSE;
    for (; what->n_done < what->n_actions; what->n_done++) {
        if (!act(set, what->name, &what->actions[what->n_done], from ? from : set, &failed))
            break;
    }
    if (set->is_changed && !store(edit, set, what, error))
        return FALSE;
    if (failed)
        g_propagate_error(error, g_steal_pointer(&failed));
    return what->n_done == what->n_actions;
}

gboolean
sinter_qcow2_bitmap_change(const SinterFormatFile *file, SinterFormatBitmaps *what, GError **error)
{
    g_auto(SinterQcow2Edit) edit = { .file = file, .no_backing = TRUE };
    g_autoptr(SinterQcow2BitmapSet) from = NULL;

    what->n_done = 0;
    if (!sinter_qcow2_edit_open(&edit, error))
        return FALSE;
    if (what->source_is_empty)
        from = sinter_qcow2_bitmap_set_new(what->source);
    else if (what->source)
        from = load_source(what->source, error);
    return (!what->source || from) && change(&edit, from, what, error);
}
