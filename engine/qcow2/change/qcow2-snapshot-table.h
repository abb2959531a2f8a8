/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-shadow.h"
#include "qcow2/read/qcow2-snapshot.h"
#include "sinter/snapshot.h"

G_BEGIN_DECLS

/* Returns: (transfer none): the snapshot in @list, or NULL with NOT_FOUND. */
SinterQcow2Snapshot *sinter_qcow2_snapshot_table_find(const GPtrArray *list, const char *wanted,
                                                      SinterSnapshotKey key, GError **error);

/*
 * Returns: (transfer full): the table of the snapshots in @list. Every entry stores its disk size;
 * unknown extra data is kept.
 */
GByteArray *sinter_qcow2_snapshot_table_build(const GPtrArray *list, GError **error);

/* Returns the id of a new snapshot: one more than the largest number among the ids. */
char *sinter_qcow2_snapshot_table_new_id(const GPtrArray *list);

/*
 * Writes a table of the snapshots in @list for the new generation, replacing the current one.
 */
gboolean sinter_qcow2_snapshot_table_replace(SinterQcow2Shadow *shadow, const GPtrArray *list,
                                             guint64 old_bytes, GError **error);

/* The size of the table that @list was loaded from. */
guint64 sinter_qcow2_snapshot_table_bytes(const SinterQcow2Header *header, const GPtrArray *list);

G_END_DECLS
