/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <sinter/rescue.h>

G_BEGIN_DECLS

/* Prints the proposals as a table, at most @max_steps of them, and the sums. */
void sinter_img_rescue_print_human(const SinterRescueResult *result, guint64 max_steps);

/* (transfer full): the same, all of it */
JsonNode *sinter_img_rescue_to_json(const SinterRescueResult *result, const char *name);

G_END_DECLS
