/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <sinter/check.h>

G_BEGIN_DECLS

/*
 * Findings for people and programs, and what the verbs that check have in common.
 */

/*
 * Returns: (transfer full): one line. What `qemu-img check` knows as such is said in its words,
 * all else as "ERROR code: text". @l1_entry_bytes: guest bytes that an L1 entry stands for.
 */
char *sinter_img_finding_line(const SinterFinding *finding, guint64 cluster_bytes,
                              guint64 l1_entry_bytes);

/* Returns: (transfer full): code, class, places, owners, text, fixability */
JsonNode *sinter_img_finding_to_json(const SinterFinding *finding);

/* Returns: (transfer full): the findings that were kept, and below "counts" how many there are. */
void sinter_img_findings_add_json(JsonObject *object, const SinterCheckResult *result);

/* Adds @value, unless it stands for "nowhere". */
void sinter_img_json_set_offset(JsonObject *object, const char *name, guint64 value);

/* How `check` exits: 1 not completed, 2 corrupt, 3 leaks, 0 clean. */
int sinter_img_check_status(const SinterCheckResult *result);

G_END_DECLS
