/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Parses options of a command line. Invariant: each word is parsed once, from left to right, and a
 * value is stored in the member of its row before the next word is parsed. Nothing is printed here.
 */

#include "sinter-option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const SinterOptionSyntax *syntax;
    const char *const *words;
    gsize at;         /* index of the current word, or of its value once that is consumed */
    const char *word; /* the current word */
    GPtrArray *operands;
    SinterOptionFault *fault;
    gboolean final; /* an option that ends the parsing was found */
} Parser;

/* An option found on the command line. */
typedef struct {
    const SinterOption *option;
    const SinterOptionTable *table;
    gboolean by_letter;
} Match;

static gboolean
parser_fail(Parser *self, SinterOptionFaultKind kind, const Match *match, const char *value)
{
    *self->fault = (SinterOptionFault){
        .kind = kind,
        .option = match->option,
        .by_letter = match->by_letter,
        .word = self->word,
        .value = value,
        .getopt_word = self->word,
    };
    return FALSE;
}

/* --- finding ---------------------------------------------------------------------------------- */

static gboolean
row_has_name(const SinterOption *row, const char *name, gsize length, gboolean shortened)
{
    return row->name && strncmp(row->name, name, length) == 0 &&
           (shortened || row->name[length] == '\0');
}

/* Returns: the number of matching rows; the first one is stored in @match. */
static guint
find_name(const SinterOptionSyntax *syntax, const char *name, gsize length, gboolean shortened,
          Match *match)
{
    guint n = 0;

    for (gsize i = 0; i < syntax->n_tables; i++) {
        const SinterOptionTable *table = &syntax->tables[i];

        for (gsize j = 0; j < table->n_rows; j++) {
            if (!row_has_name(&table->rows[j], name, length, shortened))
                continue;
            if (n++ == 0)
                *match = (Match){ &table->rows[j], table, FALSE };
        }
    }
    return n;
}

static gboolean
find_letter(const SinterOptionSyntax *syntax, char letter, Match *match)
{
    for (gsize i = 0; i < syntax->n_tables; i++) {
        const SinterOptionTable *table = &syntax->tables[i];

        for (gsize j = 0; j < table->n_rows; j++) {
            if (table->rows[j].letter != letter)
                continue;
            *match = (Match){ &table->rows[j], table, TRUE };
            return TRUE;
        }
    }
    return FALSE;
}

/* --- values ----------------------------------------------------------------------------------- */

static void
list_add(char ***list, const char *value)
{
    guint n = *list ? g_strv_length(*list) : 0;

    *list = g_renew(char *, *list, n + 2);
    (*list)[n] = g_strdup(value);
    (*list)[n + 1] = NULL;
}

static gboolean
take_int(Parser *self, const Match *match, const char *value, int *ret)
{
    char *end;
    long number;

    errno = 0;
    number = strtol(value, &end, 0);
    if (*value == '\0' || *end != '\0')
        return parser_fail(self, SINTER_OPTION_NO_NUMBER, match, value);
    if (errno == ERANGE || number < G_MININT || number > G_MAXINT)
        return parser_fail(self, SINTER_OPTION_OUT_OF_RANGE, match, value);
    *ret = (int)number;
    return TRUE;
}

static gboolean
take(Parser *self, const Match *match, const char *value)
{
    const SinterOption *option = match->option;
    gpointer member = G_STRUCT_MEMBER_P(match->table->values, option->offset);

    if (option->take)
        return option->take(option, match->table->values, value) ||
               parser_fail(self, SINTER_OPTION_REFUSED, match, value);
    switch (option->kind) {
    case SINTER_OPTION_PLAIN:
        if (option->value)
            *(const char **)member = value;
        else
            *(gboolean *)member = TRUE;
        return TRUE;
    case SINTER_OPTION_INT:
        return take_int(self, match, value, member);
    case SINTER_OPTION_LIST:
        list_add(member, value);
        return TRUE;
    case SINTER_OPTION_FINAL:
        *(gboolean *)member = TRUE;
        self->final = TRUE;
        return TRUE;
    }
    g_assert_not_reached();
}

