/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-shadow.h"
#include "qcow2/read/qcow2-snapshot.h"

G_BEGIN_DECLS

/* The id of a snapshot that is to be added: one more than the largest number among the ids. */
char *sinter_qcow2_snapshot_table_new_id(const GPtrArray *list);

/*
 * A table of the snapshots in @list for the new generation, in place of the present one. Every
 * entry says its disk's size; what is not known of its extra data is kept.
 */
gboolean sinter_qcow2_snapshot_table_replace(SinterQcow2Shadow *shadow, const GPtrArray *list,
                                             guint64 old_bytes, GError **error);

/* Bytes of the table that @list was loaded from. */
guint64 sinter_qcow2_snapshot_table_bytes(const SinterQcow2Header *header, const GPtrArray *list);

G_END_DECLS
