/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The driver's callbacks that change metadata: each opens its own writer. */

#include "qcow2-format-change.h"
#include "qcow2/change/qcow2-amend-image.h"
#include "qcow2/change/qcow2-resize-disk.h"
#include "qcow2/change/qcow2-snapshot-drop.h"
#include "qcow2/change/qcow2-snapshot-write.h"
#include "sinter-error.h"

/* On a full file system there is no room for a new generation of the metadata. */
static gboolean
delete_snapshot(SinterQcow2Edit *edit, const SinterFormatSnapshot *what, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (sinter_qcow2_snapshot_delete(edit->writer, what->name, what->key, &local))
        return TRUE;
    if (g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NO_SPACE))
        return sinter_qcow2_edit_reopen(edit, error) &&
               sinter_qcow2_snapshot_drop(edit, what->name, what->key, error);
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
sinter_qcow2_format_snapshot(const SinterFormatFile *file, const SinterFormatSnapshot *what,
                             GError **error)
{
    g_auto(SinterQcow2Edit) edit = { .file = file };

    if (!sinter_qcow2_edit_open(&edit, error))
        return FALSE;
    switch (what->kind) {
    case SINTER_FORMAT_SNAPSHOT_CREATE:
        return sinter_qcow2_snapshot_create(edit.writer, what->name, what->date_usec, error);
    case SINTER_FORMAT_SNAPSHOT_APPLY:
        return sinter_qcow2_snapshot_apply(edit.writer, what->name, what->key, error);
    case SINTER_FORMAT_SNAPSHOT_DELETE:
        return delete_snapshot(&edit, what, error);
    }
    g_assert_not_reached();
}

gboolean
sinter_qcow2_format_resize(const SinterFormatFile *file, const SinterResizeOptions *what,
                           GError **error)
{
    g_auto(SinterQcow2Edit) edit = { .file = file };

    return sinter_qcow2_edit_open(&edit, error) && sinter_qcow2_resize_disk(&edit, what, error);
}

gboolean
sinter_qcow2_format_amend(const SinterFormatFile *file, const SinterAmendOptions *options,
                          SinterProgress *progress, GError **error)
{
    g_auto(SinterQcow2Edit) edit = { .file = file };

    return sinter_qcow2_edit_open(&edit, error) &&
           sinter_qcow2_amend_image(&edit, options, progress, error);
}
