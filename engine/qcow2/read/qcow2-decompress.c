/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Decodes compressed clusters and reads ranges of them. zlib streams are first decoded with
 * libdeflate, which is more than twice as fast but requires the stream to end with the cluster; if
 * it refuses one, zlib decides by QEMU's rule: the cluster must be full, the rest of the input is
 * ignored. Invariant: a cluster that is not decoded completely is an error. Adjacent streams in the
 * file are read together.
 */

#include "qcow2-decompress.h"
#include "qcow2-map.h"
#include "sinter-error.h"

#include <string.h>
#include <zlib.h>
#include <zstd.h>
#if SINTER_HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif

/* QEMU writes with this window size and cannot read larger ones. */
#define ZLIB_WINDOW_BITS (-12)
#define SPAN_MAX_BYTES (1024 * 1024)
#define BATCH_MAX 256

/* Decoders that are reused; one set per thread. */
typedef struct {
    z_stream zlib;
    gboolean has_zlib;
    ZSTD_DCtx *zstd;
#if SINTER_HAVE_LIBDEFLATE
    struct libdeflate_decompressor *deflate;
#endif
} Decoder;

static void
decoder_free(gpointer data)
{
    Decoder *self = data;

    if (self->has_zlib)
        inflateEnd(&self->zlib);
    ZSTD_freeDCtx(self->zstd);
#if SINTER_HAVE_LIBDEFLATE
    libdeflate_free_decompressor(self->deflate);
#endif
    g_free(self);
}

static GPrivate thread_decoder = G_PRIVATE_INIT(decoder_free);

static Decoder *
decoder_get(void)
{
    Decoder *self = g_private_get(&thread_decoder);

    if (!self) {
        self = g_new0(Decoder, 1);
        g_private_set(&thread_decoder, self);
    }
    return self;
}

#if SINTER_HAVE_LIBDEFLATE
static gboolean
decode_libdeflate(Decoder *self, const guint8 *in, gsize in_bytes, guint8 *out, gsize out_bytes,
                  gsize *ret_used)
{
    if (!self->deflate)
        self->deflate = libdeflate_alloc_decompressor();
    return self->deflate &&
           libdeflate_deflate_decompress_ex(self->deflate, in, in_bytes, out, out_bytes, ret_used,
                                            NULL) == LIBDEFLATE_SUCCESS;
}
#else
static gboolean
decode_libdeflate(Decoder *self, const guint8 *in, gsize in_bytes, guint8 *out, gsize out_bytes,
                  gsize *ret_used)
{
    return FALSE;
}
#endif

static gboolean
decode_zlib(Decoder *self, const guint8 *in, gsize in_bytes, guint8 *out, gsize out_bytes,
            gsize *ret_used)
{
    int ret;

    if (!self->has_zlib) {
        if (inflateInit2(&self->zlib, ZLIB_WINDOW_BITS) != Z_OK)
            return FALSE;
        self->has_zlib = TRUE;
    } else if (inflateReset(&self->zlib) != Z_OK) {
        return FALSE;
    }
    self->zlib.next_in = (guint8 *)in;
    self->zlib.avail_in = (uInt)in_bytes;
    self->zlib.next_out = out;
    self->zlib.avail_out = (uInt)out_bytes;
    ret = inflate(&self->zlib, Z_FINISH);
    *ret_used = in_bytes - self->zlib.avail_in;
    return (ret == Z_STREAM_END || ret == Z_BUF_ERROR) && self->zlib.avail_out == 0;
}

/*
 * Decodes frame by frame, each in one call: no window is allocated, whatever the frame's header
 * requests.
 */
static gboolean
decode_zstd(Decoder *self, const guint8 *in, gsize in_bytes, guint8 *out, gsize out_bytes,
            gsize *ret_used)
{
    const guint8 *start = in;

    if (!self->zstd)
        self->zstd = ZSTD_createDCtx();
    if (!self->zstd)
        return FALSE;
    while (out_bytes > 0) {
        gsize frame = ZSTD_findFrameCompressedSize(in, in_bytes);
        gsize n;

        if (ZSTD_isError(frame))
            return FALSE;
        n = ZSTD_decompressDCtx(self->zstd, out, out_bytes, in, frame);
        if (ZSTD_isError(n))
            return FALSE;
        in += frame;
        in_bytes -= frame;
        out += n;
        out_bytes -= n;
    }
    *ret_used = (gsize)(in - start);
    return TRUE;
}

