/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The values that were set for policies. Invariant: a key has at most one value. */

#include "sinter-policy-rules.h"

#include <string.h>

struct _SinterPolicyRules {
    GHashTable *host; /* key → text */
};

SinterPolicyRules *
sinter_policy_rules_new(void)
{
    SinterPolicyRules *self = g_new0(SinterPolicyRules, 1);

    self->host = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return self;
}

void
sinter_policy_rules_free(SinterPolicyRules *self)
{
    g_hash_table_unref(self->host);
    g_free(self);
}

void
sinter_policy_rules_set(SinterPolicyRules *self, const char *key, const char *value)
{
    g_hash_table_insert(self->host, g_strdup(key), g_strdup(value));
}

const char *
sinter_policy_rules_get(const SinterPolicyRules *self, const char *key)
{
    return g_hash_table_lookup(self->host, key);
}

gboolean
sinter_policy_rules_any(const SinterPolicyRules *self)
{
    return g_hash_table_size(self->host) > 0;
}

static int
compare_keys(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *
sinter_policy_rules_list_keys(const SinterPolicyRules *self)
{
    GPtrArray *keys = g_ptr_array_new();
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init(&iter, self->host);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        g_ptr_array_add(keys, key);
    g_ptr_array_sort(keys, compare_keys);
    return keys;
}

gboolean
sinter_policy_rules_equal(const SinterPolicyRules *a, const SinterPolicyRules *b)
{
    GHashTableIter iter;
    gpointer key;
    gpointer value;

    g_hash_table_iter_init(&iter, a->host);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        if (g_strcmp0(value, g_hash_table_lookup(b->host, key)) != 0)
            return FALSE;
    }
    return g_hash_table_size(a->host) == g_hash_table_size(b->host);
}
