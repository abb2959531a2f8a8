/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The decompressor. Invariant: it returns a whole cluster or an error. Like in QEMU, the stream
 * does not need an end marker.
 */

#include "qcow1-inflate.h"
#include "sinter-error.h"

/* Negative: no zlib header. QEMU writes with this window size and cannot read a larger one. */
#define WINDOW_BITS (-12)

void
sinter_qcow1_inflate_clear(SinterQcow1Inflate *self)
{
    if (self->is_ready)
        inflateEnd(&self->stream);
    self->is_ready = FALSE;
}

static gboolean
inflate_prepare(SinterQcow1Inflate *self)
{
    if (self->is_ready)
        return inflateReset(&self->stream) == Z_OK;
    self->is_ready = inflateInit2(&self->stream, WINDOW_BITS) == Z_OK;
    return self->is_ready;
}

gboolean
sinter_qcow1_inflate_run(SinterQcow1Inflate *self, const guint8 *in, gsize in_bytes, guint8 *out,
                         gsize out_bytes, GError **error)
{
    int ret;

    if (!inflate_prepare(self)) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_FAILED, "no memory for zlib");
        return FALSE;
    }
    self->stream.next_in = (guint8 *)in;
    self->stream.avail_in = (uInt)in_bytes;
    self->stream.next_out = out;
    self->stream.avail_out = (uInt)out_bytes;
    ret = inflate(&self->stream, Z_FINISH);
    if ((ret == Z_STREAM_END || ret == Z_BUF_ERROR) && self->stream.avail_out == 0)
        return TRUE;
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                        "the data does not decompress to a whole cluster");
    return FALSE;
}
