/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"

G_BEGIN_DECLS

/**
 * SinterPolicyRules:
 *
 * The values that were set for policies, as text, in the configuration. A plain value: filled in
 * once, then only read.
 */
typedef struct _SinterPolicyRules SinterPolicyRules;

SinterPolicyRules *sinter_policy_rules_new(void);
void sinter_policy_rules_free(SinterPolicyRules *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterPolicyRules, sinter_policy_rules_free)

/* Sets a value of the group [policy]; replaces a former one. */
void sinter_policy_rules_set(SinterPolicyRules *self, const char *key, const char *value);

/* (transfer none) (nullable): the value that is set, %NULL for none */
const char *sinter_policy_rules_get(const SinterPolicyRules *self, const char *key);

/* Returns whether anything is set at all. */
gboolean sinter_policy_rules_any(const SinterPolicyRules *self);

/* (transfer container) (element-type utf8): the keys that are set, in order of their names */
GPtrArray *sinter_policy_rules_list_keys(const SinterPolicyRules *self);

gboolean sinter_policy_rules_equal(const SinterPolicyRules *a, const SinterPolicyRules *b);

G_END_DECLS
