/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <libvirt/libvirt.h>

#include "sinter-connection-error.h"
#include "sinter-event.h"

G_BEGIN_DECLS

/**
 * SinterConnection:
 *
 * The one connection to libvirt: opens it in a worker, keeps it alive, registers every event
 * (sinter-event-source does the translation), opens it again when it breaks (first at once, then
 * with growing pauses up to 30 s), for as long as the daemon lives.
 *
 * Signals, all on the main context:
 *  - "event" (SinterEvent *): each libvirt event, and CONNECTED and DISCONNECTED. Disks have the
 *    names that libvirt said: for the inventory, which passes events on with the disk's own.
 * DISCONNECTED comes when the connection breaks, and when an attempt to open it fails for a new
 * reason, the first attempt too.
 *
 * sinter_connection_init_events() is called once, before any other libvirt call, by main().
 */
#define SINTER_TYPE_CONNECTION (sinter_connection_get_type())
G_DECLARE_FINAL_TYPE(SinterConnection, sinter_connection, SINTER, CONNECTION, GObject)

void sinter_connection_init_events(void);

/* @uri: libvirt's URI; @use_qmp_events: also ask for QEMU's own (reasons of failures) */
SinterConnection *sinter_connection_new(const char *uri, gboolean use_qmp_events);

/* Starts to connect; returns at once. */
void sinter_connection_start(SinterConnection *self);

/* Closes for good; no signal comes after it. */
void sinter_connection_stop(SinterConnection *self);

const char *sinter_connection_get_uri(SinterConnection *self);
gboolean sinter_connection_is_open(SinterConnection *self);

/**
 * sinter_connection_dup:
 *
 * Any thread.
 *
 * Returns: (transfer full) (nullable): a reference on the open connection, to be given back with
 * virConnectClose(); %NULL and a FAILED error that says so while there is none.
 */
virConnectPtr sinter_connection_dup(SinterConnection *self, GError **error);

G_END_DECLS
