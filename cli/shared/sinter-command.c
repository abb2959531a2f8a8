/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Maps a command line to a row of the command table. Parsing has two steps: first up to the command
 * name with the options of the program, then the rest with the options of the command. Option
 * values are stored in structs that belong to the call, so nothing is global.
 */

#include "sinter-command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sinter-error.h"
#include "sinter-nearest.h"

/* A call during parsing. */
typedef struct {
    SinterCommandCall *call;
    SinterCommandAsked asked;
    GPtrArray *rest; /* words that the last step did not use */
} Parsing;

static void
set_usage_error(GError **error, char *text)
{
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT, text);
    g_free(text);
}

/* --- calls ------------------------------------------------------------------------------------ */

static SinterOptionTable
program_table(const SinterCommandCall *call)
{
    return (SinterOptionTable){ call->set->options, call->set->n_options, call->globals };
}

static SinterOptionTable
command_table(const SinterCommandCall *call)
{
    return (SinterOptionTable){ call->command->options, call->command->n_options, call->options };
}

static void
clear_command(SinterCommandCall *call)
{
    SinterOptionTable table = command_table(call);

    sinter_option_table_clear(&table);
    if (call->command->clear && call->options)
        call->command->clear(call->options);
    g_free(call->options);
}

void
sinter_command_call_free(SinterCommandCall *call)
{
    SinterOptionTable table;

    if (!call)
        return;
    table = program_table(call);
    sinter_option_table_clear(&table);
    g_free(call->globals);
    if (call->command)
        clear_command(call);
    g_free(call->operands);
    g_strfreev(call->words);
    g_free(call);
}

/* --- parsing ---------------------------------------------------------------------------------- */

/* Parses @words (the name and what follows it) according to @syntax; operands are added to
 * @self->rest. */
static gboolean
parse_options(Parsing *self, const SinterOptionSyntax *syntax, const char *const *words,
              GError **error)
{
    SinterOptionFault fault;

    g_ptr_array_set_size(self->rest, 0);
    if (sinter_option_parse(syntax, words, self->rest, &fault))
        return TRUE;
    if (fault.kind != SINTER_OPTION_REFUSED)
        set_usage_error(error, self->call->set->wording->wrong_option(self->call, &fault));
    return FALSE;
}

static gboolean
parse_program(Parsing *self, const char *const *words, GError **error)
{
    const SinterCommandWording *wording = self->call->set->wording;
    SinterOptionSyntax syntax = {
        .tables = { program_table(self->call),
                    { wording->common, wording->n_common, &self->asked } },
        .n_tables = 2,
        .abbreviations = wording->abbreviations,
        .stop_at_operand = TRUE,
    };

    return parse_options(self, &syntax, words, error);
}

static gboolean
parse_behind(Parsing *self, const char *const *words, GError **error)
{
    const SinterCommandWording *wording = self->call->set->wording;
    SinterOptionSyntax syntax = {
        .tables = { command_table(self->call),
                    { wording->common, wording->n_common_behind, &self->asked },
                    program_table(self->call) },
        .n_tables = wording->program_behind ? 3 : 2,
        .abbreviations = wording->abbreviations,
    };

    return parse_options(self, &syntax, words, error);
}

static const SinterCommand *
find_command(const SinterCommandSet *set, const char *name, GError **error)
{
    for (gsize i = 0; i < set->n_commands; i++) {
        if (strcmp(set->commands[i]->name, name) == 0)
            return set->commands[i];
    }
    set_usage_error(error, set->wording->unknown_command(set, name));
    return NULL;
}

/* Transfers the operands to the call. */
static gboolean
take_operands(Parsing *self, GError **error)
{
    SinterCommandCall *call = self->call;

    call->n_operands = self->rest->len;
    g_ptr_array_add(self->rest, NULL);
    call->operands = (char **)g_ptr_array_free(g_steal_pointer(&self->rest), FALSE);
    if (self->asked.help || self->asked.version)
        return TRUE;
    if (call->n_operands >= call->command->min_operands &&
        call->n_operands <= call->command->max_operands)
        return TRUE;
    set_usage_error(error, call->set->wording->wrong_operands(call));
    return FALSE;
}

static gboolean
is_help(const char *word)
{
    return strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0;
}

/* For last_is_operand: parses @words without the last one, which is an operand. */
static gboolean
parse_all_but_last(Parsing *self, const char *const *words, gsize n_words, GError **error)
{
    g_autofree const char **first = g_memdup2(words, (n_words + 1) * sizeof *words);

    if (n_words == 2 && is_help(words[1]))
        return parse_behind(self, words, error);
    if (n_words < 3) {
        set_usage_error(error, self->call->set->wording->no_command(self->call->set));
        return FALSE;
    }
    first[n_words - 1] = NULL;
    if (!parse_behind(self, first, error))
        return FALSE;
    g_ptr_array_add(self->rest, (gpointer)words[n_words - 1]);
    return TRUE;
}

