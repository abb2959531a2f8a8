/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Changes an image's properties one after the other: a newer version first, since some properties
 * need it, an older one last. What holds: between two steps the image is sound, and open anew.
 */

#include "sinter/amend.h"
#include "qcow2/change/qcow2-amend.h"
#include "qcow2/change/qcow2-downgrade.h"
#include "sinter-bitmap-store.h"
#include "sinter-error.h"
#include "sinter-resize-edit.h"

static gboolean
upgrade(SinterEdit *edit, GError **error)
{
    return sinter_qcow2_amend_snapshots(edit->writer, error) && sinter_edit_reopen(edit, error) &&
           sinter_qcow2_amend_version(edit->writer, 3, error) && sinter_edit_reopen(edit, error);
}

/* They say so by an autoclear bit, which version 2 has not. */
static gboolean
remove_bitmaps(SinterEdit *edit, GError **error)
{
    g_autoptr(SinterQcow2BitmapSet) set =
        sinter_qcow2_bitmap_set_load(edit->io, edit->writer->header, error);

    while (set && set->list->len > 0) {
        const SinterQcow2BitmapEdit *first = g_ptr_array_index(set->list, 0);
        g_autofree char *name = g_strdup(first->stored->name);

        if (!sinter_qcow2_bitmap_set_remove(set, name, error))
            return FALSE;
    }
    return set && (!set->is_changed || sinter_bitmap_store(edit, set, error));
}

static gboolean
downgrade(SinterEdit *edit, GError **error)
{
    SinterQcow2Downgradable found;

    if (!remove_bitmaps(edit, error) ||
        !sinter_qcow2_downgrade_examine(edit->writer, &found, error))
        return FALSE;
    if (found.zeros &&
        (!sinter_qcow2_downgrade_zeros(edit->writer, error) || !sinter_edit_reopen(edit, error)))
        return FALSE;
    return sinter_qcow2_amend_version(edit->writer, 2, error);
}

static gboolean
amend_qcow2(SinterEdit *edit, const SinterAmendOptions *options, SinterProgress *progress,
            GError **error)
{
    guint old = edit->writer->header->version;
    guint version = options->version ? options->version : old;

    return sinter_qcow2_amend_check(edit->writer, options, error) &&
           (version <= old || upgrade(edit, error)) &&
           (options->refcount_bits == 0 ||
            (sinter_qcow2_amend_refcounts(edit->writer, options->refcount_bits, progress, error) &&
             sinter_edit_reopen(edit, error))) &&
           (options->size == 0 ||
            (sinter_resize_edit(edit, options->size, SINTER_PREALLOCATION_OFF, TRUE, error) &&
             sinter_edit_reopen(edit, error))) &&
           /* a data file of another name need not be there yet: nothing is opened after this */
           sinter_qcow2_amend_header(edit->writer, options, error) &&
           (version >= old || (sinter_edit_reopen(edit, error) && downgrade(edit, error)));
}

gboolean
sinter_image_amend(SinterFs *fs, const char *path, const char *format, SinterHandleFlags flags,
                   const SinterAmendOptions *options, SinterProgress *progress, GError **error)
{
    g_auto(SinterEdit) edit = { 0 };

    if (!sinter_edit_open(&edit, fs, path, format, flags, error))
        return FALSE;
    if (edit.writer)
        return amend_qcow2(&edit, options, progress, error);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "Format driver '%s' does not support option amendment", edit.format->name);
    return FALSE;
}
