/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2/write/qcow2-writer.h"
#include "sinter/create.h"

G_BEGIN_DECLS

/*
 * The part of the disk beyond a given offset, inside the disk or beyond its end: saved VM state, or
 * the rest of a disk that was larger.
 */

/* Unmaps all clusters that begin at or after @offset; also removes tables that become empty. */
gboolean sinter_qcow2_disk_end_unmap(SinterQcow2Writer *self, guint64 offset, GError **error);

/*
 * Ensures that the range from @from to @to reads as zeros once the disk includes it. The range is
 * beyond the disk's end and not mapped, except for the cluster of @from.
 */
gboolean sinter_qcow2_disk_end_zero(SinterQcow2Writer *self, guint64 from, guint64 to,
                                    GError **error);

/*
 * Allocates host space that reads as zeros for the clusters from @from to @to, which are not
 * mapped.
 */
gboolean sinter_qcow2_disk_end_preallocate(SinterQcow2Writer *self, guint64 from, guint64 to,
                                           SinterPreallocation preallocation, GError **error);

/* Truncates the image file after the last cluster in use. The writer must have nothing dirty. */
gboolean sinter_qcow2_disk_end_cut_file(SinterQcow2Writer *self, GError **error);

G_END_DECLS
