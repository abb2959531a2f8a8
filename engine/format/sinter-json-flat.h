/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A JSON object as a flat list of keys, as names of images contain one. */

#include <glib.h>

G_BEGIN_DECLS

/*
 * Parses @text, one JSON object and nothing else. Nested objects are flattened: {"a": {"b": "c"}}
 * is the same as {"a.b": "c"}. Strings may be in single quotes, too, as for QEMU. Arrays, keys that
 * appear twice, bytes that are not UTF-8, and text longer than 4 KiB are refused.
 *
 * Returns: (transfer full) (nullable): from char * to char *: the text of a string, otherwise
 * "true", "false", the digits of a number, or %NULL for null; free with g_hash_table_unref().
 * %NULL with INVALID_ARGUMENT.
 */
GHashTable *sinter_json_flatten(const char *text, GError **error);

G_END_DECLS
