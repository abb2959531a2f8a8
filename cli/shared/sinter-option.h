/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Options of a command line, from tables. Options and operands mix, "--" ends the options, and
 * letters may be joined: "-xf NAME", "-xfNAME".
 */

typedef struct _SinterOption SinterOption;

/*
 * Takes @value, %NULL where the option takes none, in the order of the command line. %FALSE ends
 * the parsing; the function has then said why.
 */
typedef gboolean (*SinterOptionFunc)(const SinterOption *option, gpointer values,
                                     const char *value);

typedef enum {
    SINTER_OPTION_PLAIN, /* a const char *, or TRUE for an option without a value */
    SINTER_OPTION_INT,   /* an int, decimal, octal or hexadecimal */
    SINTER_OPTION_LIST,  /* a char ** of all values given, ended by %NULL */
    SINTER_OPTION_FINAL, /* TRUE; nothing behind it is looked at */
} SinterOptionKind;

struct _SinterOption {
    const char *name;      /* long; %NULL: it has none */
    char letter;           /* short; 0: it has none */
    const char *value;     /* what the value is called in the help; %NULL: it takes none */
    const char *help;      /* %NULL: the help does not list the option */
    gsize offset;          /* of the member of the values, of the type that @kind says */
    SinterOptionFunc take; /* (nullable): called in place of filling the member */
    int action;            /* for @take: which of several options that share it */
    gconstpointer data;    /* (nullable): for @take */
    SinterOptionKind kind;
    const char *otherwise; /* (nullable): the value where none is given; one that is given stands
                            * behind '=' */
};

/* For @offset. */
#define SINTER_OPTION_MEMBER(type, member) G_STRUCT_OFFSET(type, member)

/* Rows, and the struct that they fill. It refers to the words of the command line. */
typedef struct {
    const SinterOption *rows;
    gsize n_rows;
    gpointer values;
} SinterOptionTable;

/* Frees what lists hold. */
void sinter_option_table_clear(const SinterOptionTable *self);

#define SINTER_OPTION_MAX_TABLES 3

typedef struct {
    SinterOptionTable tables[SINTER_OPTION_MAX_TABLES]; /* the first that has an option counts */
    gsize n_tables;
    gboolean abbreviations;   /* a long name may be shortened to what only one begins with */
    gboolean stop_at_operand; /* all from the first operand on are operands, "--" among them */
} SinterOptionSyntax;

/* What is wrong with a command line. */
typedef enum {
    SINTER_OPTION_UNKNOWN,        /* also a shortened name that several begin with */
    SINTER_OPTION_NO_VALUE,       /* it takes one */
    SINTER_OPTION_UNWANTED_VALUE, /* it takes none */
    SINTER_OPTION_NO_NUMBER,
    SINTER_OPTION_OUT_OF_RANGE,
    SINTER_OPTION_REFUSED, /* its function said why */
} SinterOptionFaultKind;

typedef struct {
    SinterOptionFaultKind kind;
    const SinterOption *option; /* %NULL: unknown */
    gboolean by_letter;
    const char *word;  /* that has the option */
    const char *value; /* (nullable): its value */
    /* the word that getopt_long() leaves its caller to name: @word, or, where letters follow in
     * it, the one that stands before it when operands are sorted to the end */
    const char *getopt_word;
} SinterOptionFault;

/**
 * sinter_option_parse:
 * @words: the name of the program or command, then what follows it; ended by %NULL. They must
 *   outlive the values
 * @operands: operands are added
 *
 * Returns: %FALSE with @ret_fault
 */
gboolean sinter_option_parse(const SinterOptionSyntax *self, const char *const *words,
                             GPtrArray *operands, SinterOptionFault *ret_fault);

G_END_DECLS
