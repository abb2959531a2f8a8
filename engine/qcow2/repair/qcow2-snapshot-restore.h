/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Snapshots of damaged images: the active state restored from one, and some of them deleted. Unlike
 * qcow2-snapshot-write.h these need neither sound active tables nor right refcounts. Each change is
 * one new generation (qcow2-generation.h).
 */

#include "sinter/format.h"

G_BEGIN_DECLS

/*
 * Makes the state of the snapshot with that id or, if there is none, with that name the active one.
 * Dirty bitmaps become invalid. CORRUPT if the snapshot itself is damaged.
 */
gboolean sinter_qcow2_snapshot_restore(SinterIo *io, const SinterRepairOptions *options,
                                       const char *wanted, GError **error);

/*
 * Deletes the snapshots at @indices (of guint) of the table. Frees no clusters. Sets @ret_may_free
 * to whether nothing before suggested that leaked clusters hold lost data.
 */
gboolean sinter_qcow2_snapshot_forget(SinterIo *io, const SinterRepairOptions *options,
                                      const GArray *indices, gboolean *ret_may_free,
                                      GError **error);

G_END_DECLS