gboolean
sinter_qcow2_decompress(guint8 compression_type, const guint8 *in, gsize in_bytes, guint8 *out,
                        gsize out_bytes, GError **error)
{
    gsize used;

    return sinter_qcow2_decompress_measure(compression_type, in, in_bytes, out, out_bytes, &used,
                                           error);
}

gboolean
sinter_qcow2_decompress_measure(guint8 compression_type, const guint8 *in, gsize in_bytes,
                                guint8 *out, gsize out_bytes, gsize *ret_used, GError **error)
{
    Decoder *decoder = decoder_get();
    gboolean ok = FALSE;

    if (compression_type == SINTER_QCOW2_COMPRESSION_ZLIB)
        ok = decode_libdeflate(decoder, in, in_bytes, out, out_bytes, ret_used) ||
             decode_zlib(decoder, in, in_bytes, out, out_bytes, ret_used);
    else if (compression_type == SINTER_QCOW2_COMPRESSION_ZSTD)
        ok = decode_zstd(decoder, in, in_bytes, out, out_bytes, ret_used);
    if (!ok)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "the compressed data does not decompress to a full cluster");
    return ok;
}

/* A range of the file that was read for the streams in it. */
typedef struct {
    guint8 *data;
    gsize room;
    guint64 start;
    guint64 end;
} Span;

/* Returns the end of the contiguous streams from the one at @index on. */
static guint64
span_end(const SinterQcow2Geometry *geo, const SinterQcow2L2Entry *entries, guint n, guint index,
         guint64 start)
{
    guint64 end = start;

    for (; index < n; index++) {
        SinterQcow2CompressedRef ref = sinter_qcow2_l2_compressed(geo, entries[index].entry);

        /* streams are packed: the next one begins in the sector in which the last one ends */
        if (end > start && (ref.host_offset < start || ref.host_offset > end ||
                            ref.host_offset + ref.host_bytes > start + SPAN_MAX_BYTES))
            break;
        end = MAX(end, ref.host_offset + ref.host_bytes);
    }
    return end;
}

static gboolean
span_load(Span *self, SinterIo *io, guint64 start, guint64 end, GError **error)
{
    gsize n = 0;

    if (end - start > self->room) {
        g_free(self->data);
        self->room = (gsize)MAX(end - start, 64 * 1024);
        self->data = g_malloc(self->room);
    }
    self->start = start;
    self->end = end;
    if (!sinter_io_read_some(io, start, self->data, (gsize)(end - start), &n, error))
        return FALSE;
    if (n == 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "compressed data at %" G_GUINT64_FORMAT " is beyond the end of the file",
                    start);
        return FALSE;
    }
    /* the length in sectors may extend a little beyond the end of the file */
    memset(self->data + n, 0, (gsize)(end - start) - n);
    return TRUE;
}

/* Makes @span contain the stream of the entry at @index. */
static gboolean
span_reach(SinterQcow2Image *self, Span *span, const SinterQcow2L2Entry *entries, guint n,
           guint index, GError **error)
{
    const SinterQcow2Geometry *geo = &self->header->geo;
    SinterQcow2CompressedRef ref = sinter_qcow2_l2_compressed(geo, entries[index].entry);

    if (!(entries[index].entry & SINTER_QCOW2_COMPRESSED)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                    "the cluster is no longer compressed: another process writes to the image");
        return FALSE;
    }
    return (ref.host_offset >= span->start && ref.host_offset + ref.host_bytes <= span->end) ||
           span_load(span, self->image->io, ref.host_offset,
                     span_end(geo, entries, n, index, ref.host_offset), error);
}

/* Decodes the cluster of @entry into @out, a buffer of one cluster. */
static gboolean
read_cluster(SinterQcow2Image *self, Span *span, const SinterQcow2L2Entry *entries, guint n,
             guint index, guint8 *out, GError **error)
{
    const SinterQcow2Geometry *geo = &self->header->geo;
    SinterQcow2CompressedRef ref = sinter_qcow2_l2_compressed(geo, entries[index].entry);

    return span_reach(self, span, entries, n, index, error) &&
           sinter_qcow2_decompress(self->header->compression_type,
                                   span->data + (ref.host_offset - span->start),
                                   (gsize)ref.host_bytes, out, geo->cluster_size, error);
}

/* A range of the guest's disk that is being read. */
typedef struct {
    guint64 offset;
    guint8 *buf;
    gsize len;
    guint8 *bounce; /* one cluster, for partial clusters; NULL: not yet needed */
} Wanted;

