/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Gives an image another size, whatever its format. What holds: a disk gets smaller only where
 * that was asked for, by the size that it has once it is locked.
 */

#include "sinter/resize.h"
#include "qcow2/change/qcow2-resize.h"
#include "sinter-bitmap-store.h"
#include "sinter-error.h"
#include "sinter-resize-edit.h"

static gboolean
refuse(const char *text, GError **error)
{
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT, text);
    return FALSE;
}

static gboolean
check_direction(guint64 old, guint64 size, gboolean shrink, GError **error)
{
    return size >= old || shrink ||
           refuse("the new size is smaller: what lies behind it would be lost", error);
}

static gboolean
raw_add(SinterIo *io, guint64 old, guint64 size, SinterPreallocation preallocation, GError **error)
{
    if (preallocation == SINTER_PREALLOCATION_FULL)
        return sinter_io_write_zeros(io, old, size - old, error);
    if (preallocation == SINTER_PREALLOCATION_FALLOC &&
        !sinter_io_allocate(io, old, size - old, error))
        return FALSE;
    return sinter_io_truncate(io, size, error);
}

static gboolean
resize_raw(SinterIo *io, guint64 size, SinterPreallocation preallocation, gboolean shrink,
           GError **error)
{
    SinterIoStat st;

    if (preallocation == SINTER_PREALLOCATION_METADATA)
        return refuse("Unsupported preallocation mode: metadata", error);
    if (!sinter_io_stat(io, &st, error) || !check_direction(st.size_bytes, size, shrink, error))
        return FALSE;
    if (st.is_block_device)
        return size == st.size_bytes || refuse("Cannot resize device files", error);
    if (size < st.size_bytes && preallocation != SINTER_PREALLOCATION_OFF)
        return refuse("Cannot use preallocation for shrinking files", error);
    if (size <= st.size_bytes)
        return sinter_io_truncate(io, size, error) && sinter_io_flush(io, error);
    if (raw_add(io, st.size_bytes, size, preallocation, error) && sinter_io_flush(io, error))
        return TRUE;
    /* what was added is of no use by half */
    sinter_io_truncate(io, st.size_bytes, NULL);
    return FALSE;
}

static gboolean
resize_disk(SinterEdit *edit, guint64 size, SinterPreallocation preallocation, GError **error)
{
    gboolean moved = FALSE;

    if (size < edit->writer->header->virtual_size_bytes)
        return sinter_qcow2_resize_shrink(edit->writer, size, error);
    return sinter_qcow2_resize_grow_l1(edit->writer, size, &moved, error) &&
           (!moved || sinter_edit_reopen(edit, error)) &&
           sinter_qcow2_resize_grow(edit->writer, size, preallocation, error);
}

gboolean
sinter_resize_edit(SinterEdit *edit, guint64 size, SinterPreallocation preallocation,
                   gboolean shrink, GError **error)
{
    guint64 old = edit->writer->header->virtual_size_bytes;
    g_autoptr(SinterQcow2BitmapSet) bitmaps = NULL;

    if (!check_direction(old, size, shrink, error) ||
        !sinter_qcow2_resize_check(edit->writer, size, preallocation, error))
        return FALSE;
    if (size == old)
        return TRUE;
    bitmaps = sinter_qcow2_bitmap_set_load(edit->io, edit->writer->header, error);
    return bitmaps && sinter_qcow2_bitmap_set_resize(bitmaps, size, error) &&
           (!bitmaps->is_changed || sinter_bitmap_store(edit, bitmaps, error)) &&
           resize_disk(edit, size, preallocation, error) &&
           sinter_qcow2_resize_trust_bitmaps(edit->writer, bitmaps, error);
}

gboolean
sinter_image_resize(SinterFs *fs, const char *path, const char *format, SinterHandleFlags flags,
                    guint64 size, SinterPreallocation preallocation, gboolean shrink,
                    GError **error)
{
    g_auto(SinterEdit) edit = { 0 };

    if (!sinter_edit_open(&edit, fs, path, format, flags, error))
        return FALSE;
    return edit.writer ? sinter_resize_edit(&edit, size, preallocation, shrink, error)
                       : resize_raw(edit.io, size, preallocation, shrink, error);
}
