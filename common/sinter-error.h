/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:error
 *
 * Units: none. Errors: this header defines them. Threads: any.
 */

#include <glib.h>

G_BEGIN_DECLS

/**
 * SINTER_ERROR:
 *
 * The error domain of all of Sinter. Libraries return it in a GError whose message is a whole
 * sentence without a final dot. The message names the object at fault (domain, disk, file, offset)
 * and, if there is one, the remedy.
 *
 * It is an extended domain: an error may also carry the operation that failed (a #SinterStage), its
 * file, and the error that caused it. A program can then compose its own message, or name the file
 * as the user named it, without parsing messages. g_propagate_error(), g_error_copy() and
 * g_propagate_prefixed_error() keep the data. g_prefix_error() changes only the message, so a
 * program that composes its message from the data does not see the prefix: use
 * sinter_error_prefix().
 */
#define SINTER_ERROR (sinter_error_quark())

/**
 * SinterError:
 *
 * The codes that a caller can distinguish. Code that chooses what to do next may read only the
 * code; the message is for people.
 *
 * Each code has a name (sinter_error_name()). The name is stored in job records, sent by the worker
 * process, and sent over D-Bus as org.sinter.Sinter1.Error.NAME (sinter-dbus-error.h).
 *
 * @SINTER_ERROR_FAILED: any error without a code of its own
 * @SINTER_ERROR_NOT_AUTHORIZED: polkit, the bus or the file system denied permission
 * @SINTER_ERROR_SHARED_BASE: another chain uses an image that would change
 * @SINTER_ERROR_LOCKED: another process holds a lock on the image
 * @SINTER_ERROR_NO_SPACE: the file system lacks space, now or according to the plan
 * @SINTER_ERROR_CHAIN_CHANGED: the backing chain differs from the one that was planned for
 * @SINTER_ERROR_CORRUPT: the content is not allowed by its format, or the file is shorter than its
 *   content requires; reading it again gives the same error
 * @SINTER_ERROR_UNSUPPORTED: a feature that is not implemented, or that the host lacks
 * @SINTER_ERROR_NOT_FOUND: no such domain, disk, file, plan or job
 * @SINTER_ERROR_BUSY: another operation on the same object is in progress
 * @SINTER_ERROR_INVALID_ARGUMENT: an argument is not valid
 * @SINTER_ERROR_CANCELLED: stopped on request
 * @SINTER_ERROR_TIMED_OUT: a deadline passed
 * @SINTER_ERROR_DISCONNECTED: there is no connection to libvirt, or it broke during the call; the
 *   call may have taken effect. The daemon keeps trying to connect, and jobs continue then
 * @SINTER_ERROR_SHORT_READ: the storage returned fewer bytes than the file holds; nothing is known
 *   about the content, and another try may succeed
 * @SINTER_ERROR_DENIED: QEMU may not write to an image: its mode, its owner, its file system or a
 *   security module denies it
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
    SINTER_ERROR_DENIED,
} SinterError;

/* The number of codes. The first code is 0. */
#define SINTER_N_ERRORS (SINTER_ERROR_DENIED + 1)

/**
 * SinterStage:
 *
 * The operation during which an error occurred. "File" is what sinter_error_get_file() returns.
 *
 * @SINTER_STAGE_NONE: an operation that is not listed here
 * @SINTER_STAGE_OPEN: opening the file, or the image in it
 * @SINTER_STAGE_OPEN_BACKING: opening the backing file of an image; no file
 * @SINTER_STAGE_OPEN_DATA_FILE: opening the data file of an image; no file
 * @SINTER_STAGE_CREATE: creating the file
 * @SINTER_STAGE_CREATE_IMAGE: creating a new image in the file, in any of its steps
 * @SINTER_STAGE_CONVERT: writing the file that a conversion creates
 * @SINTER_STAGE_USE_BITMAP: using a dirty bitmap that was not stored when the image was last
 *   written to, so that its content is unknown; the file is the name of the bitmap
 * @SINTER_STAGE_FIND_MEMBER: finding an image by its name in a backing chain
 * @SINTER_STAGE_CHOOSE_RANGE: choosing the images to merge, of which there is only one; no file
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
    SINTER_STAGE_FIND_MEMBER,
    SINTER_STAGE_CHOOSE_RANGE,
} SinterStage;

/* The quark of %SINTER_ERROR. */
GQuark sinter_error_quark(void);

