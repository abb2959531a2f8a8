/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <sinter/check.h>

G_BEGIN_DECLS

/* What `check` says of one image. */

/* The findings, a line each, on standard error. @l1_entry_bytes: see sinter_img_finding_line() */
void sinter_img_check_print_findings(const SinterCheckResult *result, guint64 l1_entry_bytes);

/* The summary for people, on standard output. */
void sinter_img_check_print_human(const SinterCheckResult *result);

/* (transfer full): for programs. @name: the image as the command line has it */
JsonNode *sinter_img_check_to_json(const SinterCheckResult *result, const char *name);

G_END_DECLS
