/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Repairs an image, for any format: opens and locks the file, and calls the driver. Invariant: a
 * dry run opens the file for reading.
 */

#include "sinter/repair.h"
#include "format/sinter-repair-plan.h"
#include "sinter-edit.h"
#include "sinter-error.h"

gboolean
sinter_format_has_repair(const char *format)
{
    const SinterFormat *driver = sinter_format_find(format, NULL);

    return driver && driver->repair;
}

/* Opens the file for a dry run. */
static gboolean
open_for_reading(SinterEdit *self, SinterFs *fs, const char *path, const char *format,
                 GError **error)
{
    self->file.fs = fs ? sinter_fs_ref(fs) : sinter_fs_new_host(NULL, error);
    self->file.io =
        self->file.fs ? sinter_fs_open(self->file.fs, path, SINTER_IO_READ, error) : NULL;
    if (self->file.io && sinter_io_lock(self->file.io, SINTER_IO_LOCK_SHARED, error) &&
        (self->format = sinter_format_choose(self->file.io, format, error)) != NULL)
        return TRUE;
    sinter_error_wrap_open(error, path);
    return FALSE;
}

static gboolean
repair_run(SinterEdit *self, const SinterRepairOptions *options, SinterRepairResult *result,
           GError **error)
{
    if (!self->format->repair) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "images of format '%s' cannot be repaired", self->format->name);
        return FALSE;
    }
    return self->format->repair(&self->file, options, result, error);
}

SinterRepairResult *
sinter_image_repair(SinterFs *fs, const char *path, const char *format,
                    const SinterRepairOptions *options, GError **error)
{
    g_autoptr(SinterRepairResult) result = sinter_repair_result_new();
    g_auto(SinterEdit) edit = { 0 };
    gboolean opened = options->dry_run
                          ? open_for_reading(&edit, fs, path, format, error)
                          : sinter_edit_open(&edit, fs, path, format, SINTER_HANDLE_DEFAULT, error);

    if (!opened)
        return NULL;
    if (repair_run(&edit, options, result, error))
        return g_steal_pointer(&result);
    sinter_error_prefix(error, "Could not repair '%s': ", path);
    return NULL;
}
