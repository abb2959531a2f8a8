/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * SinterFormat's callbacks for an image that is open for writing; the writer is SinterQcow2Writer.
 */

#include "sinter/format.h"

G_BEGIN_DECLS

gpointer sinter_qcow2_format_write_open(const SinterFormatFile *file, const SinterFormatWrite *how,
                                        SinterFormatTraits *ret, GError **error);
gboolean sinter_qcow2_format_write_close(gpointer writer, GError **error);
void sinter_qcow2_format_write_free(gpointer writer);
gboolean sinter_qcow2_format_write_read(gpointer writer, guint64 offset, void *buf, gsize len,
                                        GError **error);
gboolean sinter_qcow2_format_write(gpointer writer, guint64 offset, const void *buf, gsize len,
                                   GError **error);
gboolean sinter_qcow2_format_write_flush(gpointer writer, GError **error);
gboolean sinter_qcow2_format_write_zero(gpointer writer, guint64 offset, guint64 len,
                                        GError **error);
gboolean sinter_qcow2_format_write_discard(gpointer writer, guint64 offset, guint64 len,
                                           GError **error);
gboolean sinter_qcow2_format_write_copy(gpointer writer, guint64 offset, SinterIo *from,
                                        guint64 from_offset, guint64 len, GError **error);
gboolean sinter_qcow2_format_write_holds(gpointer writer, guint64 offset, guint64 len,
                                         gboolean *ret_held, guint64 *ret_len, GError **error);
gboolean sinter_qcow2_format_write_place(gpointer writer, guint64 offset, guint64 len,
                                         SinterFormatPlace *ret, GError **error);
gboolean sinter_qcow2_format_write_map(gpointer writer, const SinterFormatPlace *place,
                                       GError **error);
void sinter_qcow2_format_write_drop(gpointer writer, const SinterFormatPlace *place);
gsize sinter_qcow2_format_compress(gpointer writer, const guint8 *cluster, guint8 *out);
gboolean sinter_qcow2_format_write_stream(gpointer writer, guint64 offset, const void *data,
                                          gsize n_bytes, GError **error);
gboolean sinter_qcow2_format_write_adopt(gpointer writer, const guint64 *offsets, guint64 n,
                                         SinterIo *from, guint64 from_offset, GError **error);
void sinter_qcow2_format_write_store_zeros(gpointer writer);
gboolean sinter_qcow2_format_write_empty(gpointer writer, GError **error);
gboolean sinter_qcow2_format_write_uncover(gpointer writer, guint64 offset, guint64 len,
                                           guint64 *ret_end, GError **error);

G_END_DECLS
