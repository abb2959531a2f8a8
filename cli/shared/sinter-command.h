/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sinter-option.h"

G_BEGIN_DECLS

/*
 * A program with subcommands from a table: `PROGRAM [OPTION…] COMMAND [OPTION…] [OPERAND…]`.
 * Options of a command follow its name; operands and options may be mixed. The texts of the
 * program, such as help and usage errors, are its wording, a separate table.
 */

/* Exit statuses of all commands. */
enum {
    SINTER_EXIT_DONE = 0,
    SINTER_EXIT_FAILED = 1,    /* failure or usage error */
    SINTER_EXIT_CORRUPT = 2,   /* a check found corruption */
    SINTER_EXIT_LEAKS = 3,     /* a check found leaks only */
    SINTER_EXIT_REFUSED = 4,   /* refused by a safety rule */
    SINTER_EXIT_CANCELLED = 5, /* cancelled, or a deadline passed */
    SINTER_EXIT_UNCHECKED = 6, /* a check could not read everything, and found no corruption */
    SINTER_EXIT_DENIED = 7,    /* QEMU may not write to an image */
    SINTER_EXIT_FOUND = 8,     /* an examination of the host found a problem */
};

typedef struct _SinterCommandCall SinterCommandCall;

/**
 * SinterCommandRun:
 *
 * Runs the command.
 *
 * Returns: the exit status. If @error is set, the error is printed, and the wording of the program
 * may choose another exit status.
 */
typedef int (*SinterCommandRun)(const SinterCommandCall *call, GError **error);

typedef struct {
    const char *name;
    const char *summary;     /* one line, without a dot */
    const char *operands;    /* "DOMAIN [DISK]", or "" */
    const char *description; /* (nullable): further text for its help */
    guint min_operands;
    guint max_operands;          /* G_MAXUINT for any number */
    const char *expecting;       /* (nullable): the text that some wordings use if the number of
                                  * operands is wrong */
    const SinterOption *options; /* (nullable) */
    gsize n_options;
    gsize options_size;              /* size of the struct that they fill */
    gconstpointer defaults;          /* (nullable): initial value of the struct; %NULL: zeros */
    void (*clear)(gpointer options); /* (nullable): frees what option functions allocated */
    gboolean last_is_operand;        /* the last word is never parsed as an option */
    SinterCommandRun run;
} SinterCommand;

typedef struct _SinterCommandWording SinterCommandWording;

typedef struct {
    const char *program;
    const char *summary;           /* for its help */
    char *(*format_details)(void); /* (nullable): (transfer full): the last part of its help */
    const SinterOption *options;   /* of the program; they may precede the command */
    gsize n_options;
    gsize options_size;
    const SinterCommand *const *commands;
    gsize n_commands;
    const SinterCommandWording *wording;
    int (*exit_status)(const GError *error); /* (nullable): for a command that failed */
} SinterCommandSet;

typedef enum {
    SINTER_COMMAND_RUN,
    SINTER_COMMAND_HELP, /* of @command, or of the program if @command is %NULL */
    SINTER_COMMAND_VERSION,
} SinterCommandAction;

struct _SinterCommandCall {
    char **words; /* the command line; options and operands point into it */
    SinterCommandAction action;
    const SinterCommandSet *set;
    const SinterCommand *command;
    gpointer globals; /* a struct of set->options_size bytes */
    gpointer options; /* a struct of command->options_size bytes, %NULL if 0 */
    char **operands;  /* terminated by %NULL */
    guint n_operands;
};

/* The values of the options that a wording defines for every command. */
typedef struct {
    gboolean help;
    gboolean version;
} SinterCommandAsked;

/*
 * The wording of a program with commands. Functions that return text return it (transfer full): one
 * line, without the name of the program and without a line end, except for help texts.
 */
struct _SinterCommandWording {
    const SinterOption *common; /* of a SinterCommandAsked */
    gsize n_common;
    gsize n_common_behind; /* this many of them may also follow the command */
    gboolean program_behind;
    gboolean help_command;   /* `help [COMMAND]` is the same as --help */
    gboolean abbreviations;  /* of long options */
    const char *output_lost; /* the text before the reason */
    char *(*format_help)(const SinterCommandSet *set, const SinterCommand *command);
    char *(*format_version)(const SinterCommandSet *set);
    char *(*no_command)(const SinterCommandSet *set);
    char *(*unknown_command)(const SinterCommandSet *set, const char *name);
    char *(*wrong_option)(const SinterCommandCall *call, const SinterOptionFault *fault);
    char *(*wrong_operands)(const SinterCommandCall *call);
    /* @usage: the command line is wrong; otherwise a command has failed */
    void (*print_error)(const SinterCommandSet *set, const GError *error, gboolean usage);
};

void sinter_command_call_free(SinterCommandCall *call);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterCommandCall, sinter_command_call_free)

/**
 * sinter_command_parse:
 * @arguments: the command line, starting with the name of the program
 *
 * Returns: (transfer full) (nullable): the parsed call. %NULL with an INVALID_ARGUMENT error in the
 * program's wording, or without an error if an option function has already printed a message.
 */
SinterCommandCall *sinter_command_parse(const SinterCommandSet *set, const char *const *arguments,
                                        GError **error);

/*
 * Returns: (transfer none) (nullable): the name of the option, among those that could follow, that
 * an unknown one most likely means; NULL if no name is close, or a letter was given.
 */
const char *sinter_command_nearest_option(const SinterCommandCall *call,
                                          const SinterOptionFault *fault);

/**
 * sinter_command_main:
 *
 * Parses the command line, runs the command, prints its error if there is one, and verifies that
 * all standard output was written.
 *
 * Returns: the exit status
 */
int sinter_command_main(const SinterCommandSet *set, int argc, char **argv);

G_END_DECLS
