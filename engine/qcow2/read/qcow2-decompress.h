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

/* The same, and how much of @in the stream takes. */
gboolean sinter_qcow2_decompress_measure(guint8 compression_type, const guint8 *in, gsize in_bytes,
                                         guint8 *out, gsize out_bytes, gsize *ret_used,
                                         GError **error);

/* Where a stream stands in a buffer: its bytes and, as a rule, some more. */
typedef struct {
    guint32 at;
    guint32 bytes;
} SinterQcow2StreamRef;

/*
 * Reads the streams of compressed guest clusters as they are: those of up to @n clusters from the
 * one at @offset on, as many as have room in @buf one behind the other. Any thread.
 */
gboolean sinter_qcow2_read_streams(SinterImage *image, guint64 offset, guint n, guint8 *buf,
                                   gsize room, SinterQcow2StreamRef *ret, guint *ret_n,
                                   GError **error);

/* SinterFormat's read_compressed(): a range of compressed guest clusters. */
gboolean sinter_qcow2_read_compressed(SinterImage *image, guint64 offset, void *buf, gsize len,
                                      GError **error);

G_END_DECLS
