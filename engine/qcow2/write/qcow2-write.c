/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Guest writes, from memory or from another file, which the kernel then copies. Whole clusters are
 * written in long runs; the remaining content of a partly written cluster is copied. Invariant:
 * bytes that another state of the disk (a snapshot) or the durable mapping can still show are never
 * overwritten: data is written in place only if the cluster is owned, otherwise into clusters that
 * nothing refers to.
 */

#include "qcow2-place.h"

/* The source of bytes: memory, or another file. It advances as bytes are used. */
typedef struct {
    const guint8 *buf; /* NULL: @from */
    SinterIo *from;
    guint64 from_offset;
} Payload;

/* Writes the next @n bytes at @host. */
static gboolean
payload_put(const Payload *self, SinterQcow2Writer *writer, guint64 host, gsize n, GError **error)
{
    return self->buf
               ? sinter_io_write(writer->data_io, host, self->buf, n, error)
               : sinter_io_copy(writer->data_io, host, self->from, self->from_offset, n, error);
}

static gboolean
payload_get(const Payload *self, guint8 *buf, gsize n, GError **error)
{
    if (!self->buf)
        return sinter_io_read(self->from, self->from_offset, buf, n, error);
    memcpy(buf, self->buf, n);
    return TRUE;
}

static void
payload_skip(Payload *self, gsize n)
{
    if (self->buf)
        self->buf += n;
    self->from_offset += n;
}

/* The bits of the subclusters @first to @last. */
static guint32
sub_mask(guint32 first, guint32 last)
{
    return (guint32)(((G_GUINT64_CONSTANT(1) << (last - first + 1)) - 1) << first);
}

/* A change of a part of a cluster. Offsets are bytes inside the cluster. */
typedef struct {
    guint32 from; /* the written range, in whole subclusters */
    guint32 to;
    SinterQcow2L2Entry old;
    SinterQcow2L2Entry new;
} Patch;

static Patch
patch_plan(const SinterQcow2Geometry *geo, SinterQcow2L2Entry old, guint64 host, gboolean moves,
           guint32 within, guint32 n)
{
    guint32 first = within >> geo->subcluster_bits;
    guint32 last = (within + n - 1) >> geo->subcluster_bits;
    guint32 mask = sub_mask(first, last);
    Patch patch = { first << geo->subcluster_bits,
                    (last + 1) << geo->subcluster_bits,
                    old,
                    { host | SINTER_QCOW2_COPIED, 0 } };
    guint32 allocated;
    guint32 zero;

    if (!geo->extended_l2)
        return patch;
    allocated = (guint32)old.bitmap;
    zero = (guint32)(old.bitmap >> 32);
    if (old.entry & SINTER_QCOW2_COMPRESSED) {
        allocated = G_MAXUINT32;
        zero = 0;
    }
    if (moves && allocated) {
        patch.from = 0;
        patch.to = geo->cluster_size;
    }
    patch.new.bitmap = (guint64)(zero & ~mask) << 32 | (allocated | mask);
    return patch;
}

/* Reads the current guest bytes; zeros beyond the end of the disk. */
static gboolean
read_present(SinterQcow2Writer *self, guint64 offset, guint8 *buf, gsize len, GError **error)
{
    guint64 size = self->header->virtual_size_bytes;
    gsize n = (gsize)MIN(len, size - MIN(size, offset));

    memset(buf + n, 0, len - n);
    return n == 0 || sinter_qcow2_writer_read(self, offset, buf, n, error);
}

/*
 * Writes @n bytes into the cluster at the span's offset, with the content that must surround them.
 */
static gboolean
write_patch(SinterQcow2L2Range *span, const Patch *patch, guint64 host, const Payload *in,
            guint32 n, GError **error)
{
    SinterQcow2Writer *self = span->writer;
    guint64 guest = sinter_qcow2_l2_range_cluster(span);
    guint32 within = (guint32)(span->offset - guest);
    g_autofree guint8 *whole = g_malloc(patch->to - patch->from);
    guint32 to = patch->to;

    if (!read_present(self, guest + patch->from, whole, within - patch->from, error) ||
        !read_present(self, guest + within + n, whole + (within + n - patch->from),
                      patch->to - within - n, error) ||
        !payload_get(in, whole + (within - patch->from), n, error))
        return FALSE;
    /* a data file is as long as the disk, even if that ends inside a cluster */
    if (self->geo.external_data)
        to = (guint32)MIN(to, self->header->virtual_size_bytes - guest);
    return sinter_io_write(self->data_io, host + patch->from, whole, to - patch->from, error);
}

