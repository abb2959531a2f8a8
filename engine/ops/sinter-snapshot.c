/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Internal snapshots, whatever the format: opens the image and lets the format work. */

#include "sinter/snapshot.h"
#include "qcow2/change/qcow2-snapshot-write.h"
#include "sinter-edit.h"
#include "sinter-error.h"

/* Opens an image of a format that has snapshots. */
static gboolean
snapshot_open(SinterEdit *edit, SinterFs *fs, const char *path, const char *format,
              SinterHandleFlags flags, GError **error)
{
    if (!sinter_edit_open(edit, fs, path, format, flags, error))
        return FALSE;
    if (edit->writer)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "'%s': an image of format '%s' has no internal snapshots", path,
                edit->format->name);
    return FALSE;
}

gboolean
sinter_snapshot_create(SinterFs *fs, const char *path, const char *format, SinterHandleFlags flags,
                       const char *name, gint64 date_usec, GError **error)
{
    g_auto(SinterEdit) edit = { 0 };

    return snapshot_open(&edit, fs, path, format, flags, error) &&
           sinter_qcow2_snapshot_create(edit.writer, name, date_usec, error);
}

gboolean
sinter_snapshot_apply(SinterFs *fs, const char *path, const char *format, SinterHandleFlags flags,
                      const char *wanted, SinterSnapshotKey key, GError **error)
{
    g_auto(SinterEdit) edit = { 0 };

    return snapshot_open(&edit, fs, path, format, flags, error) &&
           sinter_qcow2_snapshot_apply(edit.writer, wanted, key, error);
}

gboolean
sinter_snapshot_delete(SinterFs *fs, const char *path, const char *format, SinterHandleFlags flags,
                       const char *wanted, SinterSnapshotKey key, GError **error)
{
    g_auto(SinterEdit) edit = { 0 };

    return snapshot_open(&edit, fs, path, format, flags, error) &&
           sinter_qcow2_snapshot_delete(edit.writer, wanted, key, error);
}
