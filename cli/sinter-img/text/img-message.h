/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-error.h"

G_BEGIN_DECLS

/*
 * Messages on standard error, and the display of names. Texts are those of qemu-img, so that
 * scripts that search for them find them.
 */

/* "qemu-img" if the program was called by that name, otherwise "sinter-img". */
const char *sinter_img_program(void);
void sinter_img_set_program(const char *argv0);

/* "PROGRAM: TEXT" */
void sinter_img_error(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* "PROGRAM: warning: TEXT" */
void sinter_img_warning(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Like sinter_img_error(), plus a reference to the help. Returns: 1, the exit status for usage
 * errors. */
int sinter_img_usage_error(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Prints the message of the error; its hint, if any, is printed on a separate line. */
void sinter_img_report(const GError *error);

/*
 * The same, but if @error is about @stage of @file, that part is replaced by @format: it contains
 * the name of the file as given on the command line, or the name that qemu-img has for the
 * operation.
 */
void sinter_img_report_as(const GError *error, SinterStage stage, const char *file,
                          const char *format, ...) G_GNUC_PRINTF(4, 5);

/*
 * Returns: (transfer full): a name from an image, for standard output. On a terminal all characters
 * that could control it are escaped; otherwise the name is unchanged.
 */
char *sinter_img_name(const char *name);

/* Returns: (transfer full): the same for standard error. */
char *sinter_img_error_name(const char *name);

G_END_DECLS
