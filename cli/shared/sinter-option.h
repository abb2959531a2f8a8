/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Options of a command line, defined by tables. Options and operands may be mixed, "--" ends the
 * options, and letters may be joined: "-xf NAME", "-xfNAME".
 */

typedef struct _SinterOption SinterOption;

/*
 * Called with @value (%NULL if the option takes none) in the order of the command line. %FALSE ends
 * the parsing; the function must have printed a message.
 */
typedef gboolean (*SinterOptionFunc)(const SinterOption *option, gpointer values,
                                     const char *value);

typedef enum {
    SINTER_OPTION_PLAIN, /* a const char *, or TRUE for an option without a value */
    SINTER_OPTION_INT,   /* an int, decimal, octal or hexadecimal */
    SINTER_OPTION_LIST,  /* a char ** of all values given, terminated by %NULL */
    SINTER_OPTION_FINAL, /* TRUE; nothing after it is parsed */
} SinterOptionKind;

struct _SinterOption {
    const char *name;      /* long name; %NULL: none */
    char letter;           /* short name; 0: none */
    const char *value;     /* the name of the value in the help; %NULL: takes no value */
    const char *help;      /* %NULL: the help does not list the option */
    gsize offset;          /* of the member to fill; its type depends on @kind */
    SinterOptionFunc take; /* (nullable): called instead of filling the member */
    int action;            /* for @take: distinguishes options that share it */
    gconstpointer data;    /* (nullable): for @take */
    SinterOptionKind kind;
    const char *otherwise; /* (nullable): default of an optional value, given as "=VALUE" */
};

/* For @offset. */
#define SINTER_OPTION_MEMBER(type, member) G_STRUCT_OFFSET(type, member)

/* Rows, and the struct that they fill, which points into the words of the command line. */
typedef struct {
    const SinterOption *rows;
    gsize n_rows;
    gpointer values;
} SinterOptionTable;

/* Frees the lists. */
void sinter_option_table_clear(const SinterOptionTable *self);

#define SINTER_OPTION_MAX_TABLES 3

typedef struct {
    SinterOptionTable tables[SINTER_OPTION_MAX_TABLES]; /* the first match is used */
    gsize n_tables;
    gboolean abbreviations;   /* a long name may be shortened to an unambiguous prefix */
    gboolean stop_at_operand; /* all words after an operand are operands, also "--" */
} SinterOptionSyntax;

/* The kinds of errors in a command line. */
typedef enum {
    SINTER_OPTION_UNKNOWN,        /* also an ambiguous shortened name */
    SINTER_OPTION_NO_VALUE,       /* a value is required */
    SINTER_OPTION_UNWANTED_VALUE, /* the option takes no value */
    SINTER_OPTION_NO_NUMBER,
    SINTER_OPTION_OUT_OF_RANGE,
    SINTER_OPTION_REFUSED, /* its function has printed a message */
} SinterOptionFaultKind;

typedef struct {
    SinterOptionFaultKind kind;
    const SinterOption *option; /* %NULL: unknown */
    gboolean by_letter;
    const char *word;  /* that contains the option */
    const char *value; /* (nullable): its value */
    /* the word that a caller of getopt_long() would name: @word, or, if more letters follow in it,
     * the word before it when operands are sorted to the end */
    const char *getopt_word;
} SinterOptionFault;

/**
 * sinter_option_parse:
 * @words: the name of the program or command, then what follows it; terminated by %NULL. They must
 *   outlive the values
 * @operands: operands are added
 *
 * Returns: %FALSE with @ret_fault
 */
gboolean sinter_option_parse(const SinterOptionSyntax *self, const char *const *words,
                             GPtrArray *operands, SinterOptionFault *ret_fault);

G_END_DECLS
