/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-config.h"
#include "sinter-connection.h"
#include "sinter-executor.h"
#include "sinter-inventory.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/**
 * SinterDaemonContext:
 *
 * The context of the running daemon: answers from its inventory, its executor and its
 * configuration. Main context.
 */
#define SINTER_TYPE_DAEMON_CONTEXT (sinter_daemon_context_get_type())
G_DECLARE_FINAL_TYPE(SinterDaemonContext, sinter_daemon_context, SINTER, DAEMON_CONTEXT, GObject)

typedef struct {
    gboolean system;         /* the system's configuration, and its bounds on copies */
    const char *config_file; /* (nullable): read in place of the usual files */
    SinterConfig *config;    /* (transfer full) */
    SinterConnection *connection;
    SinterInventory *inventory;
    SinterExecutor *executor;
} SinterDaemonContextParts;

SinterDaemonContext *sinter_daemon_context_new(const SinterDaemonContextParts *parts);

/* Reads the configuration anew, in a thread; it is in force when the callback has called
 * sinter_daemon_context_reload_finish(). INVALID_ARGUMENT for a file that cannot be read: then the
 * old values stay. */
void sinter_daemon_context_reload_async(SinterDaemonContext *self, GAsyncReadyCallback callback,
                                        gpointer user_data);
gboolean sinter_daemon_context_reload_finish(SinterDaemonContext *self, GAsyncResult *result,
                                             GError **error);

/* Cancels what is being measured, and waits for that. To be called when nobody can ask any more. */
void sinter_daemon_context_stop(SinterDaemonContext *self);

G_END_DECLS
