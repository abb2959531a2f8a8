/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <sinter/check.h>

G_BEGIN_DECLS

/*
 * Findings for people and programs, and code that is common to the commands that check images.
 */

/*
 * Returns: (transfer full): one line. A finding that `qemu-img check` has is worded as there, all
 * others as "ERROR code: text". @l1_entry_bytes: guest bytes covered by an L1 entry.
 */
char *sinter_img_finding_line(const SinterFinding *finding, guint64 cluster_bytes,
                              guint64 l1_entry_bytes);

/* Returns: (transfer full): code, class, places, owners, text, fixability */
JsonNode *sinter_img_finding_to_json(const SinterFinding *finding);

/* Adds the findings that were kept, and their total numbers below "counts". */
void sinter_img_findings_add_json(JsonObject *object, const SinterCheckResult *result);

/* Adds @value, unless it means "no offset". */
void sinter_img_json_set_offset(JsonObject *object, const char *name, guint64 value);

/* Returns the exit status of `check`: 1 not completed, 2 corrupt, 3 leaks, 0 clean. */
int sinter_img_check_status(const SinterCheckResult *result);

/*
 * Exit statuses for kinds of damage, which agree with those of a plain check where that has one for
 * the same state.
 */
int sinter_img_check_kind_status(SinterCheckKind kind);

/* Returns the one of two such statuses that stands for the worse kind. */
int sinter_img_check_worse_kind_status(int a, int b);

G_END_DECLS
