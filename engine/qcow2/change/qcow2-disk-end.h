/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2/write/qcow2-writer.h"
#include "sinter/create.h"

G_BEGIN_DECLS

/*
 * What lies behind a place of the guest's disk, be it inside the disk or beyond its end, where
 * nobody sees it: a saved machine's memory, the rest of a disk that was larger.
 */

/* Unmaps all clusters that begin at @offset or behind it; tables that so become empty go as well.
 */
gboolean sinter_qcow2_disk_end_unmap(SinterQcow2Writer *self, guint64 offset, GError **error);

/*
 * Makes sure that the range from @from to @to, which is beyond the disk's end and not mapped but
 * for the cluster that @from lies in, is zeros once the disk reaches so far.
 */
gboolean sinter_qcow2_disk_end_zero(SinterQcow2Writer *self, guint64 from, guint64 to,
                                    GError **error);

/* Gives the clusters from @from to @to, which are not mapped, host space that reads as zeros. */
gboolean sinter_qcow2_disk_end_preallocate(SinterQcow2Writer *self, guint64 from, guint64 to,
                                           SinterPreallocation preallocation, GError **error);

/* Cuts off what no cluster in use reaches at the end of the image file. The writer is at rest. */
gboolean sinter_qcow2_disk_end_cut_file(SinterQcow2Writer *self, GError **error);

G_END_DECLS
