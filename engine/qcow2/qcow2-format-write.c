/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The driver's callbacks for a qcow2 image that is open for writing. Their state is the writer
 * (qcow2-writer.h), which the engine calls from one thread at a time, except for compress().
 */

#include "qcow2-format-write.h"
#include "qcow2/write/qcow2-compress.h"
#include "qcow2/write/qcow2-empty.h"
#include "qcow2/write/qcow2-place.h"
#include "qcow2/write/qcow2-uncover.h"

static void
fill_traits(const SinterQcow2Writer *self, SinterFormatTraits *ret)
{
    *ret = (SinterFormatTraits){
        .virtual_size = self->header->virtual_size_bytes,
        .cluster_size = self->geo.cluster_size,
        .unit_size = G_GUINT64_CONSTANT(1) << self->geo.subcluster_bits,
        .compression = sinter_qcow2_header_compression_name(self->header),
        .data_io = self->data_io,
        .backing = self->backing,
    };
    if (!self->geo.external_data)
        ret->flags = SINTER_FORMAT_TAKES_STREAMS | SINTER_FORMAT_ADOPTS;
}

gpointer
sinter_qcow2_format_write_open(const SinterFormatFile *file, const SinterFormatWrite *how,
                               SinterFormatTraits *ret, GError **error)
{
    const SinterQcow2WriterOptions options = {
        .io_flags = file->io_flags,
        .probe_backing = file->probe_backing,
        .no_backing = how->no_backing,
        .backing = how->backing,
        .data_io = file->data_io,
    };
    SinterQcow2Writer *self = sinter_qcow2_writer_open(file->fs, file->io, &options, error);

    if (self)
        fill_traits(self, ret);
    return self;
}

gboolean
sinter_qcow2_format_write_close(gpointer writer, GError **error)
{
    return sinter_qcow2_writer_close(writer, error);
}

void
sinter_qcow2_format_write_free(gpointer writer)
{
    sinter_qcow2_writer_free(writer);
}

gboolean
sinter_qcow2_format_write_read(gpointer writer, guint64 offset, void *buf, gsize len,
                               GError **error)
{
    return sinter_qcow2_writer_read(writer, offset, buf, len, error);
}

gboolean
sinter_qcow2_format_write(gpointer writer, guint64 offset, const void *buf, gsize len,
                          GError **error)
{
    return sinter_qcow2_writer_write(writer, offset, buf, len, error);
}

gboolean
sinter_qcow2_format_write_flush(gpointer writer, GError **error)
{
    return sinter_qcow2_writer_flush(writer, error);
}

gboolean
sinter_qcow2_format_write_zero(gpointer writer, guint64 offset, guint64 len, GError **error)
{
    return sinter_qcow2_writer_zero(writer, offset, len, error);
}

gboolean
sinter_qcow2_format_write_discard(gpointer writer, guint64 offset, guint64 len, GError **error)
{
    return sinter_qcow2_writer_discard(writer, offset, len, error);
}

gboolean
sinter_qcow2_format_write_copy(gpointer writer, guint64 offset, SinterIo *from, guint64 from_offset,
                               guint64 len, GError **error)
{
    return sinter_qcow2_writer_copy(writer, offset, from, from_offset, len, error);
}

gboolean
sinter_qcow2_format_write_holds(gpointer writer, guint64 offset, guint64 len, gboolean *ret_held,
                                guint64 *ret_len, GError **error)
{
    return sinter_qcow2_writer_holds(writer, offset, len, ret_held, ret_len, error);
}

gboolean
sinter_qcow2_format_write_place(gpointer writer, guint64 offset, guint64 len,
                                SinterFormatPlace *ret, GError **error)
{
    return sinter_qcow2_writer_place(writer, offset, len, ret, error);
}

gboolean
sinter_qcow2_format_write_map(gpointer writer, const SinterFormatPlace *place, GError **error)
{
    return sinter_qcow2_writer_map(writer, place, error);
}

void
sinter_qcow2_format_write_drop(gpointer writer, const SinterFormatPlace *place)
{
    sinter_qcow2_writer_drop(writer, place);
}

gsize
sinter_qcow2_format_compress(gpointer writer, const guint8 *cluster, guint8 *out)
{
    const SinterQcow2Writer *self = writer;

    return sinter_qcow2_compress(self->header->compression_type, cluster, self->geo.cluster_size,
                                 out, self->geo.cluster_size - 1);
}

gboolean
sinter_qcow2_format_write_stream(gpointer writer, guint64 offset, const void *data, gsize n_bytes,
                                 GError **error)
{
    return sinter_qcow2_writer_put_compressed(writer, offset, data, n_bytes, error);
}

gboolean
sinter_qcow2_format_write_adopt(gpointer writer, const guint64 *offsets, guint64 n, SinterIo *from,
                                guint64 from_offset, GError **error)
{
    return sinter_qcow2_writer_adopt(writer, offsets, n, from, from_offset, error);
}

void
sinter_qcow2_format_write_store_zeros(gpointer writer)
{
    SinterQcow2Writer *self = writer;

    self->stores_zeros = TRUE;
}

gboolean
sinter_qcow2_format_write_empty(gpointer writer, GError **error)
{
    return sinter_qcow2_empty(writer, error);
}

gboolean
sinter_qcow2_format_write_uncover(gpointer writer, guint64 offset, guint64 len, guint64 *ret_end,
                                  GError **error)
{
    return sinter_qcow2_uncover(writer, offset, len, ret_end, error);
}
