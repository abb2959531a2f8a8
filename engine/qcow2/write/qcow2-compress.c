/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Compresses clusters: zlib with QEMU's window size, or zstd. Encoders are reused for the next
 * cluster, one set per thread. Invariant: a stream is complete; QEMU and this engine decode it to
 * the same bytes.
 */

#include "qcow2-compress.h"

#include <zlib.h>
#include <zstd.h>

/* QEMU decodes with this window size and cannot read larger ones. */
#define ZLIB_WINDOW_BITS (-12)
#define ZLIB_MEMORY_LEVEL 9

typedef struct {
    z_stream zlib;
    gboolean has_zlib;
    ZSTD_CCtx *zstd;
} Encoder;

static void
encoder_free(gpointer data)
{
    Encoder *self = data;

    if (self->has_zlib)
        deflateEnd(&self->zlib);
    ZSTD_freeCCtx(self->zstd);
    g_free(self);
}

static GPrivate thread_encoder = G_PRIVATE_INIT(encoder_free);

static Encoder *
encoder_get(void)
{
    Encoder *self = g_private_get(&thread_encoder);

    if (!self) {
        self = g_new0(Encoder, 1);
        g_private_set(&thread_encoder, self);
    }
    return self;
}

static gsize
encode_zlib(Encoder *self, const guint8 *in, gsize in_bytes, guint8 *out, gsize out_room)
{
    if (!self->has_zlib) {
        if (deflateInit2(&self->zlib, Z_DEFAULT_COMPRESSION, Z_DEFLATED, ZLIB_WINDOW_BITS,
                         ZLIB_MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
            return 0;
        self->has_zlib = TRUE;
    } else if (deflateReset(&self->zlib) != Z_OK) {
        return 0;
    }
    self->zlib.next_in = (guint8 *)in;
    self->zlib.avail_in = (uInt)in_bytes;
    self->zlib.next_out = out;
    self->zlib.avail_out = (uInt)out_room;
    return deflate(&self->zlib, Z_FINISH) == Z_STREAM_END ? out_room - self->zlib.avail_out : 0;
}

static gsize
encode_zstd(Encoder *self, const guint8 *in, gsize in_bytes, guint8 *out, gsize out_room)
{
    gsize n;

    if (!self->zstd)
        self->zstd = ZSTD_createCCtx();
    if (!self->zstd)
        return 0;
    n = ZSTD_compressCCtx(self->zstd, out, out_room, in, in_bytes, ZSTD_CLEVEL_DEFAULT);
    return ZSTD_isError(n) ? 0 : n;
}

gsize
sinter_qcow2_compress(guint8 compression_type, const guint8 *in, gsize in_bytes, guint8 *out,
                      gsize out_room)
{
    Encoder *encoder = encoder_get();

    return compression_type == SINTER_QCOW2_COMPRESSION_ZSTD
               ? encode_zstd(encoder, in, in_bytes, out, out_room)
               : encode_zlib(encoder, in, in_bytes, out, out_room);
}
