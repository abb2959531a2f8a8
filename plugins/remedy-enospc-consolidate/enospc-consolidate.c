/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A remedy for a lack of space: merges the chain of the disk while the guest is paused, which frees
 * what the layers hold twice and moves the guest's writes to the base, then resumes the guest.
 * Invariant: the merge is planned like any other, so it is refused if the base has no room for it.
 */

#include <sinter-plugin.h>
#include <sinter-remedy.h>

#include "sinter-error.h"

static const SinterPluginSetting settings[] = {
    { "keep", "0", "how many of the newest snapshots stay (0 to 200)" },
    { "max-attempts", "2", "how often it is tried for one incident (1 to 1000)" },
};

#define MAX_KEEP 200
#define MAX_MAX_ATTEMPTS 1000

static gboolean
parse(const SinterPluginSetting *setting, const char *value, const guint range[2], guint *ret,
      GError **error)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(value, 10, range[0], range[1], &number, NULL)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "%s is '%s', expected a number from %u to %u", setting->name, value, range[0],
                    range[1]);
        return FALSE;
    }
    *ret = (guint)number;
    return TRUE;
}

static gboolean
is_lack_of_space(const char *cause)
{
    static const char *const causes[] = { "file-system-full", "only-reserved-space", "no-inodes",
                                          "quota-exceeded",   "device-full",         NULL };

    return g_strv_contains(causes, cause);
}

static void
propose_merge(guint keep, SinterProposeFunc func, gpointer user_data)
{
    func(&(SinterProposal){ .kind = SINTER_PROPOSE_CONSOLIDATE,
                            .keep = keep,
                            .reason = "a merge gives the guest the space of the base" },
         user_data);
    func(&(SinterProposal){ .kind = SINTER_PROPOSE_RESUME,
                            .reason = "the guest was paused for lack of space only" },
         user_data);
}

static gboolean
enospc_consolidate_propose(const SinterRemedyQuestion *question, SinterProposeFunc func,
                           gpointer user_data, GError **error)
{
    static const guint keep_range[] = { 0, MAX_KEEP };
    static const guint attempts_range[] = { 1, MAX_MAX_ATTEMPTS };
    guint max_attempts;
    guint keep;

    if (!parse(&settings[0], question->values[0], keep_range, &keep, error) ||
        !parse(&settings[1], question->values[1], attempts_range, &max_attempts, error))
        return FALSE;
    if (!question->disk || !is_lack_of_space(question->cause))
        return TRUE;
    if (question->disk->layers->len > keep + 1 && question->n_attempts < max_attempts)
        propose_merge(keep, func, user_data);
    return TRUE;
}

static const SinterRemedy enospc_consolidate = {
    .struct_size = sizeof(SinterRemedy),
    .api_version = SINTER_REMEDY_API_VERSION,
    .settings = settings,
    .n_settings = G_N_ELEMENTS(settings),
    .propose = enospc_consolidate_propose,
};

SINTER_PLUGIN_DEFINE(remedy_enospc_consolidate) = {
    .abi = SINTER_PLUGIN_ABI,
    .struct_size = sizeof(SinterPlugin),
    .kind = SINTER_PLUGIN_REMEDY,
    .name = "remedy-enospc-consolidate",
    .summary = "merges the chain of a disk without space, then resumes the guest",
    .operations = &enospc_consolidate,
};
