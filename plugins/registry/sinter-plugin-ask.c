/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Calls the operations of policies and remedies, and checks their answers against the closed list
 * of steps. Invariant: every step that is returned has a known kind, valid numbers and a reason.
 */

#include "sinter-plugin-ask.h"
#include "sinter-error.h"

#define MAX_DELAY_SEC (24 * 60 * 60)

/* The kinds of steps, and which of them only remedies may propose. */
static const struct {
    const char *name;
    gboolean remedies_only;
} kinds[] = {
    [SINTER_PROPOSE_CONSOLIDATE] = { "consolidate", FALSE },
    [SINTER_PROPOSE_EXTEND] = { "extend", TRUE },
    [SINTER_PROPOSE_RESUME] = { "resume", TRUE },
    [SINTER_PROPOSE_REPORT] = { "report", FALSE },
    [SINTER_PROPOSE_WAIT_SPACE] = { "wait-space", TRUE },
    [SINTER_PROPOSE_WAIT_STORAGE] = { "wait-storage", TRUE },
    [SINTER_PROPOSE_STOP] = { "stop", TRUE },
    [SINTER_PROPOSE_REPAIR] = { "repair", TRUE },
    [SINTER_PROPOSE_START] = { "start", TRUE },
};

/* An answer that is being collected. */
typedef struct {
    GPtrArray *steps;
    gboolean is_remedy;
    const char *wrong; /* the first rule that was violated, or NULL */
} Answer;

static void
proposal_free(gpointer data)
{
    SinterProposal *self = data;

    g_free((char *)self->reason);
    g_free(self);
}

static gboolean
kind_is_known(SinterProposalKind kind)
{
    return (guint)kind < G_N_ELEMENTS(kinds) && kinds[kind].name;
}

const char *
sinter_proposal_kind_name(SinterProposalKind kind)
{
    return kind_is_known(kind) ? kinds[kind].name : "unknown";
}

static const char *
find_fault(const Answer *self, const SinterProposal *proposal)
{
    if (!kind_is_known(proposal->kind))
        return "a step of an unknown kind";
    if (kinds[proposal->kind].remedies_only && !self->is_remedy)
        return "a step that only remedies may propose";
    if (!proposal->reason || *proposal->reason == '\0')
        return "a step without a reason";
    if (proposal->kind == SINTER_PROPOSE_EXTEND && proposal->bytes == 0)
        return "an extension by 0 bytes";
    if (proposal->kind == SINTER_PROPOSE_WAIT_SPACE && proposal->bytes == 0)
        return "to wait for 0 bytes of space";
    if (proposal->delay_sec > MAX_DELAY_SEC)
        return "a delay of more than a day";
    return NULL;
}

static void
take_step(const SinterProposal *proposal, gpointer user_data)
{
    Answer *self = user_data;
    SinterProposal *copy;

    if (!self->wrong)
        self->wrong = find_fault(self, proposal);
    if (self->wrong)
        return;
    copy = g_new(SinterProposal, 1);
    *copy = *proposal;
    copy->reason = g_strdup(proposal->reason);
    g_ptr_array_add(self->steps, copy);
}

/* Completes the answer. @ok is the return value of the plugin. */
static GPtrArray *
answer_finish(Answer *self, const SinterPlugin *plugin, gboolean ok, GError **error)
{
    g_autoptr(GPtrArray) steps = self->steps;

    if (ok && self->wrong)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED, "it proposes %s", self->wrong);
    if (ok && !self->wrong)
        return g_steal_pointer(&steps);
    sinter_error_prefix(error, "plugin '%s': ", plugin->name);
    return NULL;
}

GPtrArray *
sinter_plugin_ask_policy(const SinterPlugin *plugin, const SinterPolicyQuestion *question,
                         GError **error)
{
    const SinterPolicy *policy = plugin->operations;
    Answer answer = { g_ptr_array_new_with_free_func(proposal_free), FALSE, NULL };

    g_return_val_if_fail(plugin->kind == SINTER_PLUGIN_POLICY, NULL);
    return answer_finish(&answer, plugin, policy->propose(question, take_step, &answer, error),
                         error);
}

GPtrArray *
sinter_plugin_ask_remedy(const SinterPlugin *plugin, const SinterRemedyQuestion *question,
                         GError **error)
{
    const SinterRemedy *remedy = plugin->operations;
    Answer answer = { g_ptr_array_new_with_free_func(proposal_free), TRUE, NULL };

    g_return_val_if_fail(plugin->kind == SINTER_PLUGIN_REMEDY, NULL);
    return answer_finish(&answer, plugin, remedy->propose(question, take_step, &answer, error),
                         error);
}
