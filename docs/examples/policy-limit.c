/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A policy as a plugin: it proposes to consolidate a chain that is deeper than a configured limit.
 *
 *     cc -shared -fPIC -o policy-limit.so policy-limit.c \
 *         $(pkg-config --cflags --libs sinter-plugin)
 */

#include <sinter-plugin.h>
#include <sinter-policy.h>
#include <sinter/sinter-error.h>

static const SinterPluginSetting settings[] = {
    { "limit", "0", "how many images a chain may have (1 to 200); 0: any number" },
    { "limit-keep", "0", "how many of the newest snapshots stay (0 to 200)" },
};

static gboolean
parse(const SinterPluginSetting *setting, const char *value, guint *ret, GError **error)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(value, 10, 0, 200, &number, NULL)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "%s is '%s', expected a number from 0 to 200", setting->name, value);
        return FALSE;
    }
    *ret = (guint)number;
    return TRUE;
}

static gboolean
limit_propose(const SinterPolicyQuestion *question, SinterProposeFunc func, gpointer user_data,
              GError **error)
{
    SinterProposal step = { .kind = SINTER_PROPOSE_CONSOLIDATE };
    guint depth = question->disk->layers->len;
    g_autofree char *reason = NULL;
    guint limit;

    if (!parse(&settings[0], question->values[0], &limit, error) ||
        !parse(&settings[1], question->values[1], &step.keep, error))
        return FALSE;
    if (limit == 0 || depth <= limit)
        return TRUE;
    reason = g_strdup_printf("the chain has %u images, at most %u are wanted", depth, limit);
    step.reason = reason;
    func(&step, user_data);
    return TRUE;
}

static const SinterPolicy limit_policy = {
    .struct_size = sizeof(SinterPolicy),
    .api_version = SINTER_POLICY_API_VERSION,
    .settings = settings,
    .n_settings = G_N_ELEMENTS(settings),
    .propose = limit_propose,
};

SINTER_PLUGIN_DEFINE(policy_limit) = {
    .abi = SINTER_PLUGIN_ABI,
    .struct_size = sizeof(SinterPlugin),
    .kind = SINTER_PLUGIN_POLICY,
    .name = "policy-limit",
    .summary = "consolidates chains that are too deep",
    .operations = &limit_policy,
};
