/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Values that limit all policies. Invariant: each setting is listed once, with its default; a value
 * that is not understood is an error, never a default.
 */

#include "sinter-policy-limits.h"

#include <string.h>

#include "sinter-error.h"
#include "sinter-units.h"

#define MAX_DELAY_SEC 86400

enum { WINDOW, OFFLINE, OFFLINE_DELAY, BANDWIDTH, N_SETTINGS };

static const SinterPluginSetting settings[N_SETTINGS] = {
    [WINDOW] = { "window", "", "when jobs may begin; empty: at any time" },
    [OFFLINE] = { "offline", "no", "whether domains that are shut off are worked on: yes or no" },
    [OFFLINE_DELAY] = { "offline-delay-sec", "600",
                        "for how long a domain must be shut off first (0 to 86400 seconds)" },
    [BANDWIDTH] = { "bandwidth", "", "limit of a job in bytes per second; empty: that of [jobs]" },
};

const SinterPluginSetting *
sinter_policy_limits_get_setting(guint index)
{
    return index < N_SETTINGS ? &settings[index] : NULL;
}

void
sinter_policy_limits_clear(SinterPolicyLimits *self)
{
    g_clear_pointer(&self->window, sinter_policy_window_free);
}

static gboolean
read_offline(SinterPolicyLimits *ret, const char *text, GError **error)
{
    ret->offline = strcmp(text, "yes") == 0;
    if (ret->offline || strcmp(text, "no") == 0)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "offline is '%s', expected yes or no", text);
    return FALSE;
}

static gboolean
read_offline_delay(SinterPolicyLimits *ret, const char *text, GError **error)
{
    guint64 seconds;

    if (!g_ascii_string_to_unsigned(text, 10, 0, MAX_DELAY_SEC, &seconds, NULL)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "offline-delay-sec is '%s', expected a number from 0 to %d", text,
                    MAX_DELAY_SEC);
        return FALSE;
    }
    ret->offline_delay_usec = (gint64)seconds * G_USEC_PER_SEC;
    return TRUE;
}

static gboolean
read_bandwidth(SinterPolicyLimits *ret, const char *text, GError **error)
{
    ret->bandwidth_set = *text != '\0';
    if (!ret->bandwidth_set || sinter_units_parse_bytes(text, &ret->bandwidth_bytes_per_sec, error))
        return TRUE;
    sinter_error_prefix(error, "bandwidth: ");
    return FALSE;
}

gboolean
sinter_policy_limits_read(SinterPolicyLimits *ret, const SinterPolicyRules *rules,
                          const SinterDomain *domain, const SinterDisk *disk, GError **error)
{
    const char *values[N_SETTINGS];

    *ret = (SinterPolicyLimits){ 0 };
    for (guint i = 0; i < N_SETTINGS; i++) {
        values[i] = sinter_policy_rules_get(rules, domain, disk, settings[i].name, NULL);
        if (!values[i])
            values[i] = settings[i].initial;
    }
    ret->window = sinter_policy_window_parse(values[WINDOW], error);
    return ret->window && read_offline(ret, values[OFFLINE], error) &&
           read_offline_delay(ret, values[OFFLINE_DELAY], error) &&
           read_bandwidth(ret, values[BANDWIDTH], error);
}
