/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A remedy for an unclean end of QEMU: repairs the writable images before the next start.
 * Invariant: nothing is proposed while the domain is active, and it is started only if the
 * administrator wants that.
 */

#include <sinter-plugin.h>
#include <sinter-remedy.h>
#include <string.h>

#include "sinter-error.h"

static const SinterPluginSetting settings[] = {
    { "start", "no", "whether the domain is started if its images are sound (yes or no)" },
    { "max-attempts", "2", "how often it is tried for one incident (1 to 1000)" },
};

#define MAX_MAX_ATTEMPTS 1000

static gboolean
parse_start(const char *value, gboolean *ret, GError **error)
{
    *ret = strcmp(value, "yes") == 0;
    if (*ret || strcmp(value, "no") == 0)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "%s is '%s', expected yes or no", settings[0].name, value);
    return FALSE;
}

static gboolean
parse_attempts(const char *value, guint *ret, GError **error)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(value, 10, 1, MAX_MAX_ATTEMPTS, &number, NULL)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "%s is '%s', expected a number from 1 to %u", settings[1].name, value,
                    MAX_MAX_ATTEMPTS);
        return FALSE;
    }
    *ret = (guint)number;
    return TRUE;
}

static gboolean
crashed_propose(const SinterRemedyQuestion *question, SinterProposeFunc func, gpointer user_data,
                GError **error)
{
    guint max_attempts;
    gboolean start;

    if (!parse_start(question->values[0], &start, error) ||
        !parse_attempts(question->values[1], &max_attempts, error))
        return FALSE;
    if (strcmp(question->cause, "qemu-crashed") != 0 || question->domain->active)
        return TRUE;
    if (question->n_attempts >= max_attempts) {
        func(&(SinterProposal){ .kind = SINTER_PROPOSE_REPORT,
                                .reason = "the images could not be repaired, or QEMU crashed "
                                          "again" },
             user_data);
        return TRUE;
    }
    func(&(SinterProposal){ .kind = SINTER_PROPOSE_REPAIR,
                            .reason = "QEMU ended without closing the images" },
         user_data);
    if (start)
        func(&(SinterProposal){ .kind = SINTER_PROPOSE_START,
                                .reason = "the domain was running before" },
             user_data);
    return TRUE;
}

static const SinterRemedy crashed = {
    .struct_size = sizeof(SinterRemedy),
    .api_version = SINTER_REMEDY_API_VERSION,
    .settings = settings,
    .n_settings = G_N_ELEMENTS(settings),
    .propose = crashed_propose,
};

SINTER_PLUGIN_DEFINE(remedy_crashed) = {
    .abi = SINTER_PLUGIN_ABI,
    .struct_size = sizeof(SinterPlugin),
    .kind = SINTER_PLUGIN_REMEDY,
    .name = "remedy-crashed",
    .summary = "repairs the images of a domain whose QEMU process ended unexpectedly",
    .operations = &crashed,
};
