/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From a command line to a row of the table. GOption does the parsing, in two goes: up to the
 * command's name with the program's options, then the rest with those of the command too. Option
 * values land in structs that are made for the call, so nothing is global.
 */

#include "sinter-command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sinter-error.h"
#include "sinter-nearest.h"
#include "sinter-text.h"

/* The options of every program. */
typedef struct {
    gboolean help;
    gboolean version;
} CommonOptions;

static const GOptionEntry common_entries[] = {
    { "help", 'h', 0, G_OPTION_ARG_NONE, SINTER_COMMAND_MEMBER(CommonOptions, help),
      "show this text", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, SINTER_COMMAND_MEMBER(CommonOptions, version),
      "show the version", NULL },
    { NULL },
};

/* --- structs that options fill ---------------------------------------------------------------- */

static void
options_free(gpointer options, const GOptionEntry *entries)
{
    if (!options)
        return;
    for (const GOptionEntry *entry = entries; entry && entry->long_name; entry++) {
        gpointer member = G_STRUCT_MEMBER_P(options, GPOINTER_TO_SIZE(entry->arg_data));

        if (entry->arg == G_OPTION_ARG_FILENAME)
            g_free(*(char **)member);
        else if (entry->arg == G_OPTION_ARG_FILENAME_ARRAY)
            g_strfreev(*(char ***)member);
    }
    g_free(options);
}

void
sinter_command_call_free(SinterCommandCall *call)
{
    if (!call)
        return;
    options_free(call->globals, call->set->entries);
    if (call->command)
        options_free(call->options, call->command->entries);
    g_strfreev(call->operands);
    g_free(call);
}

/* Adds @entries to @group so that they fill @options; without one they are only for reading. */
static void
add_entries(GOptionGroup *group, const GOptionEntry *entries, gpointer options)
{
    for (const GOptionEntry *entry = entries; entry && entry->long_name; entry++) {
        GOptionEntry row[2] = { *entry, { NULL } };

        if (options)
            row[0].arg_data = G_STRUCT_MEMBER_P(options, GPOINTER_TO_SIZE(entry->arg_data));
        g_option_group_add_entries(group, row);
    }
}

static GOptionContext *
new_context(const SinterCommandCall *call, CommonOptions *common)
{
    const SinterCommand *command = call->command;
    g_autofree char *usage = NULL;
    GOptionContext *context;
    GOptionGroup *group;

    if (command)
        usage = g_strconcat(command->name, *command->operands != '\0' ? " " : NULL,
                            command->operands, NULL);
    else
        usage = g_strdup("COMMAND [ARGUMENT…]");
    context = g_option_context_new(usage);
    g_option_context_set_help_enabled(context, FALSE);
    if (command && command->entries) {
        g_autofree char *title = g_strdup_printf("Options of %s:", command->name);

        group = g_option_group_new("command", title, "", NULL, NULL);
        add_entries(group, command->entries, call->options);
        g_option_context_add_group(context, group);
    }
    group = g_option_group_new("program", "Options of every command:", "", NULL, NULL);
    add_entries(group, call->set->entries, call->globals);
    add_entries(group, common_entries, common);
    g_option_context_add_group(context, group);
    return context;
}

/* --- help ------------------------------------------------------------------------------------- */

static char *
list_commands(const SinterCommandSet *set)
{
    GString *text = g_string_new(set->summary);
    gsize width = 0;

    for (guint i = 0; i < set->n_commands; i++)
        width = MAX(width, strlen(set->commands[i]->name));
    g_string_append(text, "\n\nCommands:");
    for (guint i = 0; i < set->n_commands; i++) {
        g_string_append(text, "\n  ");
        sinter_text_append_padded(text, set->commands[i]->name, width + 2, SINTER_ALIGN_LEFT);
        g_string_append(text, set->commands[i]->summary);
    }
    g_string_append_printf(text, "\n\n'%s COMMAND --help' tells more about a command.",
                           set->program);
    return g_string_free(text, FALSE);
}

char *
sinter_command_format_help(const SinterCommandSet *set, const SinterCommand *command)
{
    SinterCommandCall call = { .set = set, .command = command };
    GOptionContext *context = new_context(&call, NULL);
    g_autofree char *summary = NULL;
    char *help;

    if (!command)
        summary = list_commands(set);
    else
        summary = g_strconcat("To ", command->summary, ".", command->description ? "\n\n" : NULL,
                              command->description, NULL);
    g_option_context_set_summary(context, summary);
    help = g_option_context_get_help(context, FALSE, NULL);
    g_option_context_free(context);
    return help;
}

