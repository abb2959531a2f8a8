/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libvirt/libvirt.h>

#include "sinter-event.h"

G_BEGIN_DECLS

/**
 * SinterEventSource:
 *
 * All events of one connection, as plain values: libvirt's domain events, QEMU's own if requested,
 * and the end of the connection as a DISCONNECTED event. Disks have libvirt's and QEMU's names
 * (@device, @node); sinter-event-disk resolves them where the domains are known.
 */
typedef struct _SinterEventSource SinterEventSource;

/* @event: (transfer none). On the main context. */
typedef void (*SinterEventFunc)(const SinterEvent *event, gpointer user_data);

/**
 * sinter_event_source_new:
 * @connection: an open connection; the source keeps a reference
 * @use_qmp_events: also register for QEMU's own events (libvirt-qemu)
 *
 * Registers for all events. An event that the driver does not support is skipped, which is logged
 * once at debug level. Blocking: for a worker thread.
 *
 * Returns: (transfer full) (nullable): %NULL if the connection broke meanwhile
 */
SinterEventSource *sinter_event_source_new(virConnectPtr connection, gboolean use_qmp_events,
                                           SinterEventFunc func, gpointer user_data,
                                           GError **error);

/* Main context: the function is not called any more. Does not block. */
void sinter_event_source_mute(SinterEventSource *source);

/* Deregisters and releases the connection. Mute the source first. Blocking: for a worker thread. */
void sinter_event_source_free(SinterEventSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterEventSource, sinter_event_source_free)

G_END_DECLS
