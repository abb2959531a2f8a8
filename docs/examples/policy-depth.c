/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A policy as a plugin: it proposes to consolidate a chain that is deeper than a configured limit.
 *
 *     cc -shared -fPIC -o policy-depth.so policy-depth.c \
 *         $(pkg-config --cflags --libs sinter-plugin)
 */

#include <sinter-plugin.h>
#include <sinter-policy.h>
#include <sinter/sinter-error.h>

static const SinterPluginSetting settings[] = {
    { "max-depth", "8", "how many images a chain may have (1 to 200)" },
    { "keep", "0", "how many of the newest snapshots stay (0 to 200)" },
};

static gboolean
parse(const SinterPluginSetting *setting, const char *value, guint min, guint *ret, GError **error)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(value, 10, min, 200, &number, NULL)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "%s is '%s', expected a number from %u to 200", setting->name, value, min);
        return FALSE;
    }
    *ret = (guint)number;
    return TRUE;
}

static gboolean
depth_propose(const SinterPolicyQuestion *question, SinterProposeFunc func, gpointer user_data,
              GError **error)
{
    SinterProposal step = { .kind = SINTER_PROPOSE_CONSOLIDATE };
    guint depth = question->disk->layers->len;
    g_autofree char *reason = NULL;
    guint max_depth;

    if (!parse(&settings[0], question->values[0], 1, &max_depth, error) ||
        !parse(&settings[1], question->values[1], 0, &step.keep, error))
        return FALSE;
    if (depth <= max_depth)
        return TRUE;
    reason = g_strdup_printf("the chain has %u images, at most %u are wanted", depth, max_depth);
    step.reason = reason;
    func(&step, user_data);
    return TRUE;
}

static const SinterPolicy depth = {
    .struct_size = sizeof(SinterPolicy),
    .api_version = SINTER_POLICY_API_VERSION,
    .settings = settings,
    .n_settings = G_N_ELEMENTS(settings),
    .propose = depth_propose,
};

SINTER_PLUGIN_DEFINE(policy_depth) = {
    .abi = SINTER_PLUGIN_ABI,
    .struct_size = sizeof(SinterPlugin),
    .kind = SINTER_PLUGIN_POLICY,
    .name = "policy-depth",
    .summary = "consolidates chains that are too deep",
    .operations = &depth,
};
