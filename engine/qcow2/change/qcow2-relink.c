/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Changes the backing file name of an image. */

#include "qcow2-relink.h"
#include "qcow2-header-change.h"
#include "sinter-error.h"

#include <string.h>

static gboolean
relink_check(const SinterQcow2Header *header, const char *name, GError **error)
{
    gsize len = name ? strlen(name) : 0;

    if (!sinter_qcow2_header_require_usable(header, error))
        return FALSE;
    if (header->geo.external_data && len &&
        (header->autoclear & SINTER_QCOW2_AUTOCLEAR_RAW_EXTERNAL)) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                            "an image with a raw external data file cannot have a backing file");
        return FALSE;
    }
    if (len <= SINTER_QCOW2_BACKING_NAME_MAX)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "the name of a backing file is limited to %d bytes", SINTER_QCOW2_BACKING_NAME_MAX);
    return FALSE;
}

gboolean
sinter_qcow2_relink(SinterIo *io, const char *backing_name, const char *backing_format,
                    GError **error)
{
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, error);
    const char *name = backing_name && *backing_name ? backing_name : NULL;
    SinterQcow2HeaderChange change;

    if (!header || !relink_check(header, name, error))
        return FALSE;
    change = sinter_qcow2_header_change_of(header);
    change.backing_name = name;
    change.backing_format = backing_format;
    return sinter_qcow2_header_change(io, header, &change, error);
}
