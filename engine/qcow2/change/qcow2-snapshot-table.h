/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-shadow.h"
#include "qcow2/read/qcow2-snapshot.h"

G_BEGIN_DECLS

/* Returns the id of a new snapshot: one more than the largest number among the ids. */
char *sinter_qcow2_snapshot_table_new_id(const GPtrArray *list);

/*
 * Writes a table of the snapshots in @list for the new generation, replacing the current one. Every
 * entry stores its disk size; unknown extra data is kept.
 */
gboolean sinter_qcow2_snapshot_table_replace(SinterQcow2Shadow *shadow, const GPtrArray *list,
                                             guint64 old_bytes, GError **error);

/* The size of the table that @list was loaded from. */
guint64 sinter_qcow2_snapshot_table_bytes(const SinterQcow2Header *header, const GPtrArray *list);

G_END_DECLS
