/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Internal snapshots, for any format: opens the image and calls the driver. */

#include "sinter/snapshot.h"
#include "sinter-edit.h"
#include "sinter-error.h"

static gboolean
snapshot_do(const SinterFormatSnapshot *what, SinterEdit *edit, GError **error)
{
    if (edit->format->snapshot)
        return edit->format->snapshot(&edit->file, what, error);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "'%s': an image of format '%s' has no internal snapshots",
                sinter_io_get_path(edit->file.io), edit->format->name);
    return FALSE;
}

gboolean
sinter_snapshot_create(SinterFs *fs, const char *path, const char *format, SinterHandleFlags flags,
                       const char *name, gint64 date_usec, GError **error)
{
    const SinterFormatSnapshot what = { .kind = SINTER_FORMAT_SNAPSHOT_CREATE,
                                        .name = name,
                                        .date_usec = date_usec };
    g_auto(SinterEdit) edit = { 0 };

    return sinter_edit_open(&edit, fs, path, format, flags, error) &&
           snapshot_do(&what, &edit, error);
}

gboolean
sinter_snapshot_apply(SinterFs *fs, const char *path, const char *format, SinterHandleFlags flags,
                      const char *wanted, SinterSnapshotKey key, GError **error)
{
    const SinterFormatSnapshot what = { .kind = SINTER_FORMAT_SNAPSHOT_APPLY,
                                        .name = wanted,
                                        .key = key };
    g_auto(SinterEdit) edit = { 0 };

    return sinter_edit_open(&edit, fs, path, format, flags, error) &&
           snapshot_do(&what, &edit, error);
}

gboolean
sinter_snapshot_delete(SinterFs *fs, const char *path, const char *format, SinterHandleFlags flags,
                       const char *wanted, SinterSnapshotKey key, GError **error)
{
    const SinterFormatSnapshot what = { .kind = SINTER_FORMAT_SNAPSHOT_DELETE,
                                        .name = wanted,
                                        .key = key };
    g_auto(SinterEdit) edit = { 0 };

    return sinter_edit_open(&edit, fs, path, format, flags, error) &&
           snapshot_do(&what, &edit, error);
}

gboolean
sinter_snapshot_delete_except(SinterFs *fs, const char *path, const char *format,
                              SinterHandleFlags flags, const char *const *kept, GError **error)
{
    const SinterFormatSnapshot what = { .kind = SINTER_FORMAT_SNAPSHOT_DELETE_EXCEPT,
                                        .names = kept };
    g_auto(SinterEdit) edit = { 0 };

    return sinter_edit_open(&edit, fs, path, format, flags, error) &&
           snapshot_do(&what, &edit, error);
}

GArray *
sinter_snapshot_compare(SinterFs *fs, const char *path, const char *format, const char *wanted,
                        GError **error)
{
    g_autoptr(GArray) changes = g_array_new(FALSE, FALSE, sizeof(SinterSnapshotChange));
    const SinterFormatSnapshot what = { .kind = SINTER_FORMAT_SNAPSHOT_COMPARE,
                                        .name = wanted,
                                        .changes = changes };
    g_auto(SinterEdit) edit = { 0 };

    return sinter_edit_open_for_reading(&edit, fs, path, format, error) &&
                   snapshot_do(&what, &edit, error)
               ? g_steal_pointer(&changes)
               : NULL;
}
