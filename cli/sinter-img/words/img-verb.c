/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs a verb: its table becomes getopt_long()'s, which gives the permutation, the abbreviations
 * and the order of evaluation that scripts know.
 */

#include "img-verb.h"
#include "text/img-message.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* Long options without a letter get numbers from here on. */
#define LONG_ONLY 256
#define HELP_COLUMN 28

/* getopt_long()'s two tables for a verb. */
typedef struct {
    GString *letters;
    GArray *names; /* of struct option, ended by zeros */
} Tables;

static void
tables_clear(Tables *self)
{
    g_string_free(self->letters, TRUE);
    g_array_unref(self->names);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Tables, tables_clear)

static void
tables_init(Tables *self, const SinterImgVerb *verb)
{
    const struct option help = { "help", no_argument, NULL, 'h' };

    /* ':': a missing value is told from an unknown option, and getopt stays silent */
    self->letters = g_string_new(":h");
    self->names = g_array_new(TRUE, TRUE, sizeof(struct option));
    g_array_append_val(self->names, help);
    for (gsize i = 0; i < verb->n_options; i++) {
        const SinterImgOption *option = &verb->options[i];
        struct option name = { option->name, option->value ? required_argument : no_argument, NULL,
                               option->letter ? option->letter : LONG_ONLY + (int)i };

        if (option->letter)
            g_string_append_printf(self->letters, "%c%s", option->letter, option->value ? ":" : "");
        if (option->name)
            g_array_append_val(self->names, name);
    }
}

static const SinterImgOption *
verb_find_option(const SinterImgVerb *verb, int code)
{
    if (code >= LONG_ONLY)
        return &verb->options[code - LONG_ONLY];
    for (gsize i = 0; i < verb->n_options; i++) {
        if (verb->options[i].letter == code)
            return &verb->options[i];
    }
    g_assert_not_reached();
}

static gboolean
option_take(const SinterImgOption *option, gpointer options, const char *value)
{
    if (option->parse)
        return option->parse(options, value);
    if (option->act)
        return option->act(options, option->action, value);
    if (option->value)
        G_STRUCT_MEMBER(const char *, options, option->offset) = value;
    else
        G_STRUCT_MEMBER(gboolean, options, option->offset) = TRUE;
    return TRUE;
}

static void
print_option_help(const SinterImgOption *option)
{
    g_autoptr(GString) left = g_string_new("  ");

    if (option->letter)
        g_string_append_printf(left, "-%c%s", option->letter, option->name ? ", " : "");
    if (option->name)
        g_string_append_printf(left, "--%s", option->name);
    if (option->value)
        g_string_append_printf(left, "%s%s", option->name ? "=" : " ", option->value);
    if (left->len >= HELP_COLUMN - 1)
        printf("%s\n%*s%s\n", left->str, HELP_COLUMN, "", option->help);
    else
        printf("%-*s%s\n", HELP_COLUMN, left->str, option->help);
}

static void
verb_print_help(const SinterImgVerb *verb)
{
    printf("usage: %s %s [OPTION]... %s\n%s.\n\n", sinter_img_program(), verb->name, verb->operands,
           verb->summary);
    for (gsize i = 0; i < verb->n_options; i++) {
        if (verb->options[i].help)
            print_option_help(&verb->options[i]);
    }
    printf("%-*s%s\n", HELP_COLUMN, "  -h, --help", "this text");
    if (verb->details)
        printf("\n%s", verb->details);
}

static int
verb_parse_and_run(const SinterImgVerb *verb, int argc, char **argv, gpointer options)
{
    g_auto(Tables) tables = { 0 };
    int n_words = verb->last_is_operand && argc > 2 ? argc - 1 : argc;
    int code;

    tables_init(&tables, verb);
    optind = 0;
    while ((code = getopt_long(n_words, argv, tables.letters->str,
                               (const struct option *)(gpointer)tables.names->data, NULL)) != -1) {
        switch (code) {
        case ':':
            return sinter_img_usage_error("missing argument for option '%s'", argv[optind - 1]);
        case '?':
            return sinter_img_usage_error("unrecognized option '%s'", argv[optind - 1]);
        case 'h':
            verb_print_help(verb);
            return 0;
        default:
            if (!option_take(verb_find_option(verb, code), options, optarg))
                return 1;
        }
    }
    return verb->run(options, argv + optind, argc - optind);
}

static gboolean
is_help(const char *word)
{
    return strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0;
}

int
sinter_img_verb_run(const SinterImgVerb *verb, int argc, char **argv)
{
    g_autofree gpointer options = g_malloc0(verb->options_size);
    int status;

    if (verb->last_is_operand && argc < 3 && !(argc == 2 && is_help(argv[1])))
        return sinter_img_usage_error("Not enough arguments");
    status = verb_parse_and_run(verb, argc, argv, options);
    if (verb->clear)
        verb->clear(options);
    return status;
}
