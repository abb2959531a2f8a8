/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A remedy for damaged images: stops the paused guest, repairs, starts. Invariant: nothing resumes
 * the guest; a domain that was shut off before is not started.
 */

#include <sinter-plugin.h>
#include <sinter-remedy.h>
#include <string.h>

#include "sinter-error.h"

static const SinterPluginSetting settings[] = {
    { "start", "yes", "whether the domain is started if its images are sound (yes or no)" },
    { "max-attempts", "1", "how often it is tried for one incident (1 to 1000)" },
};

#define MAX_MAX_ATTEMPTS 1000

typedef struct {
    gboolean start;
    guint max_attempts;
} Values;

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
parse(const char *const *values, Values *ret, GError **error)
{
    guint64 number;

    if (!parse_start(values[0], &ret->start, error))
        return FALSE;
    if (!g_ascii_string_to_unsigned(values[1], 10, 1, MAX_MAX_ATTEMPTS, &number, NULL)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "%s is '%s', expected a number from 1 to %u", settings[1].name, values[1],
                    MAX_MAX_ATTEMPTS);
        return FALSE;
    }
    ret->max_attempts = (guint)number;
    return TRUE;
}

static gboolean
applies(const SinterRemedyQuestion *question)
{
    static const char *const causes[] = { "image-corrupted", "image-marked-corrupt",
                                          "image-damaged", NULL };

    return question->disk && g_strv_contains(causes, question->cause);
}

/* (nullable): why nothing is done */
static const char *
find_obstacle(const SinterRemedyQuestion *question, const Values *values)
{
    if (question->domain->active && question->domain->state != SINTER_DOMAIN_PAUSED)
        return "the guest still runs: shut it off before the image is repaired";
    if (question->n_attempts >= values->max_attempts)
        return "the image could not be repaired, or was damaged again";
    return NULL;
}

static void
propose_repair(const SinterRemedyQuestion *question, const Values *values, SinterProposeFunc func,
               gpointer user_data)
{
    gboolean stop = question->domain->active;

    if (stop)
        func(&(SinterProposal){ .kind = SINTER_PROPOSE_STOP,
                                .reason = "the guest must not write to a damaged image" },
             user_data);
    func(&(SinterProposal){ .kind = SINTER_PROPOSE_REPAIR, .reason = "the image is damaged" },
         user_data);
    if (stop && values->start)
        func(&(SinterProposal){ .kind = SINTER_PROPOSE_START,
                                .reason = "the domain was running before" },
             user_data);
}

static gboolean
corrupt_propose(const SinterRemedyQuestion *question, SinterProposeFunc func, gpointer user_data,
                GError **error)
{
    const char *obstacle;
    Values values;

    if (!parse(question->values, &values, error))
        return FALSE;
    if (!applies(question))
        return TRUE;
    obstacle = find_obstacle(question, &values);
    if (obstacle)
        func(&(SinterProposal){ .kind = SINTER_PROPOSE_REPORT, .reason = obstacle }, user_data);
    else
        propose_repair(question, &values, func, user_data);
    return TRUE;
}

static const SinterRemedy corrupt = {
    .struct_size = sizeof(SinterRemedy),
    .api_version = SINTER_REMEDY_API_VERSION,
    .settings = settings,
    .n_settings = G_N_ELEMENTS(settings),
    .propose = corrupt_propose,
};

SINTER_PLUGIN_DEFINE(remedy_corrupt) = {
    .abi = SINTER_PLUGIN_ABI,
    .struct_size = sizeof(SinterPlugin),
    .kind = SINTER_PLUGIN_REMEDY,
    .name = "remedy-corrupt",
    .summary = "stops a guest whose image is damaged, repairs the image, and starts the domain",
    .operations = &corrupt,
};
