/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A remedy for storage that was away for a while: waits until all images can be read again, then
 * resumes the guest. Invariant: the delay doubles with each attempt, and the number of attempts is
 * limited, so that storage that fails again and again does not keep the guest starting and
 * stopping.
 */

#include <sinter-plugin.h>
#include <sinter-remedy.h>

#include "sinter-error.h"

static const SinterPluginSetting settings[] = {
    { "max-attempts", "8", "how often the guest is resumed for one incident (1 to 1000)" },
    { "max-delay-sec", "300",
      "the longest delay before the guest is resumed, in seconds (1 to 86400)" },
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

/* Causes that pass without a change to the images. After a cause that is "unknown" nothing is wrong
 * any more. */
static gboolean
applies(const SinterRemedyQuestion *question)
{
    static const char *const causes[] = { "storage-silent",        "storage-gone",  "image-missing",
                                          "file-system-read-only", "access-denied", "write-denied",
                                          "medium-error",          "unknown",       NULL };

    return g_strv_contains(causes, question->cause);
}

/* 0, 1, 2, 4 … seconds */
static guint
find_delay(guint n_attempts, guint max_delay_sec)
{
    if (n_attempts == 0)
        return 0;
    return n_attempts > 17 ? max_delay_sec : MIN(1U << (n_attempts - 1), max_delay_sec);
}

static gboolean
transient_propose(const SinterRemedyQuestion *question, SinterProposeFunc func, gpointer user_data,
                  GError **error)
{
    guint max_attempts;
    guint max_delay_sec;

    if (!parse(&settings[0], question->values[0], 1000, &max_attempts, error) ||
        !parse(&settings[1], question->values[1], 86400, &max_delay_sec, error))
        return FALSE;
    if (!applies(question))
        return TRUE;
    if (question->n_attempts >= max_attempts) {
        func(&(SinterProposal){ .kind = SINTER_PROPOSE_REPORT,
                                .reason = "the storage failed each time that the guest was "
                                          "resumed" },
             user_data);
        return TRUE;
    }
    func(&(SinterProposal){ .kind = SINTER_PROPOSE_WAIT_STORAGE,
                            .reason = "the images must be readable before the guest continues" },
         user_data);
    func(&(SinterProposal){ .kind = SINTER_PROPOSE_RESUME,
                            .delay_sec = find_delay(question->n_attempts, max_delay_sec),
                            .reason = "the guest was paused because its storage failed" },
         user_data);
    return TRUE;
}

static const SinterRemedy transient = {
    .struct_size = sizeof(SinterRemedy),
    .api_version = SINTER_REMEDY_API_VERSION,
    .settings = settings,
    .n_settings = G_N_ELEMENTS(settings),
    .propose = transient_propose,
};

SINTER_PLUGIN_DEFINE(remedy_transient) = {
    .abi = SINTER_PLUGIN_ABI,
    .struct_size = sizeof(SinterPlugin),
    .kind = SINTER_PLUGIN_REMEDY,
    .name = "remedy-transient",
    .summary = "waits for the storage, then resumes the guest",
    .operations = &transient,
};
