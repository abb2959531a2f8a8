/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-error.h"

G_BEGIN_DECLS

/*
 * What is said on standard error, and how names are shown. Texts keep to the words of qemu-img,
 * so that a script which looks for them finds them.
 */

/* "qemu-img" where the program was called by that name, else "sinter-img". */
const char *sinter_img_program(void);
void sinter_img_set_program(const char *argv0);

/* "PROGRAM: TEXT" */
void sinter_img_error(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* "PROGRAM: warning: TEXT" */
void sinter_img_warning(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* As sinter_img_error(), and where to read on. Returns: 1, the exit status for wrong usage. */
int sinter_img_usage_error(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* What the error says; its hint, where it has one, on a line of its own. */
void sinter_img_report(const GError *error);

/*
 * The same, but where @error is about @stage of @file, that is said in the words of @format: with
 * the name that the command line gave for the file, or as qemu-img calls the operation.
 */
void sinter_img_report_as(const GError *error, SinterStage stage, const char *file,
                          const char *format, ...) G_GNUC_PRINTF(4, 5);

/*
 * Returns: (transfer full): a name out of an image, for standard output. On a terminal it holds
 * nothing that could steer it; elsewhere it is what it is.
 */
char *sinter_img_name(const char *name);

G_END_DECLS
