/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-incident.h"

G_BEGIN_DECLS

/* What an event means for the incidents of its domain. */
typedef enum {
    SINTER_INCIDENT_FAILED, /* a failure of the event's disk, or of all if it names none */
    SINTER_INCIDENT_PAUSED, /* the guest was suspended by an I/O error */
    SINTER_INCIDENT_ENDED,  /* only closes incidents */
} SinterIncidentAct;

/**
 * SinterIncidentRule:
 * @kind: kind of the event
 * @status: libvirt's status; -1 for any
 * @detail: libvirt's detail; -1 for any
 * @act: what it means
 * @outcome: (nullable): the outcome of the incidents that it closes; %NULL if it closes none
 * @closes_damage: it also closes incidents about a damaged image
 * @closes_paused_only: it closes only incidents that suspended the guest
 */
typedef struct {
    SinterEventKind kind;
    int status;
    int detail;
    SinterIncidentAct act;
    const char *outcome;
    gboolean closes_damage;
    gboolean closes_paused_only;
} SinterIncidentRule;

/* (transfer none) (nullable): the row for @event; %NULL if it does not concern incidents */
const SinterIncidentRule *sinter_incident_rule_find(const SinterEvent *event);

/* Returns whether the rule closes an open incident of the event's domain. */
gboolean sinter_incident_rule_closes(const SinterIncidentRule *rule,
                                     const SinterIncident *incident);

/* Returns whether @cause is about damage. */
gboolean sinter_incident_rule_names_damage(const char *cause);

/* Returns whether the incident is about damage, after which a guest must not be resumed. */
gboolean sinter_incident_rule_is_damage(const SinterIncident *incident);

/* Returns whether the failure suspended the guest. */
gboolean sinter_incident_rule_pauses(const SinterEvent *event);

/* (transfer full): the event in one line, for the timeline */
char *sinter_incident_rule_describe(const SinterEvent *event);

G_END_DECLS
