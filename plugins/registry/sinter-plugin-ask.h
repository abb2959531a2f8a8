/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Calls a policy or a remedy and checks the answer: a step that its kind may not propose, or a step
 * without a reason, is an error of the plugin, and none of its steps is returned.
 */

#include "sinter-plugin.h"
#include "sinter-policy.h"
#include "sinter-remedy.h"

G_BEGIN_DECLS

/*
 * Returns: (transfer full) (element-type SinterProposal): the steps in order, which own their
 * reasons; free with g_ptr_array_unref(). NULL with the plugin's own error, or with FAILED if its
 * answer violates the rules. Messages name the plugin.
 */
GPtrArray *sinter_plugin_ask_policy(const SinterPlugin *plugin,
                                    const SinterPolicyQuestion *question, GError **error);
GPtrArray *sinter_plugin_ask_remedy(const SinterPlugin *plugin,
                                    const SinterRemedyQuestion *question, GError **error);

/* (transfer none): "consolidate", "extend", "resume", "report", "wait-space", "wait-storage" */
const char *sinter_proposal_kind_name(SinterProposalKind kind);

G_END_DECLS
