/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"

G_BEGIN_DECLS

/**
 * SinterPolicyRules:
 *
 * The values that the configuration sets for policies, as text: in [policy] for all disks, in
 * [policy-NAME] for those that its patterns match. A plain value: filled in once, then only read.
 */
typedef struct _SinterPolicyRules SinterPolicyRules;

/* The keys of a group [policy-NAME] that choose its disks: shell patterns joined by ';', of the
 * names of domains, the targets of disks, and the paths of active images. */
#define SINTER_POLICY_MATCH_DOMAIN "match-domain"
#define SINTER_POLICY_MATCH_DISK "match-disk"
#define SINTER_POLICY_MATCH_PATH "match-path"

SinterPolicyRules *sinter_policy_rules_new(void);
void sinter_policy_rules_free(SinterPolicyRules *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterPolicyRules, sinter_policy_rules_free)

/* Sets a value, or a pattern, of a group ("policy", "policy-NAME"); replaces a former one. Of
 * several groups that match a disk, the one that was named last counts. */
void sinter_policy_rules_set(SinterPolicyRules *self, const char *group, const char *key,
                             const char *value);

/**
 * sinter_policy_rules_get:
 * @ret_origin: (out) (optional) (transfer none): the group that sets the value
 *
 * Returns: (transfer none) (nullable): the value that is set for a disk, %NULL for none
 */
const char *sinter_policy_rules_get(const SinterPolicyRules *self, const SinterDomain *domain,
                                    const SinterDisk *disk, const char *key,
                                    const char **ret_origin);

/* Returns whether anything is set at all. */
gboolean sinter_policy_rules_any(const SinterPolicyRules *self);

/* @key, @group: (transfer none) */
typedef void (*SinterPolicyRulesFunc)(const char *group, const char *key, gpointer user_data);

/* Calls @func for each value that is set; not for patterns. */
void sinter_policy_rules_foreach(const SinterPolicyRules *self, SinterPolicyRulesFunc func,
                                 gpointer user_data);

gboolean sinter_policy_rules_equal(const SinterPolicyRules *a, const SinterPolicyRules *b);

G_END_DECLS
