/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds the action of a command that has several. Invariant: an error lists what is possible. */

#include "sinter-action.h"

#include <string.h>

#include "sinter-error.h"

static void
set_unknown(const SinterAction *actions, gsize n_actions, const char *word, GError **error)
{
    g_autoptr(GString) words = g_string_new(NULL);

    for (gsize i = 0; i < n_actions; i++)
        g_string_append_printf(words, "%s'%s'",
                               i == 0               ? ""
                               : i == n_actions - 1 ? " or "
                                                    : ", ",
                               actions[i].word);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "unknown action '%s'; expected %s", word, words->str);
}

int
sinter_action_find(const SinterAction *actions, gsize n_actions, const SinterCommandCall *call,
                   GError **error)
{
    for (gsize i = 0; i < n_actions; i++) {
        if (strcmp(actions[i].word, call->operands[0]) != 0)
            continue;
        if (call->n_operands >= actions[i].min_operands &&
            call->n_operands <= actions[i].max_operands)
            return (int)i;
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT, "'%s' expects %s",
                    actions[i].word, actions[i].expects);
        return -1;
    }
    set_unknown(actions, n_actions, call->operands[0], error);
    return -1;
}
