/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Resizes a disk by the steps of qcow2-resize.h. A disk shrinks only if that was requested; its
 * current size is read after it is locked.
 */

#include "qcow2-resize-disk.h"
#include "qcow2-bitmap-change.h"
#include "qcow2-resize.h"
#include "format/sinter-resize-check.h"

static gboolean
resize_disk(SinterQcow2Edit *edit, const SinterResizeOptions *options, GError **error)
{
    gboolean moved = FALSE;

    if (options->size < edit->writer->header->virtual_size_bytes)
        return sinter_qcow2_resize_shrink(edit->writer, options->size, error);
    return sinter_qcow2_resize_grow_l1(edit->writer, options->size, &moved, error) &&
           (!moved || sinter_qcow2_edit_reopen(edit, error)) &&
           sinter_qcow2_resize_grow(edit->writer, options->size, options->preallocation, error);
}

gboolean
sinter_qcow2_resize_disk(SinterQcow2Edit *edit, const SinterResizeOptions *options, GError **error)
{
    guint64 old = edit->writer->header->virtual_size_bytes;
    guint64 size = options->size;
    g_autoptr(SinterQcow2BitmapSet) bitmaps = NULL;

    if (!sinter_resize_check_direction(old, options, error) ||
        !sinter_qcow2_resize_check(edit->writer, size, options->preallocation, error))
        return FALSE;
    if (size == old)
        return TRUE;
    bitmaps = sinter_qcow2_bitmap_set_load(edit->file->io, edit->writer->header, error);
    return bitmaps && sinter_qcow2_bitmap_set_resize(bitmaps, size, error) &&
           (!bitmaps->is_changed || sinter_qcow2_bitmap_change_store(edit, bitmaps, error)) &&
           resize_disk(edit, options, error) &&
           sinter_qcow2_resize_trust_bitmaps(edit->writer, bitmaps, error);
}
