/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-edit.h"
#include "sinter/snapshot.h"

G_BEGIN_DECLS

/*
 * Deletes a snapshot without space for a new generation of the metadata (qcow2-in-place.h). If
 * there is not even room for a snapshot table without it, the snapshot is emptied first. After a
 * crash it either exists, possibly emptied, or not, and nothing else has changed.
 */
gboolean sinter_qcow2_snapshot_drop(SinterQcow2Edit *edit, const char *wanted,
                                    SinterSnapshotKey key, GError **error);

G_END_DECLS
