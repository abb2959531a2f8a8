/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads an image that is open for writing as the guest currently sees it: through the mapping in
 * memory, then the backing file.
 */

#include "qcow2/read/qcow2-decompress.h"
#include "qcow2-writer.h"
#include "sinter-error.h"

/* A contiguous range in one state. */
typedef struct {
    SinterQcow2Kind kind;
    guint64 host; /* bytes, for NORMAL */
    gsize len;
} ReadRun;

static gboolean
read_hole(SinterQcow2Writer *self, guint64 offset, guint8 *buf, gsize len, GError **error)
{
    guint64 size = self->backing ? sinter_chain_get_virtual_size(self->backing) : 0;
    gsize n = (gsize)MIN(len, size - MIN(size, offset));

    if (!self->backing && self->header->backing_name) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "'%s', guest offset %" G_GUINT64_FORMAT
                    ": the data is in the backing file '%s', which is not open",
                    sinter_io_get_path(self->io), offset, self->header->backing_name);
        return FALSE;
    }
    memset(buf + n, 0, len - n);
    return n == 0 || sinter_chain_read(self->backing, offset, buf, n, error);
}

static gboolean
read_compressed(SinterQcow2Writer *self, guint64 entry, guint64 offset, guint8 *buf, gsize len,
                GError **error)
{
    guint32 cluster_size = self->geo.cluster_size;
    SinterQcow2CompressedRef ref = sinter_qcow2_l2_compressed(&self->geo, entry);
    g_autofree guint8 *in = g_malloc(ref.host_bytes);
    g_autofree guint8 *out = g_malloc(cluster_size);

    if (!sinter_io_read_padded(self->io, ref.host_offset, in, ref.host_bytes, error) ||
        !sinter_qcow2_decompress(self->header->compression_type, in, ref.host_bytes, out,
                                 cluster_size, error)) {
        sinter_error_prefix(error, "'%s', guest offset %" G_GUINT64_FORMAT ": ",
                            sinter_io_get_path(self->io), offset);
        return FALSE;
    }
    memcpy(buf, out + (offset & (cluster_size - 1)), len);
    return TRUE;
}

static gboolean
check_entry(SinterQcow2Writer *self, SinterQcow2L2Entry l2, SinterQcow2Kind kind, guint64 offset,
            GError **error)
{
    guint64 host = l2.entry & SINTER_QCOW2_OFFSET_MASK;

    if (kind == SINTER_QCOW2_COMPRESSED_DATA && !self->geo.external_data)
        return TRUE;
    if (kind != SINTER_QCOW2_INVALID && kind != SINTER_QCOW2_COMPRESSED_DATA &&
        (host & (self->geo.cluster_size - 1)) == 0)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                "'%s', guest offset %" G_GUINT64_FORMAT
                ": Invalid cluster entry found (L2 entry 0x%" G_GINT64_MODIFIER
                "x, bitmap 0x%" G_GINT64_MODIFIER
                "x); repair the image with 'sinter-img check -r all'",
                sinter_io_get_path(self->io), offset, l2.entry, l2.bitmap);
    return FALSE;
}

/* Returns the part of [@offset, @offset + @len) in one subcluster. */
static gboolean
read_classify(SinterQcow2Writer *self, const SinterQcow2Table *table, guint64 offset, gsize len,
              ReadRun *ret, GError **error)
{
    const SinterQcow2Geometry *geo = &self->geo;
    guint32 index = (guint32)((offset >> geo->cluster_bits) & (geo->l2_entries - 1));
    guint32 within = (guint32)(offset & (geo->cluster_size - 1));
    guint32 sub = within >> geo->subcluster_bits;
    SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(geo, table->data, index);

    ret->kind = sinter_qcow2_l2_kind(geo, l2, sub);
    if (!check_entry(self, l2, ret->kind, offset, error))
        return FALSE;
    ret->host = ret->kind == SINTER_QCOW2_COMPRESSED_DATA
                    ? l2.entry
                    : (l2.entry & SINTER_QCOW2_OFFSET_MASK) + within;
    ret->len = ((gsize)(ret->kind == SINTER_QCOW2_COMPRESSED_DATA ? geo->subclusters : sub + 1)
                << geo->subcluster_bits) -
               within;
    ret->len = MIN(ret->len, len);
    return TRUE;
}

