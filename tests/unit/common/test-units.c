/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sizes and spans, to people and back. */

#include "sinter-error.h"
#include "sinter-units.h"

static void
test_format_bytes(void)
{
    static const struct {
        guint64 bytes;
        const char *text;
    } cases[] = {
        { 0, "0 B" },
        { 1023, "1023 B" },
        { 1024, "1 KiB" },
        { 1536, "1.5 KiB" },
        { 64 * 1024 * 1024, "64 MiB" },
        { 1048575, "1 MiB" },
        { G_MAXUINT64, "16 EiB" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = sinter_units_format_bytes(cases[i].bytes);

        g_assert_cmpstr(text, ==, cases[i].text);
    }
}

static void
test_format_duration(void)
{
    static const struct {
        guint64 usec;
        const char *text;
    } cases[] = {
        { 0, "0 s" },
        { 59 * G_USEC_PER_SEC, "59 s" },
        { 200 * G_USEC_PER_SEC, "3 min 20 s" },
        { 7500 * (guint64)G_USEC_PER_SEC, "2 h 05 min" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = sinter_units_format_duration(cases[i].usec);

        g_assert_cmpstr(text, ==, cases[i].text);
    }
}

static void
test_parse_bytes(void)
{
    static const struct {
        const char *text;
        guint64 bytes;
    } cases[] = {
        { "0", 0 },
        { "512", 512 },
        { "1k", 1024 },
        { "1.5G", 1610612736 },
        { "10MiB", 10485760 },
        { "10 MB", 10000000 },
        { "9007199254740993", 9007199254740993 },
    };
    static const char *const bad[] = { "",     "x",   "-1",  "1Q",  "1KiBs", "0x10",
                                       "9E9E", "16E", "nan", "1e3", "1e400", "1.5e3K" };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        guint64 bytes = 0;

        g_assert_true(sinter_units_parse_bytes(cases[i].text, &bytes, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(bytes, ==, cases[i].bytes);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        guint64 bytes = 42;

        g_assert_false(sinter_units_parse_bytes(bad[i], &bytes, &error));
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
        g_assert_cmpuint(bytes, ==, 42);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/units/format-bytes", test_format_bytes);
    g_test_add_func("/units/format-duration", test_format_duration);
    g_test_add_func("/units/parse-bytes", test_parse_bytes);
    return g_test_run();
}
