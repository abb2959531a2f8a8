/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-chain-meter.h"
#include "sinter-config.h"
#include "sinter-executor.h"
#include "sinter-inventory.h"

G_BEGIN_DECLS

#define SINTER_BUS_NAME "org.sinter.Sinter1"

/**
 * SinterService:
 *
 * The daemon's face on the bus: holds every object and shows on them what the inventory and the
 * executor say. The bus name is taken once the first inventory is there or the connection has
 * failed, so that whoever finds the name finds the objects.
 *
 * Signals, on the main context:
 *  - "failed" (const char *why): it cannot go on: the name is taken, the bus is gone.
 */
#define SINTER_TYPE_SERVICE (sinter_service_get_type())
G_DECLARE_FINAL_TYPE(SinterService, sinter_service, SINTER, SERVICE, GObject)

typedef struct {
    GDBusConnection *bus;
    gboolean system;         /* the system bus, with polkit, and the system's configuration */
    const char *config_file; /* (nullable): in place of the usual files */
    SinterConfig *config;    /* (transfer full) */
    SinterConnection *connection;
    SinterInventory *inventory;
    SinterExecutor *executor;
} SinterServiceParts;

SinterService *sinter_service_new(const SinterServiceParts *parts);

/* Starts to follow the inventory, and to serve as soon as there is something to show. */
void sinter_service_start(SinterService *self);

/* Leaves the bus; what was sent is on its way. Blocks shortly. */
void sinter_service_stop(SinterService *self);

/* Reads the configuration anew; INVALID_ARGUMENT for a file that cannot be read: then the old
 * values stay. */
gboolean sinter_service_reload(SinterService *self, GError **error);

/* (transfer none) */
SinterConnection *sinter_service_get_connection(SinterService *self);
SinterInventory *sinter_service_get_inventory(SinterService *self);
SinterExecutor *sinter_service_get_executor(SinterService *self);
const SinterConfig *sinter_service_get_config(SinterService *self);
SinterChainMeter *sinter_service_get_meter(SinterService *self);

/* (nullable): where a copy may lie beside the folders of its disk's images, joined by ':'; %NULL:
 * anywhere, for a user's own daemon can write no more than its user. */
const char *sinter_service_get_copy_folders(SinterService *self);

/* Whether the connection stands and every domain has been read since it does. */
gboolean sinter_service_is_scanned(SinterService *self);

/* The tables of objects; they belong to the service. */
typedef struct _SinterDomainTable SinterDomainTable;
typedef struct _SinterPlanTable SinterPlanTable;
typedef struct _SinterJobTable SinterJobTable;
SinterDomainTable *sinter_service_get_domains(SinterService *self);
SinterPlanTable *sinter_service_get_plans(SinterService *self);
SinterJobTable *sinter_service_get_jobs(SinterService *self);

/* The only way onto the bus: puts @skeleton behind the authority and exports it at @path. */
void sinter_service_export(SinterService *self, const char *path, GDBusInterfaceSkeleton *skeleton);
void sinter_service_unexport(SinterService *self, const char *path);

/* All properties of an object as the bus is to have them: folds @value's tree of small values into
 * one block. (transfer full), for both */
GVariant *sinter_service_flatten(SinterService *self, GVariant *value);

G_END_DECLS
