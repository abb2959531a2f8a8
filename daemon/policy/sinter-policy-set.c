/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The policies and the values that they are asked with. Invariant: every setting of a policy has a
 * value when the policy is asked.
 */

#include "sinter-policy-set.h"

#include <string.h>

struct _SinterPolicySet {
    GPtrArray *policies; /* of SinterPlugin (unowned) */
};

SinterPolicySet *
sinter_policy_set_new(const SinterPluginRegistry *plugins)
{
    SinterPolicySet *self = g_new0(SinterPolicySet, 1);

    self->policies = g_ptr_array_new();
    for (guint i = 0; i < sinter_plugin_registry_get_n(plugins); i++) {
        const SinterPlugin *plugin = sinter_plugin_registry_get(plugins, i);

        if (plugin->kind == SINTER_PLUGIN_POLICY)
            g_ptr_array_add(self->policies, (gpointer)plugin);
    }
    return self;
}

void
sinter_policy_set_free(SinterPolicySet *self)
{
    g_ptr_array_unref(self->policies);
    g_free(self);
}

const SinterPlugin *
sinter_policy_set_get(const SinterPolicySet *self, guint index)
{
    return index < self->policies->len ? self->policies->pdata[index] : NULL;
}

static gboolean
has_name(const GPtrArray *settings, const char *name)
{
    for (guint i = 0; i < settings->len; i++) {
        if (strcmp(((const SinterPluginSetting *)settings->pdata[i])->name, name) == 0)
            return TRUE;
    }
    return FALSE;
}

GPtrArray *
sinter_policy_set_list_settings(const SinterPolicySet *self)
{
    GPtrArray *settings = g_ptr_array_new();

    for (guint i = 0; i < self->policies->len; i++) {
        const SinterPolicy *policy = ((const SinterPlugin *)self->policies->pdata[i])->operations;

        for (guint k = 0; k < policy->n_settings; k++) {
            if (!has_name(settings, policy->settings[k].name))
                g_ptr_array_add(settings, (gpointer)&policy->settings[k]);
        }
    }
    return settings;
}

gboolean
sinter_policy_set_has_setting(const SinterPolicySet *self, const char *name)
{
    g_autoptr(GPtrArray) settings = sinter_policy_set_list_settings(self);

    return has_name(settings, name);
}

/* Fills in a value for each setting; returns whether any of them is set. */
static gboolean
choose_values(const SinterPolicyQuestion *question, const SinterPolicy *policy,
              const SinterPolicyRules *rules, const char **values)
{
    gboolean any = FALSE;

    for (guint i = 0; i < policy->n_settings; i++) {
        const SinterPluginSetting *setting = &policy->settings[i];
        const char *value =
            sinter_policy_rules_get(rules, question->domain, question->disk, setting->name, NULL);

        values[i] = value ? value : setting->initial;
        any |= value != NULL;
    }
    return any;
}

GPtrArray *
sinter_policy_set_ask(const SinterPolicySet *self, guint index, const SinterPolicyRules *rules,
                      SinterDomain *domain, const SinterDisk *disk, gint64 now_usec, GError **error)
{
    const SinterPlugin *plugin = self->policies->pdata[index];
    const SinterPolicy *policy = plugin->operations;
    g_autofree const char **values = g_new0(const char *, policy->n_settings + 1);
    const SinterPolicyQuestion question = { domain, disk, now_usec, values };

    if (!choose_values(&question, policy, rules, values))
        return g_ptr_array_new();
    return sinter_plugin_ask_policy(plugin, &question, error);
}
