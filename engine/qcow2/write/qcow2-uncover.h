/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removing a part of an image, so that the disk reads there like its backing file. */

#include "qcow2-writer.h"

G_BEGIN_DECLS

/*
 * Unmaps the whole clusters of the range and frees them; durable after a flush. The disk's last
 * cluster counts as whole. Sets @ret_end to the end of what was unmapped, @offset if nothing was.
 * Of an image with a data file nothing is unmapped.
 */
gboolean sinter_qcow2_uncover(SinterQcow2Writer *self, guint64 offset, guint64 len,
                              guint64 *ret_end, GError **error);

G_END_DECLS
