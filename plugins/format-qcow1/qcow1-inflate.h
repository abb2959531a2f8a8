/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Decompresses the streams of compressed clusters: raw deflate with a window of 4 KiB. */

#include <glib.h>
#include <zlib.h>

G_BEGIN_DECLS

/* Zero it before the first use. One thread at a time. */
typedef struct {
    z_stream stream;
    gboolean is_ready;
} SinterQcow1Inflate;

void sinter_qcow1_inflate_clear(SinterQcow1Inflate *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterQcow1Inflate, sinter_qcow1_inflate_clear)

/* Fills @out completely from the stream at @in. CORRUPT if the stream yields fewer bytes. */
gboolean sinter_qcow1_inflate_run(SinterQcow1Inflate *self, const guint8 *in, gsize in_bytes,
                                  guint8 *out, gsize out_bytes, GError **error);

G_END_DECLS
