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
                          ? sinter_edit_open_for_reading(&edit, fs, path, format, error)
                          : sinter_edit_open(&edit, fs, path, format, SINTER_HANDLE_DEFAULT, error);

    if (!opened)
        return NULL;
    if (repair_run(&edit, options, result, error))
        return g_steal_pointer(&result);
    sinter_error_prefix(error, "Could not repair '%s': ", path);
    return NULL;
}
