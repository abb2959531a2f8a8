/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-command.h"

G_BEGIN_DECLS

/**
 * SinterAction:
 * @word: the first operand of a command that has several actions
 * @min_operands, @max_operands: with the word itself
 * @expects: what follows the word, as the object of a sentence
 */
typedef struct {
    const char *word;
    guint min_operands;
    guint max_operands;
    const char *expects;
} SinterAction;

/* Returns the index in @actions of the one that the operands of @call name, or -1 with
 * INVALID_ARGUMENT: the word is unknown, or too much or too little follows it. */
int sinter_action_find(const SinterAction *actions, gsize n_actions, const SinterCommandCall *call,
                       GError **error);

G_END_DECLS
