/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-image.h"

G_BEGIN_DECLS

/*
 * The refcount of the host cluster @cluster (its number, not its offset). One without a refcount
 * block has 0. Any thread.
 */
gboolean sinter_qcow2_refcount_get(SinterQcow2Image *self, guint64 cluster, guint64 *ret,
                                   GError **error);

/*
 * SinterFormat's is_preallocated(): whether clearly more clusters are referenced than the file
 * takes space for. QEMU then asks the file system which of them are holes.
 */
gboolean sinter_qcow2_is_preallocated(SinterImage *image);

G_END_DECLS
