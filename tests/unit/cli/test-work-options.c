/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rates and ranges, from the command line to what the daemon is told. */

#include "sinter-error.h"
#include "commands/sinter-work-options.h"

#define MIB ((guint64)1 << 20)

static void
test_rates(void)
{
    static const struct {
        const char *text;
        guint64 rate;
        guint64 rate_with_bytes;
    } cases[] = {
        { "0", 0, 0 },
        { "100", 100 * MIB, 100 },
        { "100b", 100, 100 },
        { "500K", 500 * 1024, 500 * 1024 },
        { "1.5G", 1536 * MIB, 1536 * MIB },
        { "64MiB/s", 64 * MIB, 64 * MIB },
        { "1MB/s", 1000000, 1000000 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint64 rate = 1;
        g_autoptr(GError) error = NULL;

        g_assert_true(sinter_bandwidth_parse(cases[i].text, FALSE, &rate, &error));
        g_assert_cmpuint(rate, ==, cases[i].rate);
        g_assert_true(sinter_bandwidth_parse(cases[i].text, TRUE, &rate, &error));
        g_assert_cmpuint(rate, ==, cases[i].rate_with_bytes);
    }
}

static void
test_no_rates(void)
{
    static const char *const texts[] = {
        "",
        "-1",
        "fast",
        "1X",
        "1/s/s",
        "/s",
        "9223372036854775807",
        "99999999999999999999",
        "1e400",
        "0x10",
        "8796093022208" /* in MiB: 2^63 */,
    };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        guint64 rate = 42;
        g_autoptr(GError) error = NULL;

        g_assert_false(sinter_bandwidth_parse(texts[i], FALSE, &rate, &error));
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
        g_assert_cmpuint(rate, ==, 42);
    }
}

static void
test_range(void)
{
    char keep[] = "2", top[] = "a", base[] = "b";
    SinterRangeOptions options = { keep, top, base, TRUE, TRUE };
    SinterRangeOptions none = { NULL };
    g_autoptr(GVariantDict) dict = g_variant_dict_new(NULL);
    g_autoptr(GVariantDict) empty = g_variant_dict_new(NULL);
    g_autoptr(GVariant) expected = g_variant_ref_sink(g_variant_new_parsed(
        "{'keep': <uint32 2>, 'top': <'a'>, 'base': <'b'>, 'pull': <true>, 'keep-files': <true>}"));
    g_autoptr(GVariant) told = NULL;
    g_autoptr(GVariant) nothing = NULL;

    g_assert_true(sinter_range_options_add(&options, dict, NULL));
    g_assert_true(sinter_range_options_add(&none, empty, NULL));
    told = g_variant_ref_sink(g_variant_dict_end(dict));
    nothing = g_variant_ref_sink(g_variant_dict_end(empty));
    g_assert_cmpuint(g_variant_n_children(told), ==, 5);
    g_assert_cmpuint(g_variant_n_children(nothing), ==, 0);
    for (gsize i = 0; i < g_variant_n_children(expected); i++) {
        g_autoptr(GVariant) value = NULL;
        g_autoptr(GVariant) found = NULL;
        const char *key;

        g_variant_get_child(expected, i, "{&sv}", &key, &value);
        found = g_variant_lookup_value(told, key, NULL);
        g_assert_nonnull(found);
        g_assert_cmpvariant(found, value);
    }
}

static void
test_no_range(void)
{
    static const char *const texts[] = { "-1", "two", "", "4294967296", "1.5" };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        SinterRangeOptions options = { .keep = (char *)texts[i] };
        g_autoptr(GVariantDict) dict = g_variant_dict_new(NULL);
        g_autoptr(GError) error = NULL;

        g_assert_false(sinter_range_options_add(&options, dict, &error));
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/work-options/rates", test_rates);
    g_test_add_func("/cli/work-options/no-rates", test_no_rates);
    g_test_add_func("/cli/work-options/range", test_range);
    g_test_add_func("/cli/work-options/no-range", test_no_range);
    return g_test_run();
}
