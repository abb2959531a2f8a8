/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-config.h"
#include "sinter-connection.h"
#include "sinter-executor.h"
#include "sinter-incident-log.h"
#include "sinter-inventory.h"
#include "sinter-policy-runner.h"
#include "sinter-responder.h"

G_BEGIN_DECLS

#define SINTER_BUS_NAME "org.sinter.Sinter1"

/**
 * SinterService:
 *
 * The daemon on the bus: owns every object and shows the state of the inventory and the executor on
 * them. The bus name is acquired after the first scan has ended or the connection has failed, so
 * that a client that finds the name also finds the objects.
 *
 * Signals, on the main context:
 *  - "failed" (const char *why): the service cannot continue: the name is taken, or the bus
 *    connection is lost.
 */
#define SINTER_TYPE_SERVICE (sinter_service_get_type())
G_DECLARE_FINAL_TYPE(SinterService, sinter_service, SINTER, SERVICE, GObject)

typedef struct {
    GDBusConnection *bus;
    gboolean system;         /* the system bus, with polkit, and the system's configuration */
    const char *config_file; /* (nullable): instead of the usual files */
    SinterConfig *config;    /* (transfer full) */
    SinterConnection *connection;
    SinterInventory *inventory;
    SinterExecutor *executor;
    SinterIncidentLog *incidents;
    SinterResponder *responder;
    SinterPolicyRunner *runner;
} SinterServiceParts;

SinterService *sinter_service_new(const SinterServiceParts *parts);

/* Starts to follow the inventory, and to serve as soon as there is something to show. */
void sinter_service_start(SinterService *self);

/* Leaves the bus after flushing pending messages. Blocks shortly. */
void sinter_service_stop(SinterService *self);

/* Reads the configuration again, in a thread; INVALID_ARGUMENT for a file that cannot be read: the
 * old values then stay. */
void sinter_service_reload_async(SinterService *self, GAsyncReadyCallback callback,
                                 gpointer user_data);
gboolean sinter_service_reload_finish(SinterService *self, GAsyncResult *result, GError **error);

G_END_DECLS
