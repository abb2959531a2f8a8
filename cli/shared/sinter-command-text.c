/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Help texts and usage errors, in the form of GLib programs. Pure functions, except for printing an
 * error. */

#include "sinter-command-text.h"

#include <string.h>

#include "sinter-nearest.h"
#include "sinter-text.h"

/* The gap between the longest option of a help text and the descriptions. */
#define HELP_GAP 5

static const SinterOption common[] = {
    { "help", 'h', NULL, "show this help", SINTER_OPTION_MEMBER(SinterCommandAsked, help) },
    { "version", 0, NULL, "show the version", SINTER_OPTION_MEMBER(SinterCommandAsked, version) },
};

/* --- help ------------------------------------------------------------------------------------- */

static char *
format_option(const SinterOption *option)
{
    GString *text = g_string_new("  ");

    if (option->letter)
        g_string_append_printf(text, "-%c, ", option->letter);
    g_string_append_printf(text, "--%s%s%s", option->name, option->value ? "=" : "",
                           option->value ? option->value : "");
    return g_string_free(text, FALSE);
}

static gsize
widest_option(const SinterOption *options, gsize n_options)
{
    gsize width = 0;

    for (gsize i = 0; i < n_options; i++) {
        g_autofree char *left = format_option(&options[i]);

        width = MAX(width, strlen(left));
    }
    return width;
}

static void
add_options(GString *text, const SinterOption *options, gsize n_options, gsize column)
{
    for (gsize i = 0; i < n_options; i++) {
        g_autofree char *left = format_option(&options[i]);

        sinter_text_append_padded(text, left, column, SINTER_ALIGN_LEFT);
        g_string_append_printf(text, "%s\n", options[i].help);
    }
    g_string_append_c(text, '\n');
}

static void
add_commands(GString *text, const SinterCommandSet *set)
{
    gsize width = 0;

    for (gsize i = 0; i < set->n_commands; i++)
        width = MAX(width, strlen(set->commands[i]->name));
    g_string_append_printf(text, "%s\n\nCommands:\n", set->summary);
    for (gsize i = 0; i < set->n_commands; i++) {
        g_string_append(text, "  ");
        sinter_text_append_padded(text, set->commands[i]->name, width + 2, SINTER_ALIGN_LEFT);
        g_string_append_printf(text, "%s\n", set->commands[i]->summary);
    }
    g_string_append_printf(text, "\nUse '%s COMMAND --help' for the help of a command.\n\n",
                           set->program);
}

static void
add_command(GString *text, const SinterCommand *command)
{
    g_string_append_printf(text, "%c%s.\n\n", g_ascii_toupper(command->summary[0]),
                           command->summary + 1);
    if (command->description)
        g_string_append_printf(text, "%s\n\n", command->description);
}

char *
sinter_command_format_help(const SinterCommandSet *set, const SinterCommand *command)
{
    GString *text = g_string_new("Usage:\n");
    gsize column = MAX(widest_option(set->options, set->n_options),
                       widest_option(common, G_N_ELEMENTS(common)));

    if (command) {
        column = MAX(column, widest_option(command->options, command->n_options)) + HELP_GAP;
        g_string_append_printf(text, "  %s [OPTION…] %s%s%s\n\n", set->program, command->name,
                               *command->operands != '\0' ? " " : "", command->operands);
        add_command(text, command);
    } else {
        column += HELP_GAP;
        g_string_append_printf(text, "  %s [OPTION…] COMMAND [ARGUMENT…]\n\n", set->program);
        add_commands(text, set);
    }
    if (command && command->n_options > 0) {
        g_string_append_printf(text, "Options of %s:\n", command->name);
        add_options(text, command->options, command->n_options, column);
    }
    g_string_append(text, "Global options:\n");
    add_options(text, set->options, set->n_options, column);
    g_string_truncate(text, text->len - 1); /* forms one list with the options that follow */
    add_options(text, common, G_N_ELEMENTS(common), column);
    if (!command && set->format_details) {
        g_autofree char *details = set->format_details();

        g_string_append(text, details);
    }
    return g_string_free(text, FALSE);
}

static char *
format_version(const SinterCommandSet *set)
{
    return g_strdup_printf("%s %s\n", set->program, SINTER_VERSION);
}

/* --- usage errors ----------------------------------------------------------------------------- */

