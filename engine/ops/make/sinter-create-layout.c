/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Requests the file system layout of a new file. Invariant: the request is made while the file is
 * empty, and its failure is never an error.
 */

#include "sinter-create-layout.h"
#include "sinter-error.h"

gboolean
sinter_create_layout_check(const SinterCreateOptions *options, GError **error)
{
    if (options->extent_size_hint <= G_MAXUINT32)
        return TRUE;
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                        "Extent size hint is too large");
    return FALSE;
}

void
sinter_create_lay_out(SinterIo *io, const SinterCreateOptions *options)
{
    const SinterIoLayout layout = { options->nocow, (guint32)options->extent_size_hint };
    g_autoptr(GError) error = NULL;
    SinterIoStat st;

    if (!sinter_io_stat(io, &st, NULL) || st.is_block_device ||
        sinter_io_lay_out(io, &layout, &error) || layout.extent_size_bytes == 0 || !options->warn)
        return;
    options->warn(error->message, options->warn_data);
}
