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
 * What a caller may decide by. The code is the only part of an error that code may read to choose
 * what to do next; the message is for people.
 *
 * Each code has a name (sinter_error_name()), under which it is stored in job records, sent by the
 * worker process, and sent over D-Bus as org.sinter.Sinter1.Error.NAME (sinter-dbus-error.h).
 *
 * @SINTER_ERROR_FAILED: anything without a code of its own
 * @SINTER_ERROR_NOT_AUTHORIZED: polkit, the bus or the file system denied permission
 * @SINTER_ERROR_SHARED_BASE: another chain uses an image that would change
 * @SINTER_ERROR_LOCKED: another process holds a lock on the image
 * @SINTER_ERROR_NO_SPACE: the file system lacks space, now or according to the plan
 * @SINTER_ERROR_CHAIN_CHANGED: the backing chain is no longer the one that was planned for
 * @SINTER_ERROR_CORRUPT: content that its format does not allow, or a file that ends before
 *   what it must hold; reading it again gives the same error
 * @SINTER_ERROR_UNSUPPORTED: a feature that is not implemented, or that the host lacks
 * @SINTER_ERROR_NOT_FOUND: no such domain, disk, file, plan or job
 * @SINTER_ERROR_BUSY: another operation on the same object is under way
 * @SINTER_ERROR_INVALID_ARGUMENT: an argument that is not valid
 * @SINTER_ERROR_CANCELLED: stopped on request
 * @SINTER_ERROR_TIMED_OUT: a deadline passed
 * @SINTER_ERROR_DISCONNECTED: there is no connection to libvirt, or it broke during the call; the
 *   call may have had its effect. The daemon keeps trying to connect, and jobs continue then
 * @SINTER_ERROR_SHORT_READ: the storage returned fewer bytes than the file holds; nothing is known
 *   about the content, and another try may succeed
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
    SINTER_ERROR_DISCONNECTED,
    SINTER_ERROR_SHORT_READ,
} SinterError;

/* How many codes there are: the first is 0. */
#define SINTER_N_ERRORS (SINTER_ERROR_SHORT_READ + 1)

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
