/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-connection.h"
#include "sinter-model.h"
#include "sinter-reference-graph.h"
#include "sinter-scan-settings.h"

G_BEGIN_DECLS

/**
 * SinterInventory:
 *
 * The present state: every domain with its disks, chains and snapshots. Follows the connection: a
 * full scan after CONNECTED and at an interval (libvirt has no event for a new snapshot), a scan of
 * one domain after one of its events. Scans run in one worker; events that arrive meanwhile are
 * combined into one further scan.
 *
 * Signals, on the main context, after the inventory shows the new state:
 *  - "domain-changed" (SinterDomain *old (nullable), SinterDomain *new (nullable)): added, changed
 *    or removed; not emitted for a scan that found no change.
 *  - "event" (const SinterEvent *): each of the connection's events, with the disk's target
 *    (sinter_event_name_disk()). Emitted at once, before any change that results from it. If the
 *    device is unknown and a scan of the domain is in progress, it is emitted after that scan; for
 *    an added device always after a scan.
 *  - "scanned": a full scan has ended (after the first one the inventory is complete).
 */
#define SINTER_TYPE_INVENTORY (sinter_inventory_get_type())
G_DECLARE_FINAL_TYPE(SinterInventory, sinter_inventory, SINTER, INVENTORY, GObject)

/* @rescan_interval_sec: seconds between full scans, 0 for none */
SinterInventory *sinter_inventory_new(SinterConnection *connection, SinterScanSettings *settings,
                                      guint rescan_interval_sec);

/* (transfer none): how the host is scanned */
SinterScanSettings *sinter_inventory_get_settings(SinterInventory *self);

/* Main context. (transfer full) (nullable): a domain by UUID or by name. */
SinterDomain *sinter_inventory_lookup(SinterInventory *self, const char *name_or_uuid);

/* Main context. (transfer container) (element-type SinterDomain): all domains, sorted by name. */
GPtrArray *sinter_inventory_list(SinterInventory *self);

/* Main context. (transfer full): the graph of the present state; built on first use. */
SinterReferenceGraph *sinter_inventory_get_graph(SinterInventory *self);

/* Main context. Returns whether any domain could not be read completely at its last scan. */
gboolean sinter_inventory_has_problems(SinterInventory *self);

gboolean sinter_inventory_is_complete(SinterInventory *self);

/* Main context. Scans one domain (@uuid) or all (%NULL); the callback runs when the inventory shows
 * a state that was read after this call. */
void sinter_inventory_refresh_async(SinterInventory *self, const char *uuid,
                                    GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer user_data);
/* Main context. Like a refresh of one domain, but the callback may show a state that was read
 * before this call, if it was read after the last known change: after an event of the domain, and
 * after what this daemon has changed itself. For a caller that only waits for the inventory to show
 * such a change. */
void sinter_inventory_settle_async(SinterInventory *self, const char *uuid,
                                   GCancellable *cancellable, GAsyncReadyCallback callback,
                                   gpointer user_data);
gboolean sinter_inventory_refresh_finish(SinterInventory *self, GAsyncResult *result,
                                         GError **error);

G_END_DECLS
