/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Creates, applies and deletes internal snapshots. Each function builds a new generation of the
 * metadata (qcow2-shadow.h), so a crash leaves the image in the old or the new state. The writer
 * must have nothing dirty before, and must only be freed afterwards.
 */

#include "qcow2/read/qcow2-snapshot.h"
#include "qcow2/write/qcow2-writer.h"
#include "sinter/snapshot.h"

G_BEGIN_DECLS

/* @date_usec: since 1970 */
gboolean sinter_qcow2_snapshot_create(SinterQcow2Writer *writer, const char *name, gint64 date_usec,
                                      GError **error);

/*
 * The disk is also resized to the snapshot's size. Fails with NOT_FOUND if there is no such
 * snapshot.
 */
gboolean sinter_qcow2_snapshot_apply(SinterQcow2Writer *writer, const char *wanted,
                                     SinterSnapshotKey key, GError **error);

gboolean sinter_qcow2_snapshot_delete(SinterQcow2Writer *writer, const char *wanted,
                                      SinterSnapshotKey key, GError **error);

G_END_DECLS
