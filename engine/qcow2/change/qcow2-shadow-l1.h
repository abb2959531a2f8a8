/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * States of the disk, the active one and internal snapshots, during a change of the metadata
 * (qcow2-shadow.h): their L1 tables, and the L2 tables that these refer to.
 */

#include "qcow2-shadow.h"
#include "qcow2/read/qcow2-snapshot.h"

G_BEGIN_DECLS

/* Loads the current L2 table at @offset into @table. */
gboolean sinter_qcow2_shadow_load_l2(SinterQcow2Shadow *shadow, guint64 offset, guint8 *table,
                                     GError **error);

/* Loads the L1 table of a snapshot, checked against its bounds. Free with g_free(). */
guint64 *sinter_qcow2_shadow_load_snapshot_l1(const SinterQcow2Writer *writer,
                                              const SinterQcow2Snapshot *snapshot, GError **error);

/*
 * Allocates and writes an L1 table of @n entries, replacing one of @old_entries at @old_offset. An
 * empty table has no place.
 */
gboolean sinter_qcow2_shadow_store_l1(SinterQcow2Shadow *shadow, const guint64 *l1, guint32 n,
                                      guint64 old_offset, guint32 old_entries, guint64 *ret,
                                      GError **error);

/* Stores the active L1 table of the new generation. */
gboolean sinter_qcow2_shadow_store_active_l1(SinterQcow2Shadow *shadow, const guint64 *l1,
                                             guint32 n, GError **error);

G_END_DECLS
