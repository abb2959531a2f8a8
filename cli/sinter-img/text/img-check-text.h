/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <sinter/check.h>

G_BEGIN_DECLS

/* The output of `check` for one image. */

/* Prints the findings to standard error, one per line. @l1_entry_bytes: see
 * sinter_img_finding_line() */
void sinter_img_check_print_findings(const SinterCheckResult *result, guint64 l1_entry_bytes);

/* Prints the summary for people to standard output. */
void sinter_img_check_print_human(const SinterCheckResult *result);

/* (transfer full): for programs. @name: the image as given on the command line */
JsonNode *sinter_img_check_to_json(const SinterCheckResult *result, const char *name);

G_END_DECLS
