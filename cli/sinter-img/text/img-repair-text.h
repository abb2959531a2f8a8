/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <sinter/repair.h>

G_BEGIN_DECLS

/* The output of `check -r`. */

/*
 * Prints the findings before the repair and the steps that were carried out to standard error, as
 * qemu-img does. @l1_entry_bytes: guest bytes covered by an L1 entry.
 */
void sinter_img_repair_print_done(const SinterRepairResult *result, guint64 l1_entry_bytes);

/* Prints what was left and why to standard error, one line for each kind of damage and reason. */
void sinter_img_repair_print_left(const SinterRepairResult *result);

/* Prints the plan to standard output, as a table. */
void sinter_img_repair_print_plan(const SinterRepairResult *result);

/*
 * Returns whether the repair leaves no wrong COPIED flag. As with qemu-img, such flags are then
 * mentioned only if they had to be changed: many become right as the refcounts do.
 */
gboolean sinter_img_repair_settles_flags(const SinterRepairResult *result);

/* Findings that are gone after the repair, without flags that became right in this way. */
guint64 sinter_img_repair_corruptions_fixed(const SinterRepairResult *result);
guint64 sinter_img_repair_leaks_fixed(const SinterRepairResult *result);

/* (transfer full): the plan */
JsonNode *sinter_img_repair_to_json(const SinterRepairResult *result, gboolean dry_run);

G_END_DECLS
