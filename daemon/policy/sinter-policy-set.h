/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plugin-ask.h"
#include "sinter-plugin-registry.h"
#include "sinter-policy-rules.h"

G_BEGIN_DECLS

/**
 * SinterPolicySet:
 *
 * The policies among the plugins. All of them share one name space of settings: a setting that
 * several policies have is set once. Main context.
 */
typedef struct _SinterPolicySet SinterPolicySet;

/* @plugins: (unowned): must outlive the set */
SinterPolicySet *sinter_policy_set_new(const SinterPluginRegistry *plugins);
void sinter_policy_set_free(SinterPolicySet *self);

/* (transfer none) (nullable): the policy at a place, %NULL after the last one */
const SinterPlugin *sinter_policy_set_get(const SinterPolicySet *self, guint index);

/* Returns whether any policy has a setting of this name. */
gboolean sinter_policy_set_has_setting(const SinterPolicySet *self, const char *name);

/* (transfer container) (element-type SinterPluginSetting): the settings of all policies; of those
 * with the same name the first one */
GPtrArray *sinter_policy_set_list_settings(const SinterPolicySet *self);

/**
 * sinter_policy_set_ask:
 * @index: the place of a policy
 *
 * Returns: (transfer full) (element-type SinterProposal) (nullable): what it proposes; nothing if
 *   none of its settings is set, so that a policy whose defaults are wrong does not act unasked
 */
GPtrArray *sinter_policy_set_ask(const SinterPolicySet *self, guint index,
                                 const SinterPolicyRules *rules, SinterDomain *domain,
                                 const SinterDisk *disk, gint64 now_usec, GError **error);

G_END_DECLS
