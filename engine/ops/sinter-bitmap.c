/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Changes dirty bitmaps: finds both images, does one action after the other in memory, and stores
 * the outcome. What holds: what was done before an action that fails is stored all the same, as
 * scripts know it.
 */

#include "sinter/bitmap.h"
#include "sinter-bitmap-store.h"
#include "sinter-error.h"

/* The bitmaps of another image; none where its format has none. */
static SinterQcow2BitmapSet *
load_source(SinterFs *fs, const SinterBitmapSource *from, SinterHandleFlags flags, GError **error)
{
    SinterIoFlags io_flags =
        SINTER_IO_READ | (flags & SINTER_HANDLE_NO_LOCK ? SINTER_IO_NO_LOCK : 0);
    g_autoptr(SinterIo) io = sinter_fs_open(fs, from->path, io_flags, error);
    g_autoptr(SinterQcow2Header) header = NULL;
    const SinterFormat *format = NULL;
    SinterQcow2BitmapSet *set = NULL;

    if (io && sinter_io_lock(io, SINTER_IO_LOCK_SHARED, error))
        format = sinter_format_choose(io, from->format, error);
    if (format == &sinter_format_raw)
        return sinter_qcow2_bitmap_set_new(io);
    if (format)
        header = sinter_qcow2_header_read(io, error);
    if (header && sinter_qcow2_header_require_usable(header, error))
        set = sinter_qcow2_bitmap_set_load(io, header, error);
    if (!set)
        sinter_error_wrap_open(error, from->path);
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
        return sinter_qcow2_bitmap_set_merge(set, name, from ? from : set, action->source, error);
    }
    g_assert_not_reached();
}

gboolean
sinter_bitmap_store(SinterEdit *edit, SinterQcow2BitmapSet *set, GError **error)
{
    return sinter_qcow2_bitmap_set_place(set, edit->writer, error) &&
           sinter_qcow2_bitmap_set_switch(set, error) && sinter_edit_reopen(edit, error) &&
           sinter_qcow2_bitmap_set_release(set, edit->writer, error) &&
           sinter_edit_reopen(edit, error);
}

static gboolean
change(SinterEdit *edit, SinterQcow2BitmapSet *from, const char *name,
       const SinterBitmapAction *actions, gsize n_actions, gsize *ret_n_done, GError **error)
{
    g_autoptr(SinterQcow2BitmapSet) set =
        edit->writer ? sinter_qcow2_bitmap_set_load(edit->io, edit->writer->header, error)
                     : sinter_qcow2_bitmap_set_new(edit->io);
    g_autoptr(GError) failed = NULL;

    if (!set)
        return FALSE;
    for (*ret_n_done = 0; *ret_n_done < n_actions; (*ret_n_done)++) {
        if (!act(set, name, &actions[*ret_n_done], from, &failed))
            break;
    }
    if (set->is_changed && !sinter_bitmap_store(edit, set, error))
        return FALSE;
    if (failed)
        g_propagate_error(error, g_steal_pointer(&failed));
    return *ret_n_done == n_actions;
}

gboolean
sinter_bitmap_change_over(SinterFs *fs, const char *path, SinterIo *data_io, const char *format,
                          SinterHandleFlags flags, const char *name,
                          const SinterBitmapAction *actions, gsize n_actions,
                          const SinterBitmapSource *from, gsize *ret_n_done, GError **error)
{
    g_auto(SinterEdit) edit = { .no_backing = TRUE, .data_io = data_io };
    g_autoptr(SinterQcow2BitmapSet) sources = NULL;

    *ret_n_done = 0;
    if (!sinter_edit_open(&edit, fs, path, format, flags, error))
        return FALSE;
    sources = from ? load_source(edit.fs, from, flags, error) : NULL;
    return (!from || sources) &&
           change(&edit, sources, name, actions, n_actions, ret_n_done, error);
}

gboolean
sinter_bitmap_change(SinterFs *fs, const char *path, const char *format, SinterHandleFlags flags,
                     const char *name, const SinterBitmapAction *actions, gsize n_actions,
                     const SinterBitmapSource *from, gsize *ret_n_done, GError **error)
{
    return sinter_bitmap_change_over(fs, path, NULL, format, flags, name, actions, n_actions, from,
                                     ret_n_done, error);
}
