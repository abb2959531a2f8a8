/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Help texts and usage errors. Invariant: a usage error is described byte for byte as by qemu-img.
 */

#include "img-wording.h"
#include "img-message.h"
#include "sinter-nearest.h"

#include <string.h>

/* The release of qemu-img whose commands these are; reported if the program is called as
 * "qemu-img". */
#define QEMU_IMG_VERSION "7.2.0"
/* The column where the description of an option begins. */
#define PROGRAM_COLUMN 21
#define VERB_COLUMN 28

static const SinterOption common[] = {
    { "help", 'h', NULL, "show this help, or that of the verb",
      SINTER_OPTION_MEMBER(SinterCommandAsked, help), .kind = SINTER_OPTION_FINAL },
    { "version", 'V', NULL, "the version", SINTER_OPTION_MEMBER(SinterCommandAsked, version),
      .kind = SINTER_OPTION_FINAL },
};

/* --- help ------------------------------------------------------------------------------------- */

static void
add_option(GString *text, const SinterOption *option, int column)
{
    g_autoptr(GString) left = g_string_new("  ");

    if (!option->help)
        return;
    if (option->letter)
        g_string_append_printf(left, "-%c%s", option->letter, option->name ? ", " : "");
    if (option->name)
        g_string_append_printf(left, "--%s", option->name);
    if (option->value)
        g_string_append_printf(left, "%s%s", option->name ? "=" : " ", option->value);
    if ((int)left->len >= column - 1)
        g_string_append_printf(text, "%s\n%*s%s\n", left->str, column, "", option->help);
    else
        g_string_append_printf(text, "%-*s%s\n", column, left->str, option->help);
}

static void
add_options(GString *text, const SinterOption *options, gsize n_options, int column)
{
    for (gsize i = 0; i < n_options; i++)
        add_option(text, &options[i], column);
}

static char *
format_program_help(const SinterCommandSet *set)
{
    g_autofree char *details = set->format_details();
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "usage: %s [OPTION] VERB [OPTION]... OPERAND...\n%s.\n\n",
                           sinter_img_program(), set->summary);
    add_options(text, common, G_N_ELEMENTS(common), PROGRAM_COLUMN);
    add_options(text, set->options, set->n_options, PROGRAM_COLUMN);
    g_string_append(text, "\nVerbs:\n");
    for (gsize i = 0; i < set->n_commands; i++)
        g_string_append_printf(text, "  %-10s %s\n", set->commands[i]->name,
                               set->commands[i]->summary);
    g_string_append_printf(text, "\n%s", details);
    return g_string_free(text, FALSE);
}

static char *
format_help(const SinterCommandSet *set, const SinterCommand *verb)
{
    const SinterOption help = { "help", 'h', NULL, "show this help" };
    GString *text;

    if (!verb)
        return format_program_help(set);
    text = g_string_new(NULL);
    g_string_append_printf(text, "usage: %s %s [OPTION]... %s\n%s.\n\n", sinter_img_program(),
                           verb->name, verb->operands, verb->summary);
    add_options(text, verb->options, verb->n_options, VERB_COLUMN);
    add_option(text, &help, VERB_COLUMN);
    if (verb->description)
        g_string_append_printf(text, "\n%s", verb->description);
    return g_string_free(text, FALSE);
}

static char *
format_version(const SinterCommandSet *set)
{
    if (strcmp(sinter_img_program(), "qemu-img") == 0)
        return g_strdup("qemu-img version " QEMU_IMG_VERSION " (sinter-img " SINTER_VERSION ")\n");
    return g_strdup("sinter-img version " SINTER_VERSION "\n");
}

/* --- usage errors ----------------------------------------------------------------------------- */

static char *
no_command(const SinterCommandSet *set)
{
    return g_strdup("Not enough arguments");
}

static char *
unknown_command(const SinterCommandSet *set, const char *name)
{
    g_autofree const char **names = g_new0(const char *, set->n_commands + 1);
    const char *nearest;

    for (gsize i = 0; i < set->n_commands; i++)
        names[i] = set->commands[i]->name;
    nearest = sinter_nearest_find(name, names);
    return g_strdup_printf("Command not found: %s%s%s%s", name, nearest ? "; did you mean '" : "",
                           nearest ? nearest : "", nearest ? "'?" : "");
}

static char *
wrong_option(const SinterCommandCall *call, const SinterOptionFault *fault)
{
    const char *nearest = sinter_command_nearest_option(call, fault);

    return g_strdup_printf("%s '%s'%s%s%s",
                           fault->kind == SINTER_OPTION_NO_VALUE ? "missing argument for option"
                                                                 : "unrecognized option",
                           fault->getopt_word, nearest ? "; did you mean '--" : "",
                           nearest ? nearest : "", nearest ? "'?" : "");
}

static char *
wrong_operands(const SinterCommandCall *call)
{
    return g_strdup(call->command->expecting);
}

static void
print_error(const SinterCommandSet *set, const GError *error, gboolean usage)
{
    if (usage)
        sinter_img_usage_error("%s", error->message);
    else
        sinter_img_report(error);
}

const SinterCommandWording sinter_img_wording = {
    .common = common,
    .n_common = G_N_ELEMENTS(common),
    .n_common_behind = 1,
    .abbreviations = TRUE,
    .help_command = TRUE,
    .output_lost = "writing standard output",
    .format_help = format_help,
    .format_version = format_version,
    .no_command = no_command,
    .unknown_command = unknown_command,
    .wrong_option = wrong_option,
    .wrong_operands = wrong_operands,
    .print_error = print_error,
};
