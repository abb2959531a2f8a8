/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter/format.h"

G_BEGIN_DECLS

/*
 * Deletes a snapshot, as qcow2-snapshot-write.h does or, if damage prevents that, without its
 * clusters; these are freed as far as nothing else can refer to them.
 */
gboolean sinter_qcow2_snapshot_delete_one(const SinterFormatFile *file, const char *wanted,
                                          SinterSnapshotKey key, GError **error);

/* The same for all snapshots but those in @kept (ids or names). */
gboolean sinter_qcow2_snapshot_delete_except(const SinterFormatFile *file, const char *const *kept,
                                             GError **error);

G_END_DECLS
