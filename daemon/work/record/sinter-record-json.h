/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* What the JSON forms of all records have in common. */

/* Adds the member @name with @texts (element-type utf8) as its array of strings. */
void sinter_record_json_add_strings(JsonBuilder *builder, const char *name, const GPtrArray *texts);

/* (transfer full): the text of a record that is complete, for a person to read */
char *sinter_record_json_finish(JsonBuilder *builder);

/* Returns whether a JSON value has the type that a member requires. @node: (nullable) */
gboolean sinter_record_json_is(JsonNode *node, GType type);

G_END_DECLS
