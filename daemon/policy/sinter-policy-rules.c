/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The values that the configuration sets for policies. Invariant: a key has at most one value in a
 * group; the groups are in the order in which they were first named.
 */

#include "sinter-policy-rules.h"

#include <string.h>

#define HOST_GROUP "policy"

static const char *const match_keys[] = { SINTER_POLICY_MATCH_DOMAIN, SINTER_POLICY_MATCH_DISK,
                                          SINTER_POLICY_MATCH_PATH, NULL };

struct _SinterPolicyRules {
    GPtrArray *groups; /* of Group */
};

typedef struct {
    char *name;
    GHashTable *values;   /* key → text */
    GHashTable *patterns; /* a match key → GPtrArray of GPatternSpec */
} Group;

static void
group_free(gpointer data)
{
    Group *group = data;

    g_free(group->name);
    g_hash_table_unref(group->values);
    g_hash_table_unref(group->patterns);
    g_free(group);
}

SinterPolicyRules *
sinter_policy_rules_new(void)
{
    SinterPolicyRules *self = g_new0(SinterPolicyRules, 1);

    self->groups = g_ptr_array_new_with_free_func(group_free);
    return self;
}

void
sinter_policy_rules_free(SinterPolicyRules *self)
{
    g_ptr_array_unref(self->groups);
    g_free(self);
}

static Group *
get_group(SinterPolicyRules *self, const char *name)
{
    Group *group;

    for (guint i = 0; i < self->groups->len; i++) {
        group = self->groups->pdata[i];
        if (strcmp(group->name, name) == 0)
            return group;
    }
    group = g_new0(Group, 1);
    group->name = g_strdup(name);
    group->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    group->patterns =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    g_ptr_array_add(self->groups, group);
    return group;
}

/* (transfer full) (element-type GPatternSpec) */
static GPtrArray *
parse_patterns(const char *text)
{
    GPtrArray *patterns = g_ptr_array_new_with_free_func((GDestroyNotify)g_pattern_spec_free);
    g_auto(GStrv) parts = g_strsplit(text, ";", -1);

    for (char **part = parts; *part; part++) {
        if (*g_strstrip(*part))
            g_ptr_array_add(patterns, g_pattern_spec_new(*part));
    }
    return patterns;
}

void
sinter_policy_rules_set(SinterPolicyRules *self, const char *group, const char *key,
                        const char *value)
{
    Group *place = get_group(self, group);

    if (g_strv_contains(match_keys, key) && strcmp(group, HOST_GROUP) != 0)
        g_hash_table_insert(place->patterns, g_strdup(key), parse_patterns(value));
    else
        g_hash_table_insert(place->values, g_strdup(key), g_strdup(value));
}

/* A key without patterns matches everything. */
static gboolean
is_match(const Group *group, const char *key, const char *text)
{
    GPtrArray *patterns = g_hash_table_lookup(group->patterns, key);

    for (guint i = 0; patterns && i < patterns->len; i++) {
        if (g_pattern_spec_match_string(patterns->pdata[i], text))
            return TRUE;
    }
    return !patterns;
}

/* A group without any pattern is for no disk: a forgotten pattern must not become one for all. */
static gboolean
applies(const Group *group, const SinterDomain *domain, const SinterDisk *disk)
{
    const SinterLayer *active = disk->layers->len > 0 ? disk->layers->pdata[0] : NULL;
    const char *path = active && active->path ? active->path : "";

    if (strcmp(group->name, HOST_GROUP) == 0)
        return TRUE;
    return g_hash_table_size(group->patterns) > 0 &&
           is_match(group, SINTER_POLICY_MATCH_DOMAIN, domain->name) &&
           is_match(group, SINTER_POLICY_MATCH_DISK, disk->target) &&
           is_match(group, SINTER_POLICY_MATCH_PATH, path);
}

const char *
sinter_policy_rules_get(const SinterPolicyRules *self, const SinterDomain *domain,
                        const SinterDisk *disk, const char *key, const char **ret_origin)
{
    const char *found = NULL;
    gboolean special = FALSE;

    for (guint i = 0; i < self->groups->len; i++) {
        const Group *group = self->groups->pdata[i];
        const char *value = g_hash_table_lookup(group->values, key);
        gboolean of_host = strcmp(group->name, HOST_GROUP) == 0;

        if (!value || (of_host && special) || !applies(group, domain, disk))
            continue;
        found = value;
        special = !of_host;
        if (ret_origin)
            *ret_origin = group->name;
    }
    return found;
}

static void
count_value(const char *group, const char *key, gpointer user_data)
{
    ++*(guint *)user_data;
}

gboolean
sinter_policy_rules_any(const SinterPolicyRules *self)
{
    guint n = 0;

    sinter_policy_rules_foreach(self, count_value, &n);
    return n > 0;
}

void
sinter_policy_rules_foreach(const SinterPolicyRules *self, SinterPolicyRulesFunc func,
                            gpointer user_data)
{
    for (guint i = 0; i < self->groups->len; i++) {
        const Group *group = self->groups->pdata[i];
        GHashTableIter iter;
        gpointer key;

        g_hash_table_iter_init(&iter, group->values);
        while (g_hash_table_iter_next(&iter, &key, NULL))
            func(group->name, key, user_data);
    }
}

static gboolean
same_patterns(GPtrArray *a, GPtrArray *b)
{
    for (guint i = 0; i < a->len && i < b->len; i++) {
        if (!g_pattern_spec_equal(a->pdata[i], b->pdata[i]))
            return FALSE;
    }
    return a->len == b->len;
}

static gboolean
same_tables(GHashTable *a, GHashTable *b, gboolean of_patterns)
{
    GHashTableIter iter;
    gpointer key;
    gpointer value;

    g_hash_table_iter_init(&iter, a);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        gpointer other = g_hash_table_lookup(b, key);

        if (!other || !(of_patterns ? same_patterns(value, other) : strcmp(value, other) == 0))
            return FALSE;
    }
    return g_hash_table_size(a) == g_hash_table_size(b);
}

gboolean
sinter_policy_rules_equal(const SinterPolicyRules *a, const SinterPolicyRules *b)
{
    for (guint i = 0; i < a->groups->len && i < b->groups->len; i++) {
        const Group *one = a->groups->pdata[i];
        const Group *other = b->groups->pdata[i];

        if (strcmp(one->name, other->name) != 0 ||
            !same_tables(one->values, other->values, FALSE) ||
            !same_tables(one->patterns, other->patterns, TRUE))
            return FALSE;
    }
    return a->groups->len == b->groups->len;
}
