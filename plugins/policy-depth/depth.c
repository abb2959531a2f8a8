/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A policy for the depth of chains: proposes to merge the oldest images of a chain that has more
 * images than the administrator wants. Invariant: a chain within the limit is left alone, and no
 * more snapshots are merged than the values say.
 */

#include <sinter-plugin.h>
#include <sinter-policy.h>

#include <string.h>

#include "sinter-error.h"

#define MAX_DEPTH 200

static const SinterPluginSetting settings[] = {
    { "max-depth", "0", "how many images a chain may have (1 to 200); 0: any number" },
    { "keep-snapshots", "",
      "how many of the newest snapshots stay when a chain is merged (0 to 199); empty: as many as "
      "max-depth allows" },
    { "keep-base", "yes", "whether the lowest image of a chain is left as it is: yes or no" },
};

static gboolean
parse(const SinterPluginSetting *setting, const char *value, guint max, guint *ret, GError **error)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(value, 10, 0, max, &number, NULL)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "%s is '%s', expected a number from 0 to %u", setting->name, value, max);
        return FALSE;
    }
    *ret = (guint)number;
    return TRUE;
}

static gboolean
parse_keep_base(const char *value, gboolean *ret, GError **error)
{
    *ret = strcmp(value, "yes") == 0;
    if (*ret || strcmp(value, "no") == 0)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "keep-base is '%s', expected yes or no", value);
    return FALSE;
}

/* How many images stay above the merged one. @n_below: the merged one and those below it */
static gboolean
parse_keep(const char *value, guint max_depth, guint n_below, guint *ret, GError **error)
{
    if (max_depth > 0 && max_depth < n_below) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "max-depth is %u, expected at least %u, because keep-base is 'yes'", max_depth,
                    n_below);
        return FALSE;
    }
    *ret = max_depth > 0 ? max_depth - n_below : 0;
    if (*value == '\0')
        return TRUE;
    if (!parse(&settings[1], value, MAX_DEPTH - 1, ret, error))
        return FALSE;
    if (max_depth == 0 || *ret <= max_depth - n_below)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                n_below == 1 ? "keep-snapshots is %u, expected less than max-depth, which is %u"
                             : "keep-snapshots is %u, expected at most max-depth, which is %u, "
                               "less 2, because keep-base is 'yes'",
                *ret, max_depth);
    return FALSE;
}

static gboolean
depth_propose(const SinterPolicyQuestion *question, SinterProposeFunc func, gpointer user_data,
              GError **error)
{
    SinterProposal step = { .kind = SINTER_PROPOSE_CONSOLIDATE };
    guint depth = question->disk->layers->len;
    g_autofree char *reason = NULL;
    guint max_depth;

    if (!parse(&settings[0], question->values[0], MAX_DEPTH, &max_depth, error) ||
        !parse_keep_base(question->values[2], &step.keep_base, error) ||
        !parse_keep(question->values[1], max_depth, step.keep_base ? 2 : 1, &step.keep, error))
        return FALSE;
    if (max_depth == 0 || depth <= max_depth)
        return TRUE;
    reason = g_strdup_printf("the chain has %u images, max-depth is %u", depth, max_depth);
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
    .summary = "merges the oldest images of chains that are too deep",
    .operations = &depth,
};
