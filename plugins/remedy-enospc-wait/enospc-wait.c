/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A remedy for a lack of space: waits until somebody has made room, then resumes the guest. It
 * makes no room itself. Invariant: the guest is resumed only if there is as much free space as the
 * administrator wants to see, because a guest that fills the last megabyte stops again at once.
 */

#include <sinter-plugin.h>
#include <sinter-remedy.h>

#include "sinter-error.h"

#define MIB (G_GUINT64_CONSTANT(1) << 20)

static const SinterPluginSetting settings[] = {
    { "min-free-mib", "1024", "free space at which the guest is resumed, in MiB (1 to 1048576)" },
    { "max-attempts", "5", "how often the guest is resumed for one incident (1 to 1000)" },
};

static gboolean
parse(const SinterPluginSetting *setting, const char *value, guint max, guint *ret, GError **error)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(value, 10, 1, max, &number, NULL)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "%s is '%s', expected a number from 1 to %u", setting->name, value, max);
        return FALSE;
    }
    *ret = (guint)number;
    return TRUE;
}

static gboolean
applies(const SinterRemedyQuestion *question)
{
    static const char *const causes[] = { "file-system-full", "only-reserved-space", "no-inodes",
                                          "quota-exceeded",   "space-was-short",     NULL };

    return g_strv_contains(causes, question->cause);
}

static gboolean
enospc_wait_propose(const SinterRemedyQuestion *question, SinterProposeFunc func,
                    gpointer user_data, GError **error)
{
    guint min_free_mib;
    guint max_attempts;

    if (!parse(&settings[0], question->values[0], 1 << 20, &min_free_mib, error) ||
        !parse(&settings[1], question->values[1], 1000, &max_attempts, error))
        return FALSE;
    if (!applies(question))
        return TRUE;
    if (question->n_attempts >= max_attempts) {
        func(&(SinterProposal){ .kind = SINTER_PROPOSE_REPORT,
                                .reason = "the guest ran out of space each time that it was "
                                          "resumed" },
             user_data);
        return TRUE;
    }
    func(&(SinterProposal){ .kind = SINTER_PROPOSE_WAIT_SPACE,
                            .bytes = min_free_mib * MIB,
                            .reason = "the guest needs free space to continue" },
         user_data);
    func(&(SinterProposal){ .kind = SINTER_PROPOSE_RESUME,
                            .reason = "the guest was paused for lack of space only" },
         user_data);
    return TRUE;
}

static const SinterRemedy enospc_wait = {
    .struct_size = sizeof(SinterRemedy),
    .api_version = SINTER_REMEDY_API_VERSION,
    .settings = settings,
    .n_settings = G_N_ELEMENTS(settings),
    .propose = enospc_wait_propose,
};

SINTER_PLUGIN_DEFINE(remedy_enospc_wait) = {
    .abi = SINTER_PLUGIN_ABI,
    .struct_size = sizeof(SinterPlugin),
    .kind = SINTER_PLUGIN_REMEDY,
    .name = "remedy-enospc-wait",
    .summary = "waits for free space, then resumes the guest",
    .operations = &enospc_wait,
};
