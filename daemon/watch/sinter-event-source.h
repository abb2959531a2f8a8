/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libvirt/libvirt.h>

#include "sinter-event.h"

G_BEGIN_DECLS

/**
 * SinterEventSource:
 *
 * All that one connection tells by itself, as plain events: libvirt's domain events, QEMU's own
 * where wanted, and the connection's end as a DISCONNECTED event. Disks have the names that libvirt
 * and QEMU said (@device, @node): what they mean is known where the domains are
 * (sinter-event-disk).
 */
typedef struct _SinterEventSource SinterEventSource;

/* @event: (transfer none). On the main context. */
typedef void (*SinterEventFunc)(const SinterEvent *event, gpointer user_data);

/**
 * sinter_event_source_new:
 * @connection: an open connection; the source keeps a reference
 * @use_qmp_events: also QEMU's own events (libvirt-qemu)
 *
 * Registers. An event that the driver does not have is passed by; that is logged once, for
 * debugging. Blocking: for a worker thread.
 *
 * Returns: (transfer full) (nullable): %NULL when the connection broke meanwhile
 */
SinterEventSource *sinter_event_source_new(virConnectPtr connection, gboolean use_qmp_events,
                                           SinterEventFunc func, gpointer user_data,
                                           GError **error);

/* Main context: the function is not called from here on. Does not block. */
void sinter_event_source_mute(SinterEventSource *source);

/* Deregisters and gives the connection back. Mute it first. Blocking: for a worker thread. */
void sinter_event_source_free(SinterEventSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterEventSource, sinter_event_source_free)

G_END_DECLS
