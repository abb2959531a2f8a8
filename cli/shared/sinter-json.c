/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON output for scripts: the mode option, formatting and key names. json-glib does the work. */

#include "sinter-json.h"

#include "sinter-error.h"

gboolean
sinter_json_mode_parse(const char *text, SinterJsonMode *ret_mode, GError **error)
{
    if (g_str_equal(text, "pretty")) {
        *ret_mode = SINTER_JSON_PRETTY;
        return TRUE;
    }
    if (g_str_equal(text, "short")) {
        *ret_mode = SINTER_JSON_SHORT;
        return TRUE;
    }
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "invalid value '%s' of --json: expected 'pretty' or 'short'", text);
    return FALSE;
}

char *
sinter_json_format(JsonNode *node, SinterJsonMode mode)
{
    g_autofree char *text = NULL;

    g_return_val_if_fail(mode != SINTER_JSON_OFF, NULL);
    text = json_to_string(node, mode == SINTER_JSON_PRETTY);
    return g_strconcat(text, "\n", NULL);
}

char *
sinter_json_key(const char *property)
{
    GString *key = g_string_new(NULL);

    for (const char *at = property; *at != '\0'; at++) {
        gboolean starts_word = g_ascii_isupper(*at) && at > property && !g_ascii_isupper(at[-1]);

        if (starts_word)
            g_string_append_c(key, '-');
        g_string_append_c(key, g_ascii_tolower(*at));
    }
    return g_string_free(key, FALSE);
}
