/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * A program with subcommands behind a table: `PROGRAM [OPTION…] COMMAND [OPTION…] [OPERAND…]`.
 * Options of the program may stand before and after the command; those of the command stand after
 * it; operands and options mix. -h/--help, --version and `help [COMMAND]` come with it.
 */

/* Exit statuses of all commands. */
enum {
    SINTER_EXIT_DONE = 0,
    SINTER_EXIT_FAILED = 1,    /* failed, or wrong usage */
    SINTER_EXIT_REFUSED = 4,   /* a safety rule said no */
    SINTER_EXIT_CANCELLED = 5, /* cancelled, or a deadline passed */
};

typedef struct _SinterCommandCall SinterCommandCall;

/**
 * SinterCommandRun:
 *
 * Does what the command is for. With @error set the exit status follows from it, and the error is
 * printed as one line; else it is what is returned.
 */
typedef int (*SinterCommandRun)(const SinterCommandCall *call, GError **error);

/* In a GOptionEntry's arg_data: the value goes to @member of a @type that is made for the call.
 * Strings are to be G_OPTION_ARG_FILENAME, which is not converted. No callbacks. */
#define SINTER_COMMAND_MEMBER(type, member) ((gpointer)G_STRUCT_OFFSET(type, member))

typedef struct {
    const char *name;
    const char *summary;     /* one line, without a dot */
    const char *operands;    /* "DOMAIN [DISK]", or "" */
    const char *description; /* (nullable): more for its help */
    guint min_operands;
    guint max_operands;          /* G_MAXUINT for any number */
    const GOptionEntry *entries; /* (nullable): with SINTER_COMMAND_MEMBER() */
    gsize options_size;          /* of the struct that they fill, starting with zeros */
    SinterCommandRun run;
} SinterCommand;

/* An option whose value may be left out, and what it then is: "--json" is "--json=pretty". */
typedef struct {
    const char *name;
    const char *value;
} SinterCommandDefault;

typedef struct {
    const char *program;
    const char *summary;         /* what it is, for its help */
    const GOptionEntry *entries; /* options of every command; SINTER_COMMAND_MEMBER() */
    gsize options_size;
    const SinterCommandDefault *defaults; /* (nullable): ended by a %NULL name */
    const SinterCommand *const *commands;
    guint n_commands;
    int (*exit_status)(const GError *error); /* the exit status for a failed command */
} SinterCommandSet;

typedef enum {
    SINTER_COMMAND_RUN,
    SINTER_COMMAND_HELP, /* of @command, or of the program when that is %NULL */
    SINTER_COMMAND_VERSION,
} SinterCommandAction;

struct _SinterCommandCall {
    SinterCommandAction action;
    const SinterCommandSet *set;
    const SinterCommand *command;
    gpointer globals; /* a struct of set->options_size bytes */
    gpointer options; /* a struct of command->options_size bytes, %NULL without */
    char **operands;  /* ended by %NULL */
    guint n_operands;
};

void sinter_command_call_free(SinterCommandCall *call);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterCommandCall, sinter_command_call_free)

/**
 * sinter_command_parse:
 * @arguments: the command line, the program's name first
 *
 * Returns: (transfer full) (nullable): what is asked for; or an INVALID_ARGUMENT error of one line
 * that says what is wrong and where to read on.
 */
SinterCommandCall *sinter_command_parse(const SinterCommandSet *set, const char *const *arguments,
                                        GError **error);

/* (transfer full): the help text of @command, or of the program when that is %NULL */
char *sinter_command_format_help(const SinterCommandSet *set, const SinterCommand *command);

/**
 * sinter_command_main:
 *
 * Parses, runs, prints the error if there is one, and makes sure that what went to standard output
 * has arrived there.
 *
 * Returns: the exit status
 */
int sinter_command_main(const SinterCommandSet *set, int argc, char **argv);

G_END_DECLS