/**
 * sinter_error_name:
 * @code: a #SinterError
 *
 * Returns: (transfer none): the name of the code as used on D-Bus ("SharedBase"), never %NULL;
 * "Failed" for a number that is not a code
 */
const char *sinter_error_name(int code);

/**
 * sinter_error_from_name:
 * @name: a name that sinter_error_name() returned
 *
 * Returns: the code; %SINTER_ERROR_FAILED for an unknown name
 */
SinterError sinter_error_from_name(const char *name);

/**
 * sinter_error_set_errno:
 * @error: (out) (optional): where to store the error
 * @errnum: an errno value
 * @format: what was attempted and on which object ("reading 'a.qcow2' at offset 65536")
 *
 * Sets @error to "FORMAT: strerror", with the matching code: ENOSPC and EDQUOT give NO_SPACE,
 * ENOENT gives NOT_FOUND, EACCES and EPERM give NOT_AUTHORIZED, EBUSY gives BUSY.
 */
void sinter_error_set_errno(GError **error, int errnum, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* Sets a new error. Returns: FALSE, for "return sinter_error_refuse(…)". */
gboolean sinter_error_refuse(GError **error, SinterError code, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/**
 * sinter_error_wrap:
 * @error: (inout) (optional): the error; nothing is done if it is %NULL or not set
 * @stage: the operation that failed
 * @file: (nullable): the file of the operation
 * @format: the text before the cause, including its ": "
 *
 * Makes *@error the cause of a new error with the same code. If *@error is of another domain than
 * %SINTER_ERROR, it cannot carry data, and only its message changes.
 */
void sinter_error_wrap(GError **error, SinterStage stage, const char *file, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* Like sinter_error_wrap() without a stage. Use it instead of g_prefix_error(). */
void sinter_error_prefix(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* sinter_error_wrap() for %SINTER_STAGE_OPEN, with the text "Could not open 'PATH': ". */
void sinter_error_wrap_open(GError **error, const char *path);

/* Sets a new error "Could not open 'PATH': FORMAT" whose cause has the text FORMAT. */
void sinter_error_set_open(GError **error, SinterError code, const char *path, const char *format,
                           ...) G_GNUC_PRINTF(4, 5);

/* Like sinter_error_set_open(), with the text of @errnum and the code of
 * sinter_error_set_errno(). */
void sinter_error_set_open_errno(GError **error, int errnum, const char *path);

/* Sets a new error "FORMAT: HINT". @hint is a possible remedy; a program may print it on a separate
 * line. */
void sinter_error_set_hinted(GError **error, SinterError code, const char *hint, const char *format,
                             ...) G_GNUC_PRINTF(4, 5);

/* Sets the stage and the file of *@error itself. Nothing is done if @error is NULL or not set. */
void sinter_error_set_stage(GError **error, SinterStage stage, const char *file);

/**
 * sinter_error_get_stage:
 * @error: (nullable): an error of any domain
 *
 * Returns: the operation that failed; %SINTER_STAGE_NONE if it is not known
 */
SinterStage sinter_error_get_stage(const GError *error);

/* Returns: (transfer none) (nullable): the file of the stage */
const char *sinter_error_get_file(const GError *error);

/* Returns: (transfer none) (nullable): the error that caused it */
const GError *sinter_error_get_cause(const GError *error);

/*
 * Returns: (transfer none): the error's own text, without its cause and its hint. The concatenated
 * texts of an error and its causes are the message without the hint.
 */
const char *sinter_error_get_text(const GError *error);

/* Returns: (transfer none) (nullable): the hint of the error or of one of its causes */
const char *sinter_error_get_hint(const GError *error);

/*
 * Returns: the errno value of the system call that failed, of @error or of one of its causes; 0 if
 * no system call failed
 */
int sinter_error_get_errno(const GError *error);

/* Returns: (transfer none) (nullable): the first of @error and its causes that has the stage */
const GError *sinter_error_find(const GError *error, SinterStage stage);

/* Returns whether @error itself, not one of its causes, has this stage and this file. */
gboolean sinter_error_is_about(const GError *error, SinterStage stage, const char *file);

G_END_DECLS
