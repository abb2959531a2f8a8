/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

G_BEGIN_DECLS

/**
 * sinter_connection_set_error:
 *
 * Converts libvirt's last error of this thread to a GError with the message "WHAT: libvirt's text";
 * NOT_FOUND for an absent object (domain, snapshot, pool, volume), INVALID_ARGUMENT for an argument
 * that libvirt refuses (including an absent disk), BUSY, TIMED_OUT, UNSUPPORTED and so on;
 * DISCONNECTED if the connection to libvirt is broken; else FAILED. Any thread.
 *
 * This is a macro because every libvirt function, including virDomainGetName(), resets the last
 * error: it is saved before the arguments are evaluated.
 */
#define sinter_connection_set_error(error, ...)                                                    \
    G_STMT_START                                                                                   \
    {                                                                                              \
        virErrorPtr saved_error = virSaveLastError();                                              \
                                                                                                   \
        sinter_connection_set_saved_error((error), saved_error, __VA_ARGS__);                      \
    }                                                                                              \
    G_STMT_END

/* Likewise for an error that was saved with virSaveLastError(). @cause: (transfer full) */
void sinter_connection_set_saved_error(GError **error, virErrorPtr cause, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* Sets DISCONNECTED: there is no connection to @uri at present. */
void sinter_connection_set_absent(GError **error, const char *uri);

/* Returns whether libvirt's last error of this thread means a broken connection. */
gboolean sinter_connection_last_error_is_lost(void);

G_END_DECLS
