/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which events open and close incidents: one table, whose first matching row decides. Pure.
 * Invariant: a guest that was resumed after QEMU found damage does not close the incident, because
 * the damage is still in the image.
 */

#include "sinter-incident-rule.h"

#include <libvirt/libvirt.h>
#include <string.h>

#define ANY (-1)
#define LIFECYCLE(status, detail) SINTER_EVENT_LIFECYCLE, VIR_DOMAIN_EVENT_##status, detail

static const SinterIncidentRule rules[] = {
    { SINTER_EVENT_IO_ERROR, ANY, ANY, SINTER_INCIDENT_FAILED, NULL, FALSE, FALSE },
    { SINTER_EVENT_QMP_CORRUPTED, ANY, ANY, SINTER_INCIDENT_FAILED, NULL, FALSE, FALSE },
    { LIFECYCLE(SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_IOERROR), SINTER_INCIDENT_PAUSED, NULL, FALSE,
      FALSE },
    { LIFECYCLE(RESUMED, ANY), SINTER_INCIDENT_ENDED, "the guest was resumed", FALSE, TRUE },
    { LIFECYCLE(STOPPED, VIR_DOMAIN_EVENT_STOPPED_FAILED), SINTER_INCIDENT_FAILED, NULL, FALSE,
      FALSE },
    { LIFECYCLE(CRASHED, ANY), SINTER_INCIDENT_FAILED, NULL, FALSE, FALSE },
    { LIFECYCLE(STOPPED, ANY), SINTER_INCIDENT_ENDED, "the domain was shut off", FALSE, FALSE },
    { LIFECYCLE(STARTED, ANY), SINTER_INCIDENT_ENDED, "the domain was started again", TRUE, FALSE },
    { LIFECYCLE(UNDEFINED, ANY), SINTER_INCIDENT_ENDED, "the domain was undefined", TRUE, FALSE },
};

const SinterIncidentRule *
sinter_incident_rule_find(const SinterEvent *event)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
        const SinterIncidentRule *rule = &rules[i];

        if (rule->kind == event->kind && (rule->status == ANY || rule->status == event->status) &&
            (rule->detail == ANY || rule->detail == event->detail))
            return rule;
    }
    return NULL;
}

gboolean
sinter_incident_rule_names_damage(const char *cause)
{
    static const char *const causes[] = { "image-corrupted", "image-marked-corrupt",
                                          "image-damaged", "qemu-crashed" };

    for (gsize i = 0; i < G_N_ELEMENTS(causes); i++) {
        if (strcmp(cause, causes[i]) == 0)
            return TRUE;
    }
    return FALSE;
}

gboolean
sinter_incident_rule_is_damage(const SinterIncident *incident)
{
    return sinter_incident_rule_names_damage(incident->cause);
}

gboolean
sinter_incident_rule_closes(const SinterIncidentRule *rule, const SinterIncident *incident)
{
    if (!rule->outcome || (rule->closes_paused_only && !incident->paused))
        return FALSE;
    return rule->closes_damage || !sinter_incident_rule_is_damage(incident);
}

gboolean
sinter_incident_rule_pauses(const SinterEvent *event)
{
    if (event->kind == SINTER_EVENT_IO_ERROR)
        return event->detail == VIR_DOMAIN_EVENT_IO_ERROR_PAUSE;
    return event->kind == SINTER_EVENT_LIFECYCLE && event->status == VIR_DOMAIN_EVENT_SUSPENDED;
}

static char *
describe_io_error(const SinterEvent *event)
{
    const char *reason = g_strcmp0(event->text, "enospc") == 0 ? "no space" : "I/O error";
    const char *action = sinter_incident_rule_pauses(event) ? "the guest was suspended"
                         : event->detail == VIR_DOMAIN_EVENT_IO_ERROR_REPORT
                             ? "reported to the guest"
                             : "ignored";

    return g_strdup_printf("libvirt: %s on '%s', %s", reason,
                           event->path && *event->path ? event->path
                           : event->device             ? event->device
                                                       : "unknown",
                           action);
}

char *
sinter_incident_rule_describe(const SinterEvent *event)
{
    if (event->kind == SINTER_EVENT_IO_ERROR)
        return describe_io_error(event);
    if (event->kind == SINTER_EVENT_QMP_CORRUPTED)
        return g_strdup_printf("QEMU: %s", event->text ? event->text : "image corrupted");
    if (event->status == VIR_DOMAIN_EVENT_SUSPENDED)
        return g_strdup("libvirt: the guest is suspended by an I/O error");
    return g_strdup("libvirt: the domain ended because of a failure");
}