/* Writes the first part of the span, inside one cluster, in place. */
static gboolean
write_own(SinterQcow2L2Range *span, SinterQcow2L2Entry l2, const Payload *in, guint32 n,
          GError **error)
{
    SinterQcow2Writer *self = span->writer;
    guint32 within = (guint32)(span->offset - sinter_qcow2_l2_range_cluster(span));
    guint64 host = l2.entry & SINTER_QCOW2_OFFSET_MASK;
    Patch patch;

    if (sinter_qcow2_is_plain_data(&self->geo, l2, within, n))
        return payload_put(in, self, host + within, n, error);
    patch = patch_plan(&self->geo, l2, host, FALSE, within, n);
    if (!write_patch(span, &patch, host, in, n, error))
        return FALSE;
    sinter_qcow2_l2_range_store(span, span->offset, patch.new);
    return TRUE;
}

/* The same, into a new cluster. */
static gboolean
write_new_part(SinterQcow2L2Range *span, SinterQcow2L2Entry l2, const Payload *in, guint32 n,
               GError **error)
{
    SinterQcow2Writer *self = span->writer;
    guint64 guest = sinter_qcow2_l2_range_cluster(span);
    guint64 host;
    guint64 got;
    Patch patch;

    if (!sinter_qcow2_take_hosts(self, guest, 1, &host, &got, error))
        return FALSE;
    patch = patch_plan(&self->geo, l2, host, TRUE, (guint32)(span->offset - guest), n);
    if (!write_patch(span, &patch, host, in, n, error)) {
        sinter_qcow2_untake_hosts(self, host, 1);
        return FALSE;
    }
    sinter_qcow2_l2_range_store(span, span->offset, patch.new);
    sinter_qcow2_alloc_release_entry(self, l2);
    return TRUE;
}

/* Writes whole clusters, in one run; 0 in @ret_done: not possible. */
static gboolean
write_whole(SinterQcow2L2Range *span, const Payload *in, gsize *ret_done, GError **error)
{
    SinterQcow2Writer *self = span->writer;
    SinterFormatPlace place;

    if (!sinter_qcow2_place(span, &place, error))
        return FALSE;
    *ret_done = (gsize)place.length;
    if (place.length == 0)
        return TRUE;
    if (!payload_put(in, self, place.host, (gsize)place.length, error)) {
        sinter_qcow2_writer_drop(self, &place);
        return FALSE;
    }
    sinter_qcow2_place_map(span, &place);
    return TRUE;
}

/* Writes some bytes from the start of the span; @ret_done is their number. */
static gboolean
write_some(SinterQcow2L2Range *span, const Payload *in, gsize *ret_done, GError **error)
{
    SinterQcow2Writer *self = span->writer;
    guint32 within = (guint32)(span->offset - sinter_qcow2_l2_range_cluster(span));
    guint32 n = (guint32)MIN(span->len, self->geo.cluster_size - within);
    SinterQcow2L2Entry l2 = sinter_qcow2_l2_range_load(span, span->offset);
    gboolean own = FALSE;

    if (!write_whole(span, in, ret_done, error))
        return FALSE;
    if (*ret_done > 0)
        return TRUE;
    if (!sinter_qcow2_entry_is_own(self, l2, span->offset, &own, error))
        return FALSE;
    *ret_done = n;
    return own ? write_own(span, l2, in, n, error) : write_new_part(span, l2, in, n, error);
}

static gboolean
write_payload(SinterQcow2Writer *self, guint64 offset, Payload *in, guint64 len, GError **error)
{
    while (len > 0) {
        gsize n = 0;
        SinterQcow2L2Range span;

        if (!sinter_qcow2_l2_range_begin(self, offset, len, &span, error) ||
            !write_some(&span, in, &n, error))
            return FALSE;
        offset += n;
        payload_skip(in, n);
        len -= n;
    }
    return TRUE;
}

gboolean
sinter_qcow2_writer_write(SinterQcow2Writer *self, guint64 offset, const void *buf, gsize len,
                          GError **error)
{
    Payload in = { .buf = buf };

    return write_payload(self, offset, &in, len, error);
}

gboolean
sinter_qcow2_writer_copy(SinterQcow2Writer *self, guint64 offset, SinterIo *from,
                         guint64 from_offset, guint64 len, GError **error)
{
    Payload in = { .from = from, .from_offset = from_offset };

    return write_payload(self, offset, &in, len, error);
}
