/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/sinter-io.h"

G_BEGIN_DECLS

/*
 * Adds to @changes (of SinterSnapshotChange) the ranges of the active disk that are mapped
 * differently in the snapshot @wanted (id or name). The active tables may be damaged; the
 * snapshot's must be readable.
 */
gboolean sinter_qcow2_snapshot_list_changes(SinterIo *io, const char *wanted, GArray *changes,
                                            GError **error);

G_END_DECLS