static gboolean
read_run(SinterQcow2Writer *self, const ReadRun *run, guint64 offset, guint8 *buf, GError **error)
{
    switch (run->kind) {
    case SINTER_QCOW2_NORMAL:
        return sinter_io_read_padded(self->data_io, run->host, buf, run->len, error);
    case SINTER_QCOW2_COMPRESSED_DATA:
        return read_compressed(self, run->host, offset, buf, run->len, error);
    case SINTER_QCOW2_UNALLOCATED:
    case SINTER_QCOW2_UNALLOCATED_ALLOC:
        return read_hole(self, offset, buf, run->len, error);
    default:
        memset(buf, 0, run->len);
        return TRUE;
    }
}

/* The whole range must be in @table. */
static gboolean
read_table(SinterQcow2Writer *self, const SinterQcow2Table *table, guint64 offset, guint8 *buf,
           gsize len, GError **error)
{
    ReadRun run = { 0 };

    while (len > 0) {
        if (!read_classify(self, table, offset, len, &run, error))
            return FALSE;
        /* adjacent clusters in the file are read together */
        while (run.kind == SINTER_QCOW2_NORMAL && run.len < len) {
            ReadRun next;

            if (!read_classify(self, table, offset + run.len, len - run.len, &next, NULL) ||
                next.kind != run.kind || next.host != run.host + run.len)
                break;
            run.len += next.len;
        }
        if (!read_run(self, &run, offset, buf, error))
            return FALSE;
        offset += run.len;
        buf += run.len;
        len -= run.len;
    }
    return TRUE;
}

gboolean
sinter_qcow2_writer_read(SinterQcow2Writer *self, guint64 offset, void *buf, gsize len,
                         GError **error)
{
    guint64 span = G_GUINT64_CONSTANT(1) << (self->geo.cluster_bits + self->geo.l2_bits);
    guint8 *out = buf;

    while (len > 0) {
        gsize n = (gsize)MIN(len, span - (offset & (span - 1)));
        SinterQcow2Table *table = NULL;

        if (!sinter_qcow2_writer_l2_get(self, offset, &table, error) ||
            !(table ? read_table(self, table, offset, out, n, error)
                    : read_hole(self, offset, out, n, error)))
            return FALSE;
        offset += n;
        out += n;
        len -= n;
    }
    return TRUE;
}

/* Returns whether the image itself holds the run at @offset, within one table, and its length. */
static gboolean
classify_held(SinterQcow2Writer *self, const SinterQcow2Table *table, guint64 offset, gsize len,
              gboolean *ret_held, gsize *ret_len, GError **error)
{
    ReadRun run = { .len = len };

    if (table && !read_classify(self, table, offset, len, &run, error))
        return FALSE;
    *ret_held =
        table && run.kind != SINTER_QCOW2_UNALLOCATED && run.kind != SINTER_QCOW2_UNALLOCATED_ALLOC;
    *ret_len = run.len;
    return TRUE;
}

gboolean
sinter_qcow2_writer_holds(SinterQcow2Writer *self, guint64 offset, guint64 len, gboolean *ret_held,
                          guint64 *ret_len, GError **error)
{
    guint64 reach = G_GUINT64_CONSTANT(1) << (self->geo.cluster_bits + self->geo.l2_bits);

    *ret_len = 0;
    while (*ret_len < len) {
        guint64 at = offset + *ret_len;
        guint64 end = MIN(offset + len, (at / reach + 1) * reach);
        SinterQcow2Table *table = NULL;

        if (!sinter_qcow2_writer_l2_get(self, at, &table, error))
            return FALSE;
        for (gsize n; at < end; at += n, *ret_len += n) {
            gboolean held = FALSE;

            if (!classify_held(self, table, at, (gsize)(end - at), &held, &n, error))
                return FALSE;
            if (*ret_len > 0 && held != *ret_held)
                return TRUE;
            *ret_held = held;
        }
    }
    return TRUE;
}