/* --- parsing ---------------------------------------------------------------------------------- */

static char **
fill_in_defaults(const SinterCommandSet *set, const char *const *arguments)
{
    char **result = g_strdupv((char **)arguments);

    for (guint i = 1; result[i] && strcmp(result[i], "--") != 0; i++) {
        for (const SinterCommandDefault *row = set->defaults; row && row->name; row++) {
            if (strcmp(result[i], row->name) == 0) {
                g_free(result[i]);
                result[i] = g_strconcat(row->name, "=", row->value, NULL);
                break;
            }
        }
    }
    return result;
}

/* GOption takes "--wait=no" for --wait. */
static gboolean
check_flags(const GOptionEntry *entries, char *const *words, GError **error)
{
    for (const GOptionEntry *entry = entries; entry && entry->long_name; entry++) {
        g_autofree char *start = g_strconcat("--", entry->long_name, "=", NULL);

        for (char *const *word = words; entry->arg == G_OPTION_ARG_NONE && *word; word++) {
            if (g_str_has_prefix(*word, start)) {
                g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                            "Option --%s takes no value", entry->long_name);
                return FALSE;
            }
        }
    }
    return TRUE;
}

/* GOption's sentence as ours: where it happened, in lower case, and where to read on. */
static void
rewrite_error(GError **error, const SinterCommandCall *call, GError *cause)
{
    const char *name = call->command ? call->command->name : NULL;

    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT, "%s%s%c%s; see '%s %s%s--help'",
                name ? name : "", name ? ": " : "", g_ascii_tolower(*cause->message),
                cause->message + 1, call->set->program, name ? name : "", name ? " " : "");
    g_error_free(cause);
}

static gboolean
parse_options(SinterCommandCall *call, gboolean up_to_command, char ***arguments,
              CommonOptions *common, GError **error)
{
    GOptionContext *context = new_context(call, common);
    GError *cause = NULL;
    gboolean good;

    g_option_context_set_strict_posix(context, up_to_command);
    good = (!call->command || check_flags(call->command->entries, *arguments, &cause)) &&
           check_flags(call->set->entries, *arguments, &cause) &&
           check_flags(common_entries, *arguments, &cause) &&
           g_option_context_parse_strv(context, arguments, &cause);
    g_option_context_free(context);
    if (!good)
        rewrite_error(error, call, cause);
    return good;
}

static const SinterCommand *
find_command(const SinterCommandSet *set, const char *name, GError **error)
{
    g_autofree const char **names = g_new0(const char *, set->n_commands + 1);
    const char *nearest;

    for (guint i = 0; i < set->n_commands; i++) {
        names[i] = set->commands[i]->name;
        if (strcmp(names[i], name) == 0)
            return set->commands[i];
    }
    nearest = sinter_nearest_find(name, names);
    if (nearest)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "unknown command '%s'; did you mean '%s'?", name, nearest);
    else
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "unknown command '%s'; '%s --help' lists the commands", name, set->program);
    return NULL;
}

static gboolean
check_operands(const SinterCommandCall *call, GError **error)
{
    const SinterCommand *command = call->command;
    g_auto(GStrv) names = g_strsplit(command->operands, " ", -1);
    g_autofree char *fault = NULL;

    if (call->n_operands < command->min_operands)
        fault = g_strdup_printf("%s is missing", names[call->n_operands]);
    else if (call->n_operands > command->max_operands)
        fault = g_strdup_printf("'%s' is too much", call->operands[command->max_operands]);
    if (!fault)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT, "%s: %s; usage: %s %s%s%s",
                command->name, fault, call->set->program, command->name,
                *command->operands != '\0' ? " " : "", command->operands);
    return FALSE;
}

/* `help` and `help COMMAND` */
static gboolean
parse_help(SinterCommandCall *call, char **words, GError **error)
{
    call->action = SINTER_COMMAND_HELP;
    if (!words[0])
        return TRUE;
    call->command = find_command(call->set, words[0], error);
    return call->command != NULL;
}

