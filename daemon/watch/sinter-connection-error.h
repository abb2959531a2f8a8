/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

G_BEGIN_DECLS

/**
 * sinter_connection_set_error:
 *
 * Turns libvirt's last error of this thread into a GError whose message is "WHAT: libvirt's
 * text"; NOT_FOUND for what is absent (domain, snapshot, pool, volume), INVALID_ARGUMENT for an
 * argument that libvirt refuses (an absent disk is one), BUSY, TIMED_OUT, UNSUPPORTED and the like;
 * DISCONNECTED when the connection to libvirt is broken; else FAILED. Any thread.
 *
 * A macro: libvirt's functions, virDomainGetName() too, forget the last error when they are called,
 * so it is saved before the arguments are looked at.
 */
#define sinter_connection_set_error(error, ...)                                                    \
    G_STMT_START                                                                                   \
    {                                                                                              \
        virErrorPtr saved_error = virSaveLastError();                                              \
                                                                                                   \
        sinter_connection_set_saved_error((error), saved_error, __VA_ARGS__);                      \
    }                                                                                              \
    G_STMT_END

/* Likewise of an error that was saved with virSaveLastError(). @cause: (transfer full) */
void sinter_connection_set_saved_error(GError **error, virErrorPtr cause, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* That there is no connection to @uri now: DISCONNECTED. */
void sinter_connection_set_absent(GError **error, const char *uri);

/* Whether libvirt's last error of this thread means a broken connection. */
gboolean sinter_connection_last_error_is_lost(void);

G_END_DECLS
