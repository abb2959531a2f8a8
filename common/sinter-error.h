/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:error
 *
 * Units: none. Errors: this is where they come from. Threads: any.
 */

#include <glib.h>

G_BEGIN_DECLS

/**
 * SINTER_ERROR:
 *
 * The one error domain of the house. Libraries return it in a GError whose message is a whole
 * sentence without a final dot, names the thing at fault (domain, disk, file, offset) and, where
 * there is one, what to do. Causes are prefixed while they travel up (g_prefix_error()).
 */
#define SINTER_ERROR (sinter_error_quark())

/**
 * SinterError:
 *
 * Each code but the last three stands on D-Bus as org.sinter.Sinter1.Error.NAME.
 *
 * @SINTER_ERROR_FAILED: anything without a code of its own
 * @SINTER_ERROR_NOT_AUTHORIZED: polkit or the bus said no
 * @SINTER_ERROR_SHARED_BASE: another chain stands on an image that would change
 * @SINTER_ERROR_LOCKED: another process holds the image
 * @SINTER_ERROR_NO_SPACE: the file system has not enough room, now or foreseeably
 * @SINTER_ERROR_CHAIN_CHANGED: the chain is no longer the one that was planned for
 * @SINTER_ERROR_CORRUPT: bytes that are not what their format demands
 * @SINTER_ERROR_UNSUPPORTED: a feature that we do not treat, or that the host lacks
 * @SINTER_ERROR_NOT_FOUND: no such domain, disk, file, plan or job
 * @SINTER_ERROR_BUSY: somebody works on it already
 * @SINTER_ERROR_INVALID_ARGUMENT: the caller's words are off
 * @SINTER_ERROR_CANCELLED: stopped on request
 * @SINTER_ERROR_TIMED_OUT: a deadline passed
 */
typedef enum {
    SINTER_ERROR_FAILED,
    SINTER_ERROR_NOT_AUTHORIZED,
    SINTER_ERROR_SHARED_BASE,
    SINTER_ERROR_LOCKED,
    SINTER_ERROR_NO_SPACE,
    SINTER_ERROR_CHAIN_CHANGED,
    SINTER_ERROR_CORRUPT,
    SINTER_ERROR_UNSUPPORTED,
    SINTER_ERROR_NOT_FOUND,
    SINTER_ERROR_BUSY,
    SINTER_ERROR_INVALID_ARGUMENT,
    SINTER_ERROR_CANCELLED,
    SINTER_ERROR_TIMED_OUT,
} SinterError;

/* The number behind %SINTER_ERROR. */
GQuark sinter_error_quark(void);

/**
 * sinter_error_name:
 * @code: a #SinterError
 *
 * Returns: (transfer none): the code's name as on D-Bus ("SharedBase"), never %NULL. A number
 * that is no code is "Failed".
 */
const char *sinter_error_name(int code);

/**
 * sinter_error_from_name:
 * @name: a name as sinter_error_name() gives it
 *
 * Returns: the code; %SINTER_ERROR_FAILED for a name that is none.
 */
SinterError sinter_error_from_name(const char *name);

/**
 * sinter_error_set_errno:
 * @error: (out) (optional): where to put it
 * @errnum: an errno value
 * @format: what was tried and on what ("reading 'a.qcow2' at offset 65536")
 *
 * Sets @error to "FORMAT: strerror", with the code that fits: ENOSPC and EDQUOT give NO_SPACE,
 * ENOENT gives NOT_FOUND, EACCES and EPERM give NOT_AUTHORIZED, EBUSY gives BUSY.
 */
void sinter_error_set_errno(GError **error, int errnum, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

G_END_DECLS