/* @words: the command name and what follows it; terminated by %NULL */
static gboolean
parse_command(Parsing *self, const char *const *words, gsize n_words, GError **error)
{
    SinterCommandCall *call = self->call;
    const SinterCommand *command = find_command(call->set, words[0], error);

    if (!command)
        return FALSE;
    call->command = command;
    call->options = g_malloc0(MAX(command->options_size, 1));
    if (command->defaults)
        memcpy(call->options, command->defaults, command->options_size);
    return (command->last_is_operand ? parse_all_but_last(self, words, n_words, error)
                                     : parse_behind(self, words, error)) &&
           take_operands(self, error);
}

/* `help` and `help COMMAND` */
static gboolean
parse_help(SinterCommandCall *call, const char *name, GError **error)
{
    call->action = SINTER_COMMAND_HELP;
    if (!name)
        return TRUE;
    call->command = find_command(call->set, name, error);
    return call->command != NULL;
}

static gboolean
parse_call(Parsing *self, const char *const *arguments, GError **error)
{
    SinterCommandCall *call = self->call;
    gsize n_words;
    g_autofree const char **words = NULL;

    if (!parse_program(self, arguments, error))
        return FALSE;
    n_words = self->rest->len;
    g_ptr_array_add(self->rest, NULL);
    words = g_memdup2(self->rest->pdata, (n_words + 1) * sizeof *words);
    if (words[0] && call->set->wording->help_command && strcmp(words[0], "help") == 0)
        return parse_help(call, words[1], error);
    if (words[0] && !parse_command(self, words, n_words, error))
        return FALSE;
    if (self->asked.help || self->asked.version)
        call->action = self->asked.help ? SINTER_COMMAND_HELP : SINTER_COMMAND_VERSION;
    else if (!call->command)
        set_usage_error(error, call->set->wording->no_command(call->set));
    return call->command || call->action != SINTER_COMMAND_RUN;
}

SinterCommandCall *
sinter_command_parse(const SinterCommandSet *set, const char *const *arguments, GError **error)
{
    g_autoptr(SinterCommandCall) call = g_new0(SinterCommandCall, 1);
    Parsing parsing = { .call = call, .rest = g_ptr_array_new() };
    gboolean good;

    call->set = set;
    call->words = g_strdupv((char **)arguments);
    call->globals = g_malloc0(MAX(set->options_size, 1));
    good = parse_call(&parsing, (const char *const *)call->words, error);
    g_clear_pointer(&parsing.rest, g_ptr_array_unref);
    return good ? g_steal_pointer(&call) : NULL;
}

/* --- misspelled options ----------------------------------------------------------------------- */

static void
add_names(GPtrArray *names, const SinterOption *rows, gsize n_rows)
{
    for (gsize i = 0; i < n_rows; i++) {
        /* an option that the help does not list is not offered */
        if (rows[i].name && rows[i].help)
            g_ptr_array_add(names, (gpointer)rows[i].name);
    }
}

const char *
sinter_command_nearest_option(const SinterCommandCall *call, const SinterOptionFault *fault)
{
    const SinterCommandSet *set = call->set;
    const SinterCommandWording *wording = set->wording;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *word = NULL;

    if (fault->kind != SINTER_OPTION_UNKNOWN || !g_str_has_prefix(fault->word, "--"))
        return NULL;
    word = g_strndup(fault->word + 2, strcspn(fault->word + 2, "="));
    if (call->command)
        add_names(names, call->command->options, call->command->n_options);
    add_names(names, wording->common, call->command ? wording->n_common_behind : wording->n_common);
    if (!call->command || wording->program_behind)
        add_names(names, set->options, set->n_options);
    g_ptr_array_add(names, NULL);
    return sinter_nearest_find(word, (const char *const *)names->pdata);
}

/* --- running ---------------------------------------------------------------------------------- */

static int
act(const SinterCommandCall *call, GError **error)
{
    const SinterCommandWording *wording = call->set->wording;
    g_autofree char *text = NULL;

    switch (call->action) {
    case SINTER_COMMAND_RUN:
        return call->command->run(call, error);
    case SINTER_COMMAND_HELP:
        text = wording->format_help(call->set, call->command);
        break;
    case SINTER_COMMAND_VERSION:
        text = wording->format_version(call->set);
        break;
    }
    g_print("%s", text);
    return SINTER_EXIT_DONE;
}

/*
 * Returns @status, or a failure if output was lost. A write may have failed some calls ago, so that
 * errno is no longer valid: one more byte is written to get the cause; it does no harm if all
 * output was written.
 */
static int
flush_output(const SinterCommandSet *set, int status)
{
    gboolean failed = ferror(stdout) != 0;
    g_autoptr(GError) error = NULL;

    if (fflush(stdout) == 0 && !failed)
        return status;
    if (failed) {
        clearerr(stdout);
        errno = EIO;
        if (putchar('\n') != EOF)
            fflush(stdout);
    }
    g_set_error(&error, SINTER_ERROR, SINTER_ERROR_FAILED, "%s: %s", set->wording->output_lost,
                g_strerror(errno));
    set->wording->print_error(set, error, FALSE);
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
    if (error)
        set->wording->print_error(set, error, call == NULL);
    if (error && call && set->exit_status)
        status = set->exit_status(error);
    return flush_output(set, status);
}
