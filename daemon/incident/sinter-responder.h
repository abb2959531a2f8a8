/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-executor.h"
#include "sinter-incident-log.h"
#include "sinter-plugin-registry.h"

G_BEGIN_DECLS

/**
 * SinterResponder:
 *
 * Answers incidents: asks the remedies about each diagnosis, and starts a job for the first one
 * that the administrator allows. What applies but is not allowed is only noted in the incident.
 * Main context.
 */
#define SINTER_TYPE_RESPONDER (sinter_responder_get_type())
G_DECLARE_FINAL_TYPE(SinterResponder, sinter_responder, SINTER, RESPONDER, GObject)

/**
 * SinterResponderParts:
 * @incidents, @inventory, @executor: referenced
 * @plugins: (unowned): must outlive the responder
 * @allowed, @values: see sinter_remedy_set_new()
 */
typedef struct {
    SinterIncidentLog *incidents;
    SinterInventory *inventory;
    SinterExecutor *executor;
    const SinterPluginRegistry *plugins;
    const char *allowed;
    GHashTable *values;
} SinterResponderParts;

SinterResponder *sinter_responder_new(const SinterResponderParts *parts);

/* Considers all open incidents. Call after a scan of the host: an earlier run of the daemon may
 * have left some unanswered. */
void sinter_responder_consider_all(SinterResponder *self);

/**
 * sinter_responder_choose_async:
 * @remedy: its name, with or without "remedy-"; need not be allowed
 *
 * Starts a remedy that a user chose. Errors: NOT_FOUND if there is no such incident or remedy, BUSY
 * if the incident is resolved or a job runs on its disk, UNSUPPORTED if the remedy does not apply;
 * those of the planner and the executor.
 */
void sinter_responder_choose_async(SinterResponder *self, const char *id, const char *remedy,
                                   GAsyncReadyCallback callback, gpointer user_data);

/* (transfer full) (nullable): the ID of the job */
char *sinter_responder_choose_finish(SinterResponder *self, GAsyncResult *result, GError **error);

G_END_DECLS
