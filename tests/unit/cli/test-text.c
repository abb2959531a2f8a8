/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Text on a terminal: nothing dangerous passes, and widths are columns, not bytes. */

#include "sinter-nearest.h"
#include "sinter-text.h"

static void
test_printable(void)
{
    static const struct {
        const char *text;
        const char *printable;
    } cases[] = {
        { "", "" },
        { "vm1", "vm1" },
        { "grün ✓", "grün ✓" },
        { "a\033[2Jb", "a\\x1b[2Jb" },
        { "two\nlines\ttab", "two\\x0alines\\x09tab" },
        { "\xc2\x9b", "\\x9b" },           /* a one-character CSI */
        { "x\xe2\x80\xaey", "x\\u202ey" }, /* turns the reading direction */
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = sinter_text_printable(cases[i].text);

        g_assert_cmpstr(text, ==, cases[i].printable);
    }
}

static void
test_width(void)
{
    g_assert_cmpuint(sinter_text_width(""), ==, 0);
    g_assert_cmpuint(sinter_text_width("vm1"), ==, 3);
    g_assert_cmpuint(sinter_text_width("grün"), ==, 4);
    g_assert_cmpuint(sinter_text_width("u\xcc\x88"), ==, 1); /* u and a combining diaeresis */
    g_assert_cmpuint(sinter_text_width("仮想"), ==, 4);
}

static void
test_padded(void)
{
    g_autoptr(GString) text = g_string_new("|");

    sinter_text_append_padded(text, "仮", 4, SINTER_ALIGN_LEFT);
    g_string_append_c(text, '|');
    sinter_text_append_padded(text, "7", 3, SINTER_ALIGN_RIGHT);
    g_string_append_c(text, '|');
    sinter_text_append_padded(text, "longer", 3, SINTER_ALIGN_RIGHT);
    g_assert_cmpstr(text->str, ==, "|仮  |  7|longer");
}

static void
test_cut(void)
{
    static const struct {
        guint width;
        const char *text;
    } cases[] = { { 0, "" }, { 1, "a" }, { 2, "a" }, { 3, "a仮" }, { 9, "a仮b" } };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) text = g_string_new(NULL);

        sinter_text_append_cut(text, "a仮b", cases[i].width);
        g_assert_cmpstr(text->str, ==, cases[i].text);
    }
}

static void
test_nearest(void)
{
    static const char *const names[] = { "list",   "chain", "plan",      "consolidate", "commit",
                                         "cancel", "jobs",  "bandwidth", NULL };
    static const struct {
        const char *word;
        const char *nearest;
    } cases[] = {
        { "lsit", "list" },    { "consoldate", "consolidate" },
        { "comit", "commit" }, { "cons", "consolidate" },
        { "plna", "plan" },    { "bandwith", "bandwidth" },
        { "job", "jobs" },     { "blockcommit", NULL },
        { "xyzzy", NULL },     { "", NULL },
        { "l", NULL },
    };
    g_autofree char *endless = g_strnfill(5000, 'a');

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpstr(sinter_nearest_find(cases[i].word, names), ==, cases[i].nearest);
    g_assert_null(sinter_nearest_find(endless, names));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/text/printable", test_printable);
    g_test_add_func("/cli/text/width", test_width);
    g_test_add_func("/cli/text/padded", test_padded);
    g_test_add_func("/cli/text/cut", test_cut);
    g_test_add_func("/cli/text/nearest", test_nearest);
    return g_test_run();
}
