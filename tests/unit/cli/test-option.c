/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Options from tables: what lands where, what is an operand, and which fault a word is. */

#include "sinter-option.h"

#include <string.h>

typedef struct {
    const char *format;
    const char *mode;
    char **names;
    int number;
    gboolean quiet;
    gboolean final;
    int action;
} Values;

static gboolean
take_action(const SinterOption *option, gpointer data, const char *value)
{
    Values *values = data;

    values->action = values->action * 10 + option->action;
    return !value || strcmp(value, "bad") != 0;
}

static const SinterOption rows[] = {
    { "format", 'f', "FMT", NULL, SINTER_OPTION_MEMBER(Values, format) },
    { "force", 0, NULL, NULL, .take = take_action, .action = 1 },
    { "add", 'a', "NAME", NULL, .take = take_action, .action = 2 },
    { "mode", 0, "MODE", NULL, SINTER_OPTION_MEMBER(Values, mode), .otherwise = "plain" },
    { "name", 'n', "NAME", NULL, SINTER_OPTION_MEMBER(Values, names), .kind = SINTER_OPTION_LIST },
    { "number", 0, "N", NULL, SINTER_OPTION_MEMBER(Values, number), .kind = SINTER_OPTION_INT },
    { NULL, 'q', NULL, NULL, SINTER_OPTION_MEMBER(Values, quiet) },
    { "final", 'z', NULL, NULL, SINTER_OPTION_MEMBER(Values, final), .kind = SINTER_OPTION_FINAL },
};

typedef struct {
    Values values;
    char **words;
    GPtrArray *operands;
    SinterOptionFault fault;
    gboolean good;
} Parsed;

static SinterOptionTable
table_of(Parsed *parsed)
{
    return (SinterOptionTable){ rows, G_N_ELEMENTS(rows), &parsed->values };
}

static void
parsed_clear(Parsed *parsed)
{
    SinterOptionTable table = table_of(parsed);

    sinter_option_table_clear(&table);
    g_ptr_array_unref(parsed->operands);
    g_strfreev(parsed->words);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Parsed, parsed_clear)

static void
parse(Parsed *parsed, const char *line, gboolean abbreviations, gboolean stop)
{
    SinterOptionSyntax syntax = {
        .tables = { table_of(parsed) },
        .n_tables = 1,
        .abbreviations = abbreviations,
        .stop_at_operand = stop,
    };

    g_assert_true(g_shell_parse_argv(line, NULL, &parsed->words, NULL));
    parsed->operands = g_ptr_array_new();
    parsed->good = sinter_option_parse(&syntax, (const char *const *)parsed->words,
                                       parsed->operands, &parsed->fault);
}

static void
assert_operands(const Parsed *parsed, const char *expected)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < parsed->operands->len; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? " " : "",
                               (const char *)g_ptr_array_index(parsed->operands, i));
    g_assert_cmpstr(text->str, ==, expected);
}

static void
test_values(void)
{
    g_auto(Parsed) parsed = { 0 };

    parse(&parsed, "p one -qf raw -nA two --mode --name=B --number 0x10 --force -aX --add=Y -",
          FALSE, FALSE);
    g_assert_true(parsed.good);
    g_assert_cmpstr(parsed.values.format, ==, "raw");
    g_assert_cmpstr(parsed.values.mode, ==, "plain");
    g_assert_cmpint(parsed.values.number, ==, 16);
    g_assert_cmpuint(g_strv_length(parsed.values.names), ==, 2);
    g_assert_cmpstr(parsed.values.names[1], ==, "B");
    g_assert_cmpint(parsed.values.action, ==, 122);
    g_assert_true(parsed.values.quiet);
    assert_operands(&parsed, "one two -");
}

/* A value may look like an option, but one that may be left out stands behind '='. */
static void
test_values_like_options(void)
{
    g_auto(Parsed) parsed = { 0 };

    parse(&parsed, "p -f -q --mode=-x --name --force", FALSE, FALSE);
    g_assert_true(parsed.good);
    g_assert_cmpstr(parsed.values.format, ==, "-q");
    g_assert_cmpstr(parsed.values.mode, ==, "-x");
    g_assert_cmpstr(parsed.values.names[0], ==, "--force");
    g_assert_false(parsed.values.quiet);
}