static char *
no_command(const SinterCommandSet *set)
{
    return g_strdup_printf("no command given; '%s --help' lists the commands", set->program);
}

static char *
unknown_command(const SinterCommandSet *set, const char *name)
{
    g_autofree const char **names = g_new0(const char *, set->n_commands + 1);
    const char *nearest;

    for (gsize i = 0; i < set->n_commands; i++)
        names[i] = set->commands[i]->name;
    nearest = sinter_nearest_find(name, names);
    if (nearest)
        return g_strdup_printf("unknown command '%s'; did you mean '%s'?", name, nearest);
    return g_strdup_printf("unknown command '%s'; '%s --help' lists the commands", name,
                           set->program);
}

/* "--top", or "-c" if the letter was given */
static char *
name_option(const SinterOptionFault *fault)
{
    if (fault->by_letter)
        return g_strdup_printf("-%c", fault->option->letter);
    return g_strconcat("--", fault->option->name, NULL);
}

static char *
describe_fault(const SinterOptionFault *fault)
{
    g_autofree char *name = fault->option ? name_option(fault) : NULL;

    switch (fault->kind) {
    case SINTER_OPTION_UNKNOWN:
        return g_strconcat("unknown option ", fault->word, NULL);
    case SINTER_OPTION_NO_VALUE:
        return g_strconcat("missing argument for ", name, NULL);
    case SINTER_OPTION_UNWANTED_VALUE:
        return g_strdup_printf("option %s takes no value", name);
    case SINTER_OPTION_NO_NUMBER:
        return g_strdup_printf("cannot parse integer value “%s” for %s", fault->value, name);
    case SINTER_OPTION_OUT_OF_RANGE:
        return g_strdup_printf("integer value “%s” for %s out of range", fault->value, name);
    case SINTER_OPTION_REFUSED:
        break;
    }
    g_assert_not_reached();
}

static gboolean
command_has_option(const SinterCommand *command, const SinterOption *option)
{
    for (gsize i = 0; command && i < command->n_options; i++) {
        if (&command->options[i] == option)
            return TRUE;
    }
    return FALSE;
}

/* The program's help also lists its options that may follow a command. */
static char *
wrong_option(const SinterCommandCall *call, const SinterOptionFault *fault)
{
    gboolean of_program = fault->option && !command_has_option(call->command, fault->option);
    const char *name = call->command && !of_program ? call->command->name : NULL;
    const char *nearest = sinter_command_nearest_option(call, fault);
    g_autofree char *text = describe_fault(fault);

    if (nearest)
        return g_strdup_printf("%s%s%s; did you mean '--%s'?", name ? name : "", name ? ": " : "",
                               text, nearest);
    return g_strdup_printf("%s%s%s; see '%s %s%s--help'", name ? name : "", name ? ": " : "", text,
                           call->set->program, name ? name : "", name ? " " : "");
}

static char *
wrong_operands(const SinterCommandCall *call)
{
    const SinterCommand *command = call->command;
    g_auto(GStrv) names = g_strsplit(command->operands, " ", -1);
    g_autofree char *fault = NULL;

    if (call->n_operands < command->min_operands)
        /* a word in lower case is one of several actions */
        fault = g_strdup_printf("%s is missing", g_ascii_islower(*names[call->n_operands])
                                                     ? "the action"
                                                     : names[call->n_operands]);
    else
        fault = g_strdup_printf("unexpected argument '%s'", call->operands[command->max_operands]);
    return g_strdup_printf("%s: %s; usage: %s %s%s%s", command->name, fault, call->set->program,
                           command->name, *command->operands != '\0' ? " " : "", command->operands);
}

static void
print_error(const SinterCommandSet *set, const GError *error, gboolean usage)
{
    g_autofree char *valid = g_utf8_make_valid(error->message, -1);
    g_autofree char *text = sinter_text_printable(valid);

    g_printerr("%s: %s\n", set->program, text);
}

const SinterCommandWording sinter_command_wording = {
    .common = common,
    .n_common = G_N_ELEMENTS(common),
    .n_common_behind = G_N_ELEMENTS(common),
    .program_behind = TRUE,
    .help_command = TRUE,
    .output_lost = "cannot write to standard output",
    .format_help = sinter_command_format_help,
    .format_version = format_version,
    .no_command = no_command,
    .unknown_command = unknown_command,
    .wrong_option = wrong_option,
    .wrong_operands = wrong_operands,
    .print_error = print_error,
};
