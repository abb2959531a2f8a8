/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-image.h"

G_BEGIN_DECLS

/* SinterFormat's map(): returns the extent at @offset of the image's view. */
gboolean sinter_qcow2_map_run(SinterImage *image, guint64 offset, guint64 len, SinterExtent *ret,
                              GError **error);

/*
 * Returns the L2 entries of @n guest clusters from the one at @offset on. Stops at the end of a
 * table's page: @ret_n is the number of entries, at least 1.
 */
gboolean sinter_qcow2_map_entries(SinterQcow2Image *self, guint64 offset, guint n,
                                  SinterQcow2L2Entry *ret, guint *ret_n, GError **error);

G_END_DECLS
