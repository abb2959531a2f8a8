/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The error domain of the house: codes, their names on the wire, and errno's way into them. The
 * names stand once, in the table below; D-Bus registration and record files both read it.
 */

#include "sinter-error.h"

#include <errno.h>

G_DEFINE_QUARK(sinter - error - quark, sinter_error)

static const char *const error_names[] = {
    [SINTER_ERROR_FAILED] = "Failed",
    [SINTER_ERROR_NOT_AUTHORIZED] = "NotAuthorized",
    [SINTER_ERROR_SHARED_BASE] = "SharedBase",
    [SINTER_ERROR_LOCKED] = "Locked",
    [SINTER_ERROR_NO_SPACE] = "NoSpace",
    [SINTER_ERROR_CHAIN_CHANGED] = "ChainChanged",
    [SINTER_ERROR_CORRUPT] = "Corrupt",
    [SINTER_ERROR_UNSUPPORTED] = "Unsupported",
    [SINTER_ERROR_NOT_FOUND] = "NotFound",
    [SINTER_ERROR_BUSY] = "Busy",
    [SINTER_ERROR_INVALID_ARGUMENT] = "InvalidArgument",
    [SINTER_ERROR_CANCELLED] = "Cancelled",
    [SINTER_ERROR_TIMED_OUT] = "TimedOut",
    [SINTER_ERROR_DISCONNECTED] = "Disconnected",
    [SINTER_ERROR_SHORT_READ] = "ShortRead",
};

const char *
sinter_error_name(int code)
{
    if (code < 0 || code >= SINTER_N_ERRORS)
        return error_names[SINTER_ERROR_FAILED];
    return error_names[code];
}

SinterError
sinter_error_from_name(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(error_names); i++) {
        if (g_strcmp0(name, error_names[i]) == 0)
            return (SinterError)i;
    }
    return SINTER_ERROR_FAILED;
}

static SinterError
error_code_from_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
        return SINTER_ERROR_NO_SPACE;
    case ENOENT:
        return SINTER_ERROR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return SINTER_ERROR_NOT_AUTHORIZED;
    case EBUSY:
        return SINTER_ERROR_BUSY;
    default:
        return SINTER_ERROR_FAILED;
    }
}

void
sinter_error_set_errno(GError **error, int errnum, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, SINTER_ERROR, error_code_from_errno(errnum), "%s: %s", what,
                g_strerror(errnum));
}
