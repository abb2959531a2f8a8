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
 * The error domain of all of Sinter. Libraries return it in a GError whose message is a whole
 * sentence without a final dot, names the thing at fault (domain, disk, file, offset) and, where
 * there is one, what to do.
 *
 * It is an extended domain: an error may carry what was being done (a #SinterStage), to which file,
 * and the error that caused it, so that a program can word the whole in its own way, or name the
 * file as its user did, without reading messages. g_propagate_error(), g_error_copy() and
 * g_propagate_prefixed_error() keep the data. g_prefix_error() changes the message alone, and who
 * words the error from its data does not see the prefix: use sinter_error_prefix().
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

/**
 * SinterStage:
 *
 * What was being done when an error occurred. "File" is what sinter_error_get_file() returns.
 *
 * @SINTER_STAGE_NONE: nothing that has a number here
 * @SINTER_STAGE_OPEN: opening the file, or the image in it
 * @SINTER_STAGE_OPEN_BACKING: opening the backing file of an image; no file
 * @SINTER_STAGE_OPEN_DATA_FILE: opening the data file of an image; no file
 * @SINTER_STAGE_CREATE: creating the file
 * @SINTER_STAGE_CREATE_IMAGE: creating a new image in the file, in any of its steps
 * @SINTER_STAGE_CONVERT: writing the file, which a conversion makes
 * @SINTER_STAGE_USE_BITMAP: using a dirty bitmap that was not stored when the image was last
 *   written to, so that its content is not known; the file is the bitmap's name
 */
typedef enum {
    SINTER_STAGE_NONE,
    SINTER_STAGE_OPEN,
    SINTER_STAGE_OPEN_BACKING,
    SINTER_STAGE_OPEN_DATA_FILE,
    SINTER_STAGE_CREATE,
    SINTER_STAGE_CREATE_IMAGE,
    SINTER_STAGE_CONVERT,
    SINTER_STAGE_USE_BITMAP,
} SinterStage;

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

/* Sets a new error. Returns: FALSE, for "return sinter_error_refuse(…)". */
gboolean sinter_error_refuse(GError **error, SinterError code, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/**
 * sinter_error_wrap:
 * @error: (inout) (optional): what failed; %NULL and no error are left alone
 * @stage: what was being done
 * @file: (nullable): to which file
 * @format: the text that stands before the cause, its ": " included
 *
 * Makes *@error the cause of a new error with its code. In another domain than %SINTER_ERROR, which
 * has no data, only the message changes.
 */
void sinter_error_wrap(GError **error, SinterStage stage, const char *file, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* The same without a stage, in place of g_prefix_error(). */
void sinter_error_prefix(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The same for %SINTER_STAGE_OPEN: "Could not open 'PATH': ". */
void sinter_error_wrap_open(GError **error, const char *path);

/* A new error, "Could not open 'PATH': FORMAT", whose cause has the text FORMAT. */
void sinter_error_set_open(GError **error, SinterError code, const char *path, const char *format,
                           ...) G_GNUC_PRINTF(4, 5);

/* Likewise with the text of @errnum, and the code as in sinter_error_set_errno(). */
void sinter_error_set_open_errno(GError **error, int errnum, const char *path);

/* A new error, "FORMAT: HINT". @hint: what may help, which may stand on a line of its own. */
void sinter_error_set_hinted(GError **error, SinterError code, const char *hint, const char *format,
                             ...) G_GNUC_PRINTF(4, 5);

/* Notes a stage and a file in *@error itself. NULL and no error are left alone. */
void sinter_error_set_stage(GError **error, SinterStage stage, const char *file);

/**
 * sinter_error_get_stage:
 * @error: (nullable): an error of any domain
 *
 * Returns: what was being done; %SINTER_STAGE_NONE where that is not known.
 */
SinterStage sinter_error_get_stage(const GError *error);

/* Returns: (transfer none) (nullable): the file that the stage was about. */
const char *sinter_error_get_file(const GError *error);

/* Returns: (transfer none) (nullable): the error that caused it. */
const GError *sinter_error_get_cause(const GError *error);

/*
 * Returns: (transfer none): what the error says itself, without its cause and its hint. The texts
 * of an error and its causes, one after the other, are the message without the hint.
 */
const char *sinter_error_get_text(const GError *error);

/* Returns: (transfer none) (nullable): the hint of the error or of one of its causes. */
const char *sinter_error_get_hint(const GError *error);

/* Returns: (transfer none) (nullable): the first among @error and its causes with that stage. */
const GError *sinter_error_find(const GError *error, SinterStage stage);

/* Whether @error itself, not a cause of it, has that stage and that file. */
gboolean sinter_error_is_about(const GError *error, SinterStage stage, const char *file);

G_END_DECLS
