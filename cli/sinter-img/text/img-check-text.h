/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <sinter/check.h>

G_BEGIN_DECLS

/* The output of `check` for one image. */

/*
 * Prints the findings to standard error, one per line. @l1_entry_bytes: see
 * sinter_img_finding_line(). @skips_flags: omit wrong COPIED flags
 */
void sinter_img_check_print_findings(const SinterCheckResult *result, guint64 l1_entry_bytes,
                                     gboolean skips_flags);

/* Prints the summary for people to standard output. */
void sinter_img_check_print_human(const SinterCheckResult *result);

/*
 * Prints a hint to standard error if leaked clusters may hold lost data. @name: the image as given
 * on the command line
 */
void sinter_img_check_print_hint(const SinterCheckResult *result, const char *name);

/* The members that `-r` adds. */
typedef struct {
    guint64 corruptions; /* repaired */
    guint64 leaks;       /* freed */
    JsonNode *plan;      /* of sinter_img_repair_to_json(); the function takes it */
} SinterImgRepaired;

/*
 * (transfer full): for programs. @name: the image as given on the command line. @repaired:
 * (nullable): what a repair did before
 */
JsonNode *sinter_img_check_to_json(const SinterCheckResult *result, const char *name,
                                   const SinterImgRepaired *repaired);

G_END_DECLS
