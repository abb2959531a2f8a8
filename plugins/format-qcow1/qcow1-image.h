/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The read callbacks of the driver; see SinterFormat in <sinter/format.h>. */

#include <sinter/format.h>

G_BEGIN_DECLS

gboolean sinter_qcow1_image_open(SinterImage *image, const SinterFormatOpen *how, GError **error);
void sinter_qcow1_image_close(SinterImage *image);
gboolean sinter_qcow1_image_map(SinterImage *image, guint64 offset, guint64 len, SinterExtent *ret,
                                GError **error);
gboolean sinter_qcow1_image_read_compressed(SinterImage *image, guint64 offset, void *buf,
                                            gsize len, GError **error);

G_END_DECLS
