/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Converts libvirt's errors to SINTER_ERROR. The code is chosen here, where the libvirt call
 * failed, from libvirt's error domain and code; no other file needs to know them. Invariant: an
 * error of the transport is DISCONNECTED, whatever the call was.
 */

#include "sinter-connection-error.h"
#include "sinter-error.h"

static const struct {
    int libvirt;
    SinterError code;
} error_codes[] = {
    { VIR_ERR_NO_DOMAIN, SINTER_ERROR_NOT_FOUND },
    { VIR_ERR_NO_DOMAIN_SNAPSHOT, SINTER_ERROR_NOT_FOUND },
    { VIR_ERR_NO_STORAGE_POOL, SINTER_ERROR_NOT_FOUND },
    { VIR_ERR_NO_STORAGE_VOL, SINTER_ERROR_NOT_FOUND },
    { VIR_ERR_DEVICE_MISSING, SINTER_ERROR_NOT_FOUND },
    { VIR_ERR_INVALID_ARG, SINTER_ERROR_INVALID_ARGUMENT },
    { VIR_ERR_ACCESS_DENIED, SINTER_ERROR_NOT_AUTHORIZED },
    { VIR_ERR_OPERATION_DENIED, SINTER_ERROR_NOT_AUTHORIZED },
    { VIR_ERR_AUTH_FAILED, SINTER_ERROR_NOT_AUTHORIZED },
    { VIR_ERR_AUTH_CANCELLED, SINTER_ERROR_NOT_AUTHORIZED },
    { VIR_ERR_AUTH_UNAVAILABLE, SINTER_ERROR_NOT_AUTHORIZED },
    { VIR_ERR_BLOCK_COPY_ACTIVE, SINTER_ERROR_BUSY },
    { VIR_ERR_RESOURCE_BUSY, SINTER_ERROR_BUSY },
    { VIR_ERR_NO_SUPPORT, SINTER_ERROR_UNSUPPORTED },
    { VIR_ERR_OPERATION_UNSUPPORTED, SINTER_ERROR_UNSUPPORTED },
    { VIR_ERR_CONFIG_UNSUPPORTED, SINTER_ERROR_UNSUPPORTED },
    { VIR_ERR_ARGUMENT_UNSUPPORTED, SINTER_ERROR_UNSUPPORTED },
    { VIR_ERR_OPERATION_TIMEOUT, SINTER_ERROR_TIMED_OUT },
    { VIR_ERR_OPERATION_ABORTED, SINTER_ERROR_CANCELLED },
};

/* Returns whether the transport failed, rather than the requested operation. */
static gboolean
cause_is_lost(const virError *cause)
{
    if (!cause)
        return FALSE;
    if (cause->code == VIR_ERR_INVALID_CONN || cause->code == VIR_ERR_NO_CONNECT)
        return TRUE;
    return (cause->domain == VIR_FROM_RPC || cause->domain == VIR_FROM_REMOTE) &&
           (cause->code == VIR_ERR_SYSTEM_ERROR || cause->code == VIR_ERR_INTERNAL_ERROR ||
            cause->code == VIR_ERR_RPC);
}

static SinterError
find_code(const virError *cause)
{
    if (cause_is_lost(cause))
        return SINTER_ERROR_DISCONNECTED;
    for (gsize i = 0; cause && i < G_N_ELEMENTS(error_codes); i++) {
        if (error_codes[i].libvirt == cause->code)
            return error_codes[i].code;
    }
    return SINTER_ERROR_FAILED;
}

void
sinter_connection_set_saved_error(GError **error, virErrorPtr cause, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, SINTER_ERROR, find_code(cause), "%s: %s%s", what,
                cause && cause->message ? cause->message : "libvirt gave no reason",
                cause_is_lost(cause) ? " (the connection to libvirt was lost)" : "");
    virFreeError(cause);
}

void
sinter_connection_set_absent(GError **error, const char *uri)
{
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_DISCONNECTED,
                "'%s' does not respond; sinterd keeps trying", uri);
}

gboolean
sinter_connection_last_error_is_lost(void)
{
    return cause_is_lost(virGetLastError());
}
