/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-config.h"
#include "sinter-connection.h"
#include "sinter-executor.h"
#include "sinter-incident-log.h"
#include "sinter-policy-runner.h"
#include "sinter-responder.h"
#include "sinter-inventory.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/**
 * SinterDaemonContext:
 *
 * The SinterServiceContext of the running daemon: it uses the daemon's inventory, executor and
 * configuration. Main context.
 */
#define SINTER_TYPE_DAEMON_CONTEXT (sinter_daemon_context_get_type())
G_DECLARE_FINAL_TYPE(SinterDaemonContext, sinter_daemon_context, SINTER, DAEMON_CONTEXT, GObject)

typedef struct {
    gboolean system;         /* the system configuration, and its restrictions on copies */
    const char *config_file; /* (nullable): read instead of the usual files */
    SinterConfig *config;    /* (transfer full) */
    SinterConnection *connection;
    SinterInventory *inventory;
    SinterExecutor *executor;
    SinterIncidentLog *incidents;
    SinterResponder *responder;
    SinterPolicyRunner *runner;
} SinterDaemonContextParts;

SinterDaemonContext *sinter_daemon_context_new(const SinterDaemonContextParts *parts);

/* Reads the configuration again, in a thread; it takes effect when the callback calls
 * sinter_daemon_context_reload_finish(). INVALID_ARGUMENT for a file that cannot be read: the old
 * values then stay. */
void sinter_daemon_context_reload_async(SinterDaemonContext *self, GAsyncReadyCallback callback,
                                        gpointer user_data);
gboolean sinter_daemon_context_reload_finish(SinterDaemonContext *self, GAsyncResult *result,
                                             GError **error);

/* Cancels running measurements and waits for them. Call when no caller can start another one. */
void sinter_daemon_context_stop(SinterDaemonContext *self);

G_END_DECLS
