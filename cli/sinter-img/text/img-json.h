/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * Prints @node to standard output, with a line end: an indentation of 4, one member per line, and
 * only ASCII. qemu-img uses this format, which json-glib's generator cannot produce.
 */
void sinter_img_json_print(JsonNode *node);

/*
 * Prints a value for people, one member or element per line: `name: value`, `[0]:`. @indent: the
 * indentation of its first level, in steps of 4.
 */
void sinter_img_json_print_human(JsonNode *node, guint indent);

G_END_DECLS
