/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <libvirt/libvirt.h>

#include "sinter-connection-error.h"
#include "sinter-event.h"
#include "sinter-line-pool.h"

G_BEGIN_DECLS

/**
 * SinterConnection:
 *
 * The connection to libvirt: opens it in a worker, keeps it alive, registers every event
 * (sinter-event-source converts them), and reopens it when it breaks (first at once, then with
 * increasing delays up to 30 s) until it is stopped.
 *
 * Signals, all on the main context:
 *  - "event" (SinterEvent *): each libvirt event, and CONNECTED and DISCONNECTED. Disks have
 *    libvirt's names: the signal is for the inventory, which passes events on with the disk's
 *    target.
 * DISCONNECTED is emitted when the connection breaks, and when an attempt to open it, including the
 * first, fails for a new reason.
 *
 * main() calls sinter_connection_init_events() once, before any other libvirt call.
 */
#define SINTER_TYPE_CONNECTION (sinter_connection_get_type())
G_DECLARE_FINAL_TYPE(SinterConnection, sinter_connection, SINTER, CONNECTION, GObject)

void sinter_connection_init_events(void);

/* @uri: libvirt's URI; @use_qmp_events: also register for QEMU's own events (reasons of
 *   failures) */
SinterConnection *sinter_connection_new(const char *uri, gboolean use_qmp_events);

/* Starts to connect; does not block. */
void sinter_connection_start(SinterConnection *self);

/* Closes permanently; no signal is emitted afterwards. */
void sinter_connection_stop(SinterConnection *self);

const char *sinter_connection_get_uri(SinterConnection *self);
gboolean sinter_connection_is_open(SinterConnection *self);

/* (transfer none) (nullable): for calls that may not return for a long time; %NULL if the driver is
 * in this process. Valid as long as @self. Any thread. */
SinterLinePool *sinter_connection_get_lines(SinterConnection *self);

/**
 * sinter_connection_dup:
 *
 * Any thread.
 *
 * Returns: (transfer full) (nullable): a reference to the open connection, to be released with
 * virConnectClose(); %NULL with DISCONNECTED if there is none.
 */
virConnectPtr sinter_connection_dup(SinterConnection *self, GError **error);

G_END_DECLS
