/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Options: only known keys of the right type get through, and the error names the key. */

#include "sinter-options.h"

#include "sinter-error.h"

static const SinterOptionFlags some = SINTER_OPTION_NO_INTERACTION | SINTER_OPTION_DISK |
                                      SINTER_OPTION_KEEP | SINTER_OPTION_PULL |
                                      SINTER_OPTION_BANDWIDTH;

static void
test_values(void)
{
    g_autoptr(GVariant) dictionary = g_variant_ref_sink(g_variant_new_parsed(
        "{'disk': <'vda'>, 'keep': <uint32 2>, 'pull': <true>, 'bandwidth': <uint64 7>}"));
    g_autoptr(GError) error = NULL;
    SinterOptions options;

    g_assert_true(sinter_options_read(dictionary, some, &options, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(options.wanted.disk, ==, "vda");
    g_assert_cmpuint(options.wanted.keep, ==, 2);
    g_assert_true(options.wanted.pull);
    g_assert_cmpuint(options.bandwidth_bytes_per_sec, ==, 7);
    g_assert_cmpuint(options.set, ==,
                     SINTER_OPTION_DISK | SINTER_OPTION_KEEP | SINTER_OPTION_PULL |
                         SINTER_OPTION_BANDWIDTH);
}

static void
test_names(void)
{
    g_autoptr(GVariant) dictionary = g_variant_ref_sink(
        g_variant_new_parsed("{'ignore-readers': <['db', 'shop']>, 'ignore-manager': <true>}"));
    g_auto(GStrv) many = g_new0(char *, SINTER_PLAN_MAX_IGNORED + 2);
    g_autoptr(GError) error = NULL;
    SinterOptionFlags allowed = SINTER_OPTION_IGNORE_READERS | SINTER_OPTION_IGNORE_MANAGER;
    SinterOptions options;

    g_assert_true(sinter_options_read(dictionary, allowed, &options, NULL));
    g_assert_cmpstr(options.wanted.ignored_readers[0], ==, "db");
    g_assert_cmpstr(options.wanted.ignored_readers[1], ==, "shop");
    g_assert_null(options.wanted.ignored_readers[2]);
    g_assert_true(options.wanted.ignore_manager);

    for (guint i = 0; i <= SINTER_PLAN_MAX_IGNORED; i++)
        many[i] = g_strdup("db");
    g_variant_unref(dictionary);
    dictionary = g_variant_ref_sink(g_variant_new_parsed("{'ignore-readers': <%^as>}", many));
    g_assert_false(sinter_options_read(dictionary, allowed, &options, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
}

static void
test_empty(void)
{
    g_autoptr(GVariant) dictionary = g_variant_ref_sink(g_variant_new_parsed("@a{sv} {}"));
    SinterOptions options;

    g_assert_true(sinter_options_read(dictionary, 0, &options, NULL));
    g_assert_cmpuint(options.set, ==, 0);
    g_assert_null(options.wanted.top);
}

typedef struct {
    const char *dictionary;
    const char *key;
} BadCase;

static const BadCase bad_cases[] = {
    { "{'dsik': <'vda'>}", "'dsik'" },
    { "{'top': <'vda'>}", "'top'" }, /* a key, but not of this method */
    { "{'disk': <3>}", "'disk'" },
    { "{'keep': <2>}", "'keep'" }, /* an int32 */
    { "{'pull': <'yes'>}", "'pull'" },
    { "{'bandwidth': <uint32 1>}", "'bandwidth'" },
    { "{'disk': <'vda'>, 'disk': <'vdb'>}", "'disk'" },
};

static void
test_bad(gconstpointer data)
{
    const BadCase *bad = data;
    g_autoptr(GVariant) dictionary =
        g_variant_parse(G_VARIANT_TYPE_VARDICT, bad->dictionary, NULL, NULL, NULL);
    g_autoptr(GError) error = NULL;
    SinterOptions options = { .wanted.keep = 99 };

    g_assert_nonnull(dictionary);
    g_assert_false(sinter_options_read(dictionary, some, &options, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_assert_nonnull(strstr(error->message, bad->key));
    g_assert_cmpuint(options.wanted.keep, ==, 99);
}

static void
test_long_string(void)
{
    g_autofree char *text = g_strnfill(SINTER_OPTION_MAX_STRING, 'x');
    g_autoptr(GVariant) dictionary =
        g_variant_ref_sink(g_variant_new_parsed("{'disk': <%s>}", text));
    g_autoptr(GError) error = NULL;

    g_assert_false(sinter_options_read(dictionary, some, NULL, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_assert_cmpuint(strlen(error->message), <, 256);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/options/values", test_values);
    g_test_add_func("/options/names", test_names);
    g_test_add_func("/options/empty", test_empty);
    for (gsize i = 0; i < G_N_ELEMENTS(bad_cases); i++) {
        g_autofree char *name = g_strdup_printf("/options/bad/%zu", i);

        g_test_add_data_func(name, &bad_cases[i], test_bad);
    }
    g_test_add_func("/options/long-string", test_long_string);
    return g_test_run();
}