static void
test_operands(void)
{
    g_auto(Parsed) dashes = { 0 };
    g_auto(Parsed) stopped = { 0 };
    g_auto(Parsed) final = { 0 };

    parse(&dashes, "p one -- -q --force", FALSE, FALSE);
    assert_operands(&dashes, "one -q --force");
    g_assert_false(dashes.values.quiet);
    parse(&stopped, "p -q one -f -- two", FALSE, TRUE);
    assert_operands(&stopped, "one -f -- two");
    g_assert_true(stopped.values.quiet);
    parse(&final, "p -zq --bad", FALSE, FALSE);
    g_assert_true(final.good);
    g_assert_true(final.values.final);
    g_assert_false(final.values.quiet);
}

static void
test_abbreviations(void)
{
    g_auto(Parsed) shortened = { 0 };
    g_auto(Parsed) whole = { 0 };
    g_auto(Parsed) ambiguous = { 0 };

    parse(&shortened, "p --form=raw --ad x", TRUE, FALSE);
    g_assert_true(shortened.good);
    g_assert_cmpstr(shortened.values.format, ==, "raw");
    g_assert_cmpint(shortened.values.action, ==, 2);
    parse(&whole, "p --form=raw", FALSE, FALSE);
    g_assert_false(whole.good);
    parse(&ambiguous, "p --fo raw", TRUE, FALSE);
    g_assert_false(ambiguous.good);
    g_assert_cmpint(ambiguous.fault.kind, ==, SINTER_OPTION_UNKNOWN);
}

static void
test_faults(void)
{
    static const struct {
        const char *line;
        SinterOptionFaultKind kind;
        const char *option; /* NULL: unknown */
        gboolean by_letter;
        const char *word;
        const char *value;
        const char *getopt_word;
    } cases[] = {
        { "p --nope=1", SINTER_OPTION_UNKNOWN, NULL, FALSE, "--nope=1", NULL, "--nope=1" },
        { "p -qx", SINTER_OPTION_UNKNOWN, NULL, TRUE, "-qx", NULL, "-qx" },
        { "p -xq", SINTER_OPTION_UNKNOWN, NULL, TRUE, "-xq", NULL, "p" },
        { "p one -q -xq", SINTER_OPTION_UNKNOWN, NULL, TRUE, "-xq", NULL, "one" },
        { "p one -f", SINTER_OPTION_NO_VALUE, "format", TRUE, "-f", NULL, "-f" },
        { "p --name", SINTER_OPTION_NO_VALUE, "name", FALSE, "--name", NULL, "--name" },
        { "p --force=x", SINTER_OPTION_UNWANTED_VALUE, "force", FALSE, "--force=x", "x",
          "--force=x" },
        { "p --number 1x", SINTER_OPTION_NO_NUMBER, "number", FALSE, "--number", "1x", "--number" },
        { "p --number=", SINTER_OPTION_NO_NUMBER, "number", FALSE, "--number=", "", "--number=" },
        { "p --number 4294967296", SINTER_OPTION_OUT_OF_RANGE, "number", FALSE, "--number",
          "4294967296", "--number" },
        { "p -abad -q", SINTER_OPTION_REFUSED, "add", TRUE, "-abad", "bad", "-abad" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(Parsed) parsed = { 0 };
        const SinterOptionFault *fault = &parsed.fault;

        parse(&parsed, cases[i].line, TRUE, FALSE);
        g_assert_false(parsed.good);
        g_assert_cmpint(fault->kind, ==, cases[i].kind);
        g_assert_cmpstr(fault->option ? fault->option->name : NULL, ==, cases[i].option);
        g_assert_cmpint(fault->by_letter, ==, cases[i].by_letter);
        g_assert_cmpstr(fault->word, ==, cases[i].word);
        g_assert_cmpstr(fault->value, ==, cases[i].value);
        g_assert_cmpstr(fault->getopt_word, ==, cases[i].getopt_word);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/option/values", test_values);
    g_test_add_func("/cli/option/values-like-options", test_values_like_options);
    g_test_add_func("/cli/option/operands", test_operands);
    g_test_add_func("/cli/option/abbreviations", test_abbreviations);
    g_test_add_func("/cli/option/faults", test_faults);
    return g_test_run();
}