/* Takes what stands behind the first "--", which ends the options, away from @words. */
static char **
take_behind_dashes(char **words)
{
    for (; *words; words++) {
        if (strcmp(*words, "--") == 0) {
            g_clear_pointer(words, g_free);
            return g_memdup2(words + 1, (g_strv_length(words + 1) + 1) * sizeof *words);
        }
    }
    return NULL;
}

static char **
join(char *const *words, char *const *more)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    g_strv_builder_addv(builder, (const char **)words);
    if (more)
        g_strv_builder_addv(builder, (const char **)more);
    return g_strv_builder_end(builder);
}

/* @arguments: the command's name and what follows, up to "--"; @more: what stands behind that */
static gboolean
parse_command(SinterCommandCall *call, char ***arguments, char *const *more, CommonOptions *common,
              GError **error)
{
    call->command = find_command(call->set, (*arguments)[0], error);
    if (!call->command)
        return FALSE;
    if (call->command->options_size > 0)
        call->options = g_malloc0(call->command->options_size);
    if (!parse_options(call, FALSE, arguments, common, error))
        return FALSE;
    call->operands = join(*arguments + 1, more);
    call->n_operands = g_strv_length(call->operands);
    return TRUE;
}

static gboolean
parse_call(SinterCommandCall *call, const char *const *arguments, GError **error)
{
    g_auto(GStrv) words = fill_in_defaults(call->set, arguments);
    g_auto(GStrv) rest = NULL;
    g_auto(GStrv) more = take_behind_dashes(words);
    CommonOptions common = { 0 };

    if (!parse_options(call, TRUE, &words, &common, error))
        return FALSE;
    if (words[0] && words[1]) {
        rest = g_strdupv(words + 1);
        if (strcmp(rest[0], "help") == 0)
            return parse_help(call, rest + 1, error);
        if (!parse_command(call, &rest, more, &common, error))
            return FALSE;
    }
    if (common.help || common.version) {
        call->action = common.help ? SINTER_COMMAND_HELP : SINTER_COMMAND_VERSION;
        return TRUE;
    }
    if (call->command)
        return check_operands(call, error);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "which command? '%s --help' lists them", call->set->program);
    return FALSE;
}

SinterCommandCall *
sinter_command_parse(const SinterCommandSet *set, const char *const *arguments, GError **error)
{
    g_autoptr(SinterCommandCall) call = g_new0(SinterCommandCall, 1);

    call->set = set;
    call->globals = g_malloc0(MAX(set->options_size, 1));
    if (!parse_call(call, arguments, error))
        return NULL;
    return g_steal_pointer(&call);
}

/* --- running ---------------------------------------------------------------------------------- */

static int
act(const SinterCommandCall *call, GError **error)
{
    g_autofree char *text = NULL;

    switch (call->action) {
    case SINTER_COMMAND_RUN:
        return call->command->run(call, error);
    case SINTER_COMMAND_HELP:
        text = sinter_command_format_help(call->set, call->command);
        break;
    case SINTER_COMMAND_VERSION:
        text = g_strdup_printf("%s %s\n", call->set->program, SINTER_VERSION);
        break;
    }
    g_print("%s", text);
    return SINTER_EXIT_DONE;
}

/*
 * What failed may have failed some calls ago, and of its cause errno says nothing any longer: one
 * more byte tells, and harms nothing that is whole.
 */
static int
flush_output(const SinterCommandSet *set, int status)
{
    gboolean failed = ferror(stdout) != 0;

    if (fflush(stdout) == 0 && !failed)
        return status;
    if (failed) {
        clearerr(stdout);
        errno = EIO;
        if (putchar('\n') != EOF)
            fflush(stdout);
    }
    g_printerr("%s: standard output could not be written: %s\n", set->program, g_strerror(errno));
    return status == SINTER_EXIT_DONE ? SINTER_EXIT_FAILED : status;
}

int
sinter_command_main(const SinterCommandSet *set, int argc, char **argv)
{
    g_autoptr(SinterCommandCall) call = NULL;
    g_autoptr(GError) error = NULL;
    int status = SINTER_EXIT_FAILED;

    call = sinter_command_parse(set, (const char *const *)argv, &error);
    if (call)
        status = act(call, &error);
    if (error) {
        g_autofree char *valid = g_utf8_make_valid(error->message, -1);
        g_autofree char *text = sinter_text_printable(valid);

        g_printerr("%s: %s\n", set->program, text);
        if (call)
            status = set->exit_status(error);
    }
    return flush_output(set, status);
}
