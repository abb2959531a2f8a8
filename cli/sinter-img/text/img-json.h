/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * Prints @node to standard output, with a line end: an indent of 4, a member a line, and nothing
 * but ASCII, which is what qemu-img writes (and json-glib's generator does not).
 */
void sinter_img_json_print(JsonNode *node);

/*
 * Prints a value for people, one member or element a line: `name: value`, `[0]:`. @indent: of its
 * first level, in steps of 4.
 */
void sinter_img_json_print_human(JsonNode *node, guint indent);

G_END_DECLS
