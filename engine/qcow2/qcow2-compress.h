/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-image.h"

G_BEGIN_DECLS

/*
 * Decodes one cluster: @in holds its stream and, as a rule, some bytes more, for the image knows
 * the length only in sectors. Exactly @out_bytes must come out. Any thread.
 */
gboolean sinter_qcow2_decompress(guint8 compression_type, const guint8 *in, gsize in_bytes,
                                 guint8 *out, gsize out_bytes, GError **error);

/* SinterFormat's read_compressed(): a range of compressed guest clusters. */
gboolean sinter_qcow2_read_compressed(SinterImage *image, guint64 offset, void *buf, gsize len,
                                      GError **error);

G_END_DECLS