/*
 * Returns where to decode the cluster at @guest: in place, or in the bounce buffer if only a part
 * is wanted.
 */
static guint8 *
wanted_room(Wanted *self, guint64 guest, guint32 cluster_size)
{
    if (guest >= self->offset && guest + cluster_size <= self->offset + self->len)
        return self->buf + (guest - self->offset);
    if (!self->bounce)
        self->bounce = g_malloc(cluster_size);
    return self->bounce;
}

/* Copies the wanted part of the cluster at @guest from @room. */
static void
wanted_take(Wanted *self, guint64 guest, guint32 cluster_size, const guint8 *room)
{
    guint64 from = MAX(guest, self->offset);
    guint64 to = MIN(guest + cluster_size, self->offset + self->len);

    if (room == self->bounce)
        memcpy(self->buf + (from - self->offset), room + (from - guest), to - from);
}

gboolean
sinter_qcow2_read_streams(SinterImage *image, SinterFormatStreams *streams, GError **error)
{
    SinterQcow2Image *self = image->state;
    const SinterQcow2Geometry *geo = &self->header->geo;
    guint n = streams->n;
    g_autofree SinterQcow2L2Entry *entries = g_new(SinterQcow2L2Entry, n);
    Span span = { 0 };
    gsize used = 0;
    gboolean ok = sinter_qcow2_map_entries(self, streams->offset, n, entries, &n, error);
    guint i;

    for (i = 0; ok && i < n; i++) {
        SinterQcow2CompressedRef ref = sinter_qcow2_l2_compressed(geo, entries[i].entry);

        if (ref.host_bytes > streams->room - used)
            break;
        ok = span_reach(self, &span, entries, n, i, error);
        if (!ok)
            break;
        memcpy(streams->buf + used, span.data + (ref.host_offset - span.start),
               (gsize)ref.host_bytes);
        streams->refs[i] = (SinterFormatStreamRef){ (guint32)used, (guint32)ref.host_bytes };
        used += (gsize)ref.host_bytes;
    }
    streams->n = i;
    g_free(span.data);
    return ok;
}

/* Reads the wanted parts of @n clusters from the one at @guest on. */
static gboolean
read_batch(SinterQcow2Image *self, Span *span, guint64 guest, const SinterQcow2L2Entry *entries,
           guint n, Wanted *wanted, GError **error)
{
    guint32 cluster_size = self->header->geo.cluster_size;

    for (guint i = 0; i < n; i++, guest += cluster_size) {
        guint8 *room = wanted_room(wanted, guest, cluster_size);

        if (!read_cluster(self, span, entries, n, i, room, error)) {
            sinter_error_prefix(error, "'%s', guest offset %" G_GUINT64_FORMAT ": ",
                                self->image->info->path, guest);
            return FALSE;
        }
        wanted_take(wanted, guest, cluster_size, room);
    }
    return TRUE;
}

gboolean
sinter_qcow2_measure_stream(SinterImage *image, const void *data, gsize n, void *plain,
                            gsize *ret_bytes, GError **error)
{
    const SinterQcow2Header *header = ((SinterQcow2Image *)image->state)->header;

    return sinter_qcow2_decompress_measure(header->compression_type, data, n, plain,
                                           header->geo.cluster_size, ret_bytes, error);
}

gboolean
sinter_qcow2_read_compressed(SinterImage *image, guint64 offset, void *buf, gsize len,
                             GError **error)
{
    SinterQcow2Image *self = image->state;
    guint32 cluster_size = self->header->geo.cluster_size;
    g_autofree SinterQcow2L2Entry *entries = g_new(SinterQcow2L2Entry, BATCH_MAX);
    Wanted wanted = { .offset = offset, .buf = buf, .len = len };
    guint64 guest = offset & ~(guint64)(cluster_size - 1);
    gboolean ok = TRUE;
    Span span = { 0 };

    while (ok && guest < offset + len) {
        guint64 left = offset + len - guest;
        guint n = (guint)MIN((left + cluster_size - 1) / cluster_size, BATCH_MAX);

        ok = sinter_qcow2_map_entries(self, guest, n, entries, &n, error) &&
             read_batch(self, &span, guest, entries, n, &wanted, error);
        guest += (guint64)n * cluster_size;
    }
    g_free(span.data);
    g_free(wanted.bounce);
    return ok;
}
