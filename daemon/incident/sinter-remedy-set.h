/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-incident-log.h"
#include "sinter-plugin-ask.h"
#include "sinter-plugin-registry.h"

G_BEGIN_DECLS

/**
 * SinterRemedySet:
 *
 * The remedies among the plugins, with the administrator's settings: those that are allowed first,
 * in their order. Main context.
 */
typedef struct _SinterRemedySet SinterRemedySet;

/**
 * sinter_remedy_set_new:
 * @plugins: (unowned): must outlive the set
 * @allowed: names joined by ';', with or without "remedy-"; empty: none
 * @values: (element-type utf8 utf8): settings by "GROUP/KEY"
 *
 * Names that are no remedies, and settings that do not exist, are logged and ignored.
 */
SinterRemedySet *sinter_remedy_set_new(const SinterPluginRegistry *plugins, const char *allowed,
                                       GHashTable *values);
void sinter_remedy_set_free(SinterRemedySet *self);

/* (transfer none) (nullable): the remedy at a place, %NULL after the last one */
const SinterPlugin *sinter_remedy_set_get(const SinterRemedySet *self, guint index);

gboolean sinter_remedy_set_is_allowed(const SinterRemedySet *self, guint index);

/* (transfer none) (nullable): by name, with or without "remedy-" */
const SinterPlugin *sinter_remedy_set_find(const SinterRemedySet *self, const char *name);

/**
 * sinter_remedy_set_ask:
 * @event: (nullable): the last failure
 * @domain: has the disk of @incident
 *
 * Returns: (transfer full) (element-type SinterProposal) (nullable): the steps that @plugin
 *   proposes; none if it does not apply
 */
GPtrArray *sinter_remedy_set_ask(const SinterRemedySet *self, const SinterPlugin *plugin,
                                 const SinterIncident *incident, SinterDomain *domain,
                                 const SinterEvent *event, GError **error);

G_END_DECLS
