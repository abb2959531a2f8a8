/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sinter-option.h"

G_BEGIN_DECLS

/*
 * A program with subcommands behind a table: `PROGRAM [OPTION…] COMMAND [OPTION…] [OPERAND…]`.
 * Options of a command stand behind its name; operands and options mix. What the program says of
 * itself and of a wrong command line is its wording, another table.
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
 * Does what the command is for.
 *
 * Returns: the exit status. With @error set the error is printed, and the program's wording may
 * choose the exit status instead.
 */
typedef int (*SinterCommandRun)(const SinterCommandCall *call, GError **error);

typedef struct {
    const char *name;
    const char *summary;     /* one line, without a dot */
    const char *operands;    /* "DOMAIN [DISK]", or "" */
    const char *description; /* (nullable): more for its help */
    guint min_operands;
    guint max_operands;          /* G_MAXUINT for any number */
    const char *expecting;       /* (nullable): said, by some wordings, of another number */
    const SinterOption *options; /* (nullable) */
    gsize n_options;
    gsize options_size;              /* of the struct that they fill */
    gconstpointer defaults;          /* (nullable): what it begins with; %NULL: zeros */
    void (*clear)(gpointer options); /* (nullable): frees what functions of options allocated */
    gboolean last_is_operand;        /* the last word is no option, whatever it begins with */
    SinterCommandRun run;
} SinterCommand;

typedef struct _SinterCommandWording SinterCommandWording;

typedef struct {
    const char *program;
    const char *summary;           /* what it is, for its help */
    char *(*format_details)(void); /* (nullable): (transfer full): ends its help */
    const SinterOption *options;   /* of the program; they may stand before the command */
    gsize n_options;
    gsize options_size;
    const SinterCommand *const *commands;
    gsize n_commands;
    const SinterCommandWording *wording;
    int (*exit_status)(const GError *error); /* (nullable): for a command that failed */
} SinterCommandSet;

typedef enum {
    SINTER_COMMAND_RUN,
    SINTER_COMMAND_HELP, /* of @command, or of the program when that is %NULL */
    SINTER_COMMAND_VERSION,
} SinterCommandAction;

struct _SinterCommandCall {
    char **words; /* the command line, which options and operands refer to */
    SinterCommandAction action;
    const SinterCommandSet *set;
    const SinterCommand *command;
    gpointer globals; /* a struct of set->options_size bytes */
    gpointer options; /* a struct of command->options_size bytes, %NULL without */
    char **operands;  /* ended by %NULL */
    guint n_operands;
};

/* What the options fill that a wording has for every command. */
typedef struct {
    gboolean help;
    gboolean version;
} SinterCommandAsked;

/*
 * How a program with commands speaks. Functions that return text return it (transfer full): one
 * line, without the program's name and without a line end, but for helps.
 */
struct _SinterCommandWording {
    const SinterOption *common; /* of a SinterCommandAsked */
    gsize n_common;
    gsize n_common_behind; /* so many of them, and the program's own, also behind the command */
    gboolean program_behind;
    gboolean help_command;   /* `help [COMMAND]` stands for --help */
    gboolean abbreviations;  /* of long options */
    const char *output_lost; /* what is said before the reason */
    char *(*format_help)(const SinterCommandSet *set, const SinterCommand *command);
    char *(*format_version)(const SinterCommandSet *set);
    char *(*no_command)(const SinterCommandSet *set);
    char *(*unknown_command)(const SinterCommandSet *set, const char *name);
    char *(*wrong_option)(const SinterCommandCall *call, const SinterOptionFault *fault);
    char *(*wrong_operands)(const SinterCommandCall *call);
    /* @usage: the command line is wrong; else a command has failed */
    void (*print_error)(const SinterCommandSet *set, const GError *error, gboolean usage);
};

void sinter_command_call_free(SinterCommandCall *call);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterCommandCall, sinter_command_call_free)

/**
 * sinter_command_parse:
 * @arguments: the command line, the program's name first
 *
 * Returns: (transfer full) (nullable): what is asked for; or an INVALID_ARGUMENT error in the
 * program's wording; or neither where an option's function has said what is wrong.
 */
SinterCommandCall *sinter_command_parse(const SinterCommandSet *set, const char *const *arguments,
                                        GError **error);

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
