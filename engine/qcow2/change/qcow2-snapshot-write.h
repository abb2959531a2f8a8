/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Internal snapshots: made, applied, deleted. Each builds a new generation of the metadata
 * (qcow2-shadow.h), so that a cut leaves the image as it was or as it is to be. The writer is at
 * rest before, and afterwards good for nothing but to be freed.
 */

#include "qcow2/read/qcow2-snapshot.h"
#include "qcow2/write/qcow2-writer.h"
#include "sinter/snapshot.h"

G_BEGIN_DECLS

/* @date_usec: since 1970 */
gboolean sinter_qcow2_snapshot_create(SinterQcow2Writer *writer, const char *name, gint64 date_usec,
                                      GError **error);

/* The disk gets the size that it had. NOT_FOUND where there is no such snapshot. */
gboolean sinter_qcow2_snapshot_apply(SinterQcow2Writer *writer, const char *wanted,
                                     SinterSnapshotKey key, GError **error);

gboolean sinter_qcow2_snapshot_delete(SinterQcow2Writer *writer, const char *wanted,
                                      SinterSnapshotKey key, GError **error);

G_END_DECLS
