/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Changes an image's properties one after the other, by the steps of qcow2-amend.h: an upgrade of
 * the version first, since some properties need it, a downgrade last. Between two steps the image
 * is consistent and is reopened.
 */

#include "qcow2-amend-image.h"
#include "qcow2-amend.h"
#include "qcow2-bitmap-change.h"
#include "qcow2-downgrade.h"
#include "qcow2-resize-disk.h"

static gboolean
upgrade(SinterQcow2Edit *edit, GError **error)
{
    return sinter_qcow2_amend_snapshots(edit->writer, error) &&
           sinter_qcow2_edit_reopen(edit, error) &&
           sinter_qcow2_amend_version(edit->writer, 3, error) &&
           sinter_qcow2_edit_reopen(edit, error);
}

/* Bitmaps need an autoclear bit, which version 2 does not have. */
static gboolean
remove_bitmaps(SinterQcow2Edit *edit, GError **error)
{
    g_autoptr(SinterQcow2BitmapSet) set =
        sinter_qcow2_bitmap_set_load(edit->file->io, edit->writer->header, error);

    while (set && set->list->len > 0) {
        const SinterQcow2BitmapEdit *first = g_ptr_array_index(set->list, 0);
        g_autofree char *name = g_strdup(first->stored->name);

        if (!sinter_qcow2_bitmap_set_remove(set, name, error))
            return FALSE;
    }
    return set && (!set->is_changed || sinter_qcow2_bitmap_change_store(edit, set, error));
}

static gboolean
downgrade(SinterQcow2Edit *edit, GError **error)
{
    SinterQcow2Downgradable found;

    if (!remove_bitmaps(edit, error) ||
        !sinter_qcow2_downgrade_examine(edit->writer, &found, error))
        return FALSE;
    if (found.zeros && (!sinter_qcow2_downgrade_zeros(edit->writer, error) ||
                        !sinter_qcow2_edit_reopen(edit, error)))
        return FALSE;
    return sinter_qcow2_amend_version(edit->writer, 2, error);
}

static gboolean
resize(SinterQcow2Edit *edit, guint64 size, GError **error)
{
    const SinterResizeOptions options = { .size = size, .shrink = TRUE };

    return sinter_qcow2_resize_disk(edit, &options, error) && sinter_qcow2_edit_reopen(edit, error);
}

gboolean
sinter_qcow2_amend_image(SinterQcow2Edit *edit, const SinterAmendOptions *options,
                         SinterProgress *progress, GError **error)
{
    guint old = edit->writer->header->version;
    guint version = options->version ? options->version : old;

    return sinter_qcow2_amend_check(edit->writer, options, error) &&
           (version <= old || upgrade(edit, error)) &&
           (options->refcount_bits == 0 ||
            (sinter_qcow2_amend_refcounts(edit->writer, options->refcount_bits, progress, error) &&
             sinter_qcow2_edit_reopen(edit, error))) &&
           (options->size == 0 || resize(edit, options->size, error)) &&
           /* a data file with a new name need not exist yet: nothing is opened after this */
           sinter_qcow2_amend_header(edit->writer, options, error) &&
           (version >= old || (sinter_qcow2_edit_reopen(edit, error) && downgrade(edit, error)));
}
