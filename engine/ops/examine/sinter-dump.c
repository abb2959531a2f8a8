/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Dumps metadata, for any format: finds the driver, and names the structures of a dump.
 */

#include "format/sinter-format.h"
#include "sinter-error.h"
#include "sinter/dump.h"

gboolean
sinter_image_dump(SinterIo *io, const char *format, const SinterDumpVisitor *visitor,
                  gpointer user_data, GCancellable *cancellable, GError **error)
{
    const SinterFormat *driver = sinter_format_choose(io, format, error);
    gboolean ok = FALSE;

    if (driver && driver->dump)
        ok = driver->dump(io, visitor, user_data, cancellable, error);
    else if (driver)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "Images of the format '%s' have no metadata", driver->name);
    if (!ok)
        sinter_error_prefix(error, "Could not dump '%s': ", sinter_io_get_path(io));
    return ok;
}

const char *
sinter_dump_table_name(SinterDumpTableKind kind)
{
    static const char *const names[SINTER_DUMP_N_TABLE_KINDS] = {
        "l1-table", "l2-table", "refcount-table", "refcount-block", "bitmap-table",
    };

    g_return_val_if_fail((guint)kind < SINTER_DUMP_N_TABLE_KINDS, "");
    return names[kind];
}

const char *
sinter_dump_entry_name(SinterDumpEntryKind kind)
{
    static const char *const names[SINTER_DUMP_N_ENTRY_KINDS] = {
        "empty",      "table", "data",     "zero",     "zero-allocated",
        "compressed", "mixed", "all-ones", "refcount", "bad",
    };

    g_return_val_if_fail((guint)kind < SINTER_DUMP_N_ENTRY_KINDS, "");
    return names[kind];
}
