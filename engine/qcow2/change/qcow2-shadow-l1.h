/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * States of the disk, the active one and internal snapshots, under a change of the metadata
 * (qcow2-shadow.h): their L1 tables, and the L2 tables that these name.
 */

#include "qcow2-shadow.h"
#include "qcow2/read/qcow2-snapshot.h"

G_BEGIN_DECLS

/* The L2 table at @offset, as it is now, into @table. */
gboolean sinter_qcow2_shadow_load_l2(SinterQcow2Shadow *shadow, guint64 offset, guint8 *table,
                                     GError **error);

/* The L1 table of a snapshot, in bounds. Free with g_free(). */
guint64 *sinter_qcow2_shadow_load_snapshot_l1(const SinterQcow2Writer *writer,
                                              const SinterQcow2Snapshot *snapshot, GError **error);

/*
 * Room for an L1 table of @n entries, and they in it, in place of one of @old_entries at
 * @old_offset. An empty one lies nowhere.
 */
gboolean sinter_qcow2_shadow_store_l1(SinterQcow2Shadow *shadow, const guint64 *l1, guint32 n,
                                      guint64 old_offset, guint32 old_entries, guint64 *ret,
                                      GError **error);

/* The active L1 table of the new generation. */
gboolean sinter_qcow2_shadow_store_active_l1(SinterQcow2Shadow *shadow, const guint64 *l1,
                                             guint32 n, GError **error);

G_END_DECLS
