/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-image.h"

G_BEGIN_DECLS

/*
 * Decodes one cluster: @in holds its stream and usually some bytes more, because the image stores
 * the length only in sectors. The output must be exactly @out_bytes long. Any thread.
 */
gboolean sinter_qcow2_decompress(guint8 compression_type, const guint8 *in, gsize in_bytes,
                                 guint8 *out, gsize out_bytes, GError **error);

/* The same; also returns the length of the stream in @in. */
gboolean sinter_qcow2_decompress_measure(guint8 compression_type, const guint8 *in, gsize in_bytes,
                                         guint8 *out, gsize out_bytes, gsize *ret_used,
                                         GError **error);

/* SinterFormat's callbacks. */

gboolean sinter_qcow2_read_streams(SinterImage *image, SinterFormatStreams *streams,
                                   GError **error);
gboolean sinter_qcow2_measure_stream(SinterImage *image, const void *data, gsize n, void *plain,
                                     gsize *ret_bytes, GError **error);
gboolean sinter_qcow2_read_compressed(SinterImage *image, guint64 offset, void *buf, gsize len,
                                      GError **error);

G_END_DECLS
