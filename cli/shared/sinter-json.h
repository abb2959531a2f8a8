/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Whether and how a command prints JSON. */
typedef enum {
    SINTER_JSON_OFF,
    SINTER_JSON_PRETTY, /* indented */
    SINTER_JSON_SHORT,  /* one line */
} SinterJsonMode;

/* Parses @text: "pretty" or "short"; any other text is an INVALID_ARGUMENT error. */
gboolean sinter_json_mode_parse(const char *text, SinterJsonMode *ret_mode, GError **error);

/* (transfer full): @node as text, with a line end. @mode must not be OFF. */
char *sinter_json_format(JsonNode *node, SinterJsonMode mode);

/* (transfer full): the key for the name of a D-Bus property: "AllocatedBytes" gives
 * "allocated-bytes", "StartedByUID" gives "started-by-uid". */
char *sinter_json_key(const char *property);

G_END_DECLS
