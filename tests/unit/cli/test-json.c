/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON: how it is asked for, named and laid out. */

#include "sinter-error.h"
#include "sinter-json.h"

static void
test_mode(void)
{
    SinterJsonMode mode = SINTER_JSON_OFF;
    g_autoptr(GError) error = NULL;

    g_assert_true(sinter_json_mode_parse("short", &mode, &error));
    g_assert_cmpint(mode, ==, SINTER_JSON_SHORT);
    g_assert_true(sinter_json_mode_parse("pretty", &mode, &error));
    g_assert_cmpint(mode, ==, SINTER_JSON_PRETTY);
    g_assert_false(sinter_json_mode_parse("xml", &mode, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_assert_cmpstr(error->message, ==,
                    "invalid value 'xml' of --json: expected 'pretty' or 'short'");
    g_assert_cmpint(mode, ==, SINTER_JSON_PRETTY);
}

static void
test_key(void)
{
    static const struct {
        const char *property;
        const char *key;
    } cases[] = {
        { "Id", "id" },
        { "AllocatedBytes", "allocated-bytes" },
        { "StartedByUID", "started-by-uid" },
        { "ReadOnly", "read-only" },
        { "BytesToCopy", "bytes-to-copy" },
        { "", "" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *key = sinter_json_key(cases[i].property);

        g_assert_cmpstr(key, ==, cases[i].key);
    }
}

static void
test_format(void)
{
    g_autoptr(JsonNode) node = json_from_string("{\"a\": [1, \"\\u001b\"]}", NULL);
    g_autofree char *pretty = sinter_json_format(node, SINTER_JSON_PRETTY);
    g_autofree char *line = sinter_json_format(node, SINTER_JSON_SHORT);

    g_assert_cmpstr(line, ==, "{\"a\":[1,\"\\u001b\"]}\n");
    g_assert_cmpstr(pretty, ==, "{\n  \"a\" : [\n    1,\n    \"\\u001b\"\n  ]\n}\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/json/mode", test_mode);
    g_test_add_func("/cli/json/key", test_key);
    g_test_add_func("/cli/json/format", test_format);
    return g_test_run();
}
