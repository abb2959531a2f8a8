/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The driver's callbacks that change metadata: each opens its own writer. */

#include "qcow2-format-change.h"
#include "qcow2/change/qcow2-amend-image.h"
#include "qcow2/change/qcow2-resize-disk.h"
#include "qcow2/change/qcow2-snapshot-write.h"
#include "qcow2/repair/qcow2-snapshot-changes.h"
#include "qcow2/repair/qcow2-snapshot-delete.h"

gboolean
sinter_qcow2_format_snapshot(const SinterFormatFile *file, const SinterFormatSnapshot *what,
                             GError **error)
{
    g_auto(SinterQcow2Edit) edit = { .file = file };
    gboolean writes =
        what->kind == SINTER_FORMAT_SNAPSHOT_CREATE || what->kind == SINTER_FORMAT_SNAPSHOT_APPLY;

    if (writes && !sinter_qcow2_edit_open(&edit, error))
        return FALSE;
    switch (what->kind) {
    case SINTER_FORMAT_SNAPSHOT_CREATE:
        return sinter_qcow2_snapshot_create(edit.writer, what->name, what->date_usec, error);
    case SINTER_FORMAT_SNAPSHOT_APPLY:
        return sinter_qcow2_snapshot_apply(edit.writer, what->name, what->key, error);
    case SINTER_FORMAT_SNAPSHOT_DELETE:
        return sinter_qcow2_snapshot_delete_one(file, what->name, what->key, error);
    case SINTER_FORMAT_SNAPSHOT_DELETE_EXCEPT:
        return sinter_qcow2_snapshot_delete_except(file, what->names, error);
    case SINTER_FORMAT_SNAPSHOT_COMPARE:
        return sinter_qcow2_snapshot_list_changes(file->io, what->name, what->changes, error);
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