/* @joined: (nullable): the value in the same word */
static gboolean
take_value(Parser *self, const Match *match, const char *joined)
{
    const char *value = joined ? joined : match->option->otherwise;

    if (!value)
        value = self->words[self->at + 1];
    if (!value)
        return parser_fail(self, SINTER_OPTION_NO_VALUE, match, NULL);
    if (!joined && !match->option->otherwise)
        self->at++;
    return take(self, match, value);
}

/* --- words ------------------------------------------------------------------------------------ */

/* "--name", "--name=value" */
static gboolean
parse_name(Parser *self)
{
    const char *name = self->word + 2;
    gsize length = strcspn(name, "=");
    const char *joined = name[length] == '=' ? name + length + 1 : NULL;
    Match match = { NULL };

    if (find_name(self->syntax, name, length, FALSE, &match) == 0 &&
        (!self->syntax->abbreviations || find_name(self->syntax, name, length, TRUE, &match) != 1))
        return parser_fail(self, SINTER_OPTION_UNKNOWN, &(Match){ NULL }, NULL);
    if (match.option->value)
        return take_value(self, &match, joined);
    if (joined)
        return parser_fail(self, SINTER_OPTION_UNWANTED_VALUE, &match, joined);
    return take(self, &match, NULL);
}

/* For an unknown letter that is followed by more letters in its word: see SinterOptionFault. */
static const char *
word_before(const Parser *self)
{
    if (self->operands->len > 0)
        return g_ptr_array_index(self->operands, self->operands->len - 1);
    return self->words[self->at - 1];
}

/* "-a", "-abc", "-abVALUE" */
static gboolean
parse_letters(Parser *self)
{
    for (const char *at = self->word + 1; *at != '\0' && !self->final; at++) {
        Match match = { .by_letter = TRUE };

        if (!find_letter(self->syntax, *at, &match)) {
            parser_fail(self, SINTER_OPTION_UNKNOWN, &match, NULL);
            if (at[1] != '\0')
                self->fault->getopt_word = word_before(self);
            return FALSE;
        }
        if (match.option->value)
            return take_value(self, &match, at[1] != '\0' ? at + 1 : NULL);
        if (!take(self, &match, NULL))
            return FALSE;
    }
    return TRUE;
}

static void
add_operands(Parser *self, const char *const *words)
{
    for (; *words; words++)
        g_ptr_array_add(self->operands, (gpointer)*words);
}

/* Parses one word. @ret_done: all remaining words are operands and were added. */
static gboolean
parse_word(Parser *self, gboolean *ret_done)
{
    const char *word = self->words[self->at];

    self->word = word;
    if (strcmp(word, "--") == 0) {
        add_operands(self, self->words + self->at + 1);
        *ret_done = TRUE;
        return TRUE;
    }
    if (g_str_has_prefix(word, "--"))
        return parse_name(self);
    if (*word == '-' && word[1] != '\0')
        return parse_letters(self);
    *ret_done = self->syntax->stop_at_operand;
    if (*ret_done)
        add_operands(self, self->words + self->at);
    else
        g_ptr_array_add(self->operands, (gpointer)word);
    return TRUE;
}

gboolean
sinter_option_parse(const SinterOptionSyntax *self, const char *const *words, GPtrArray *operands,
                    SinterOptionFault *ret_fault)
{
    Parser parser = {
        .syntax = self,
        .words = words,
        .operands = operands,
        .fault = ret_fault,
    };
    gboolean done = FALSE;

    /* the first word is the name of the program or command */
    for (parser.at = 1; words[parser.at] && !done && !parser.final; parser.at++) {
        if (!parse_word(&parser, &done))
            return FALSE;
    }
    return TRUE;
}

void
sinter_option_table_clear(const SinterOptionTable *self)
{
    for (gsize i = 0; self->values && i < self->n_rows; i++) {
        if (self->rows[i].kind == SINTER_OPTION_LIST)
            g_strfreev(G_STRUCT_MEMBER(char **, self->values, self->rows[i].offset));
    }
}
