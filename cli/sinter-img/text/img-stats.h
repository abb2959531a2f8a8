/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <sinter/check.h>

G_BEGIN_DECLS

/* Statistics of a check and the environment of the image, as `check` and `dump` show them. */

/* (transfer full): all figures, the allocation mode, and what each snapshot shares */
JsonObject *sinter_img_stats_to_json(const SinterImageStats *stats);

/* Adds the file system of @path; nothing if it cannot be determined. */
void sinter_img_stats_add_mount(JsonObject *object, const char *path);

/* Prints a sentence about the file system of @path; nothing if it cannot be determined. */
void sinter_img_stats_print_mount(const char *path);

G_END_DECLS
