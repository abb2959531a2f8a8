/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-dbus.h"
#include "sinter-event.h"
#include "sinter-incident-table.h"
#include "sinter-job-table.h"
#include "sinter-plan-table.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/**
 * SinterManagerObject:
 *
 * The daemon itself on the bus: its connection, look-ups, and libvirt's events as they arrive.
 * Owned by the service.
 */
#define SINTER_TYPE_MANAGER_OBJECT (sinter_manager_object_get_type())
G_DECLARE_FINAL_TYPE(SinterManagerObject, sinter_manager_object, SINTER, MANAGER_OBJECT,
                     SinterDBusManagerSkeleton)

/* Reads the configuration again, for the Reload method. @callback gets a GTask that returns whether
 * this succeeded. */
typedef void (*SinterReloadFunc)(gpointer reload_data, GAsyncReadyCallback callback,
                                 gpointer user_data);

/* The objects that it uses; it takes a reference to each object. */
typedef struct {
    SinterServiceContext *context;
    SinterPlanTable *plans;
    SinterJobTable *jobs;
    SinterIncidentTable *incidents;
    const char *uri; /* libvirt's connection URI */
    SinterReloadFunc reload;
    gpointer reload_data; /* must live as long as the object is exported */
} SinterManagerObjectParts;

SinterManagerObject *sinter_manager_object_new(const SinterManagerObjectParts *parts);

/* Shows whether libvirt is connected and whether the inventory is complete. */
void sinter_manager_object_update(SinterManagerObject *self, gboolean connected);

/* Sends the Event signal, rate-limited for the kinds that libvirt sends without end. */
void sinter_manager_object_tell(SinterManagerObject *self, const SinterEvent *event);

G_END_DECLS
