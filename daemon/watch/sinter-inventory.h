/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-connection.h"
#include "sinter-model.h"
#include "sinter-reference-graph.h"

G_BEGIN_DECLS

/**
 * SinterInventory:
 *
 * What is true now: every domain with its disks, chains and snapshots. Listens to the connection:
 * a full scan after CONNECTED and at an interval (libvirt has no event for a new snapshot), a
 * scan of one domain after an event of its. Scans run in one worker; events that arrive meanwhile
 * are joined into one more scan.
 *
 * Signals, on the main context, after the inventory shows the new state:
 *  - "domain-changed" (SinterDomain *old (nullable), SinterDomain *new (nullable)): added,
 *    changed or removed; not emitted for a scan that found nothing new.
 *  - "event" (const SinterEvent *): each of the connection's events, with the disk named by its
 *    target (sinter_event_name_disk()). It comes at once, and before any change that it brings.
 * Where the device is not known and a scan of the domain is under way, it comes after that scan;
 * that of an added device always does.
 *  - "scanned": a full scan has ended (the first one: the inventory is complete).
 */
#define SINTER_TYPE_INVENTORY (sinter_inventory_get_type())
G_DECLARE_FINAL_TYPE(SinterInventory, sinter_inventory, SINTER, INVENTORY, GObject)

/* @rescan_interval_sec: seconds between full scans, 0 for none */
SinterInventory *sinter_inventory_new(SinterConnection *connection, guint rescan_interval_sec);

/* Main context. (transfer full) (nullable): by UUID or by name. */
SinterDomain *sinter_inventory_lookup(SinterInventory *self, const char *name_or_uuid);

/* Main context. (transfer container) (element-type SinterDomain): all, by name. */
GPtrArray *sinter_inventory_list(SinterInventory *self);

/* Main context. (transfer full): the graph of the present state; built when first asked for. */
SinterReferenceGraph *sinter_inventory_get_graph(SinterInventory *self);

/* Main context. Whether any domain could not be read whole when it was last looked at. */
gboolean sinter_inventory_has_problems(SinterInventory *self);

gboolean sinter_inventory_is_complete(SinterInventory *self);

/* Main context. Scans one domain (@uuid) or all (%NULL); the callback comes when the inventory
 * shows a state that was read after this call. */
void sinter_inventory_refresh_async(SinterInventory *self, const char *uuid,
                                    GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer user_data);
gboolean sinter_inventory_refresh_finish(SinterInventory *self, GAsyncResult *result,
                                         GError **error);

G_END_DECLS
