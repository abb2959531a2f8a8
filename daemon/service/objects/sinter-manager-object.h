/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-dbus.h"
#include "sinter-service.h"

G_BEGIN_DECLS

/**
 * SinterManagerObject:
 *
 * The daemon itself on the bus: its connection, look-ups, and what libvirt tells as it arrives.
 * Belongs to the service.
 */
#define SINTER_TYPE_MANAGER_OBJECT (sinter_manager_object_get_type())
G_DECLARE_FINAL_TYPE(SinterManagerObject, sinter_manager_object, SINTER, MANAGER_OBJECT,
                     SinterDBusManagerSkeleton)

SinterManagerObject *sinter_manager_object_new(SinterService *service);

/* Shows whether the connection stands and the inventory is whole. */
void sinter_manager_object_update(SinterManagerObject *self);

/* Sends the Event signal, with a bound on those that libvirt sends without end. */
void sinter_manager_object_tell(SinterManagerObject *self, const SinterEvent *event);

G_END_DECLS
