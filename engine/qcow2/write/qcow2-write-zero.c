/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writes guest zeros and discards, in the cheapest way that the format allows. Invariant: a zeroed
 * range reads as zeros whatever the backing file holds; entries that already read as zeros stay.
 */

#include "qcow2-l2-range.h"

/* Writes zeros as data, for ranges that no entry can represent. */
static gboolean
write_zeros(SinterQcow2Writer *self, guint64 offset, guint64 len, GError **error)
{
    g_autofree guint8 *zeros = g_malloc0(MIN(len, self->geo.cluster_size));

    while (len > 0) {
        gsize n = (gsize)MIN(len, self->geo.cluster_size);

        if (!sinter_qcow2_writer_write(self, offset, zeros, n, error))
            return FALSE;
        offset += n;
        len -= n;
    }
    return TRUE;
}

/*
 * Returns the entry of a cluster that is all zeros from now on; FALSE: no entry can represent it.
 */
static gboolean
zero_entry(const SinterQcow2Writer *self, SinterQcow2L2Entry old, SinterQcow2L2Entry *ret)
{
    const SinterQcow2Geometry *geo = &self->geo;

    *ret = (SinterQcow2L2Entry){ 0, 0 };
    /* a data file keeps its place: host and guest offsets are the same there */
    if (geo->external_data && sinter_qcow2_l2_has_host(geo, old))
        ret->entry = (old.entry & SINTER_QCOW2_OFFSET_MASK) | SINTER_QCOW2_COPIED;
    else if (!self->stores_zeros && !self->backing && !self->header->backing_name)
        return TRUE;
    if (!geo->has_zero_flag)
        return FALSE;
    if (geo->extended_l2)
        ret->bitmap = (guint64)G_MAXUINT32 << 32;
    else
        ret->entry |= SINTER_QCOW2_ZERO;
    return TRUE;
}

/* Zeros whole clusters of a span. @only_flags: skip clusters that would need zeros as data. */
static gboolean
zero_clusters(SinterQcow2L2Range *span, gboolean only_flags, GError **error)
{
    SinterQcow2Writer *self = span->writer;
    guint32 cluster_size = self->geo.cluster_size;
    gsize count = (span->len + cluster_size - 1) / cluster_size;

    for (gsize i = 0; i < count; i++) {
        guint64 at = span->offset + i * cluster_size;
        SinterQcow2L2Entry old = sinter_qcow2_l2_range_load(span, at);
        SinterQcow2L2Entry new;
        gboolean own;

        if (!sinter_qcow2_entry_is_own(self, old, at, &own, error))
            return FALSE;
        if (!zero_entry(self, old, &new)) {
            if (only_flags)
                continue;
            return write_zeros(self, at, span->len - i * cluster_size, error);
        }
        if (new.entry == old.entry &&new.bitmap == old.bitmap)
            continue;
        if (self->geo.external_data && sinter_qcow2_l2_has_host(&self->geo, old) &&
            !sinter_io_discard(self->data_io, at, cluster_size, error))
            return FALSE;
        sinter_qcow2_l2_range_store(span, at, new);
        sinter_qcow2_alloc_release_entry(self, old);
    }
    return TRUE;
}

/* Whole clusters, or up to the end of the disk. */
static gboolean
zero_whole(SinterQcow2Writer *self, guint64 offset, guint64 len, gboolean only_flags,
           GError **error)
{
    while (len > 0) {
        SinterQcow2L2Range span;

        if (!sinter_qcow2_l2_range_begin(self, offset, len, &span, error) ||
            !zero_clusters(&span, only_flags, error))
            return FALSE;
        offset += span.len;
        len -= span.len;
    }
    return TRUE;
}

/*
 * Returns the whole clusters of a range; the disk's last cluster is whole if the range reaches its
 * end.
 */
static void
whole_clusters(const SinterQcow2Writer *self, guint64 offset, guint64 len, guint64 *ret_from,
               guint64 *ret_to)
{
    guint64 mask = self->geo.cluster_size - 1;
    guint64 end = offset + len;

    *ret_from = (offset + mask) & ~mask;
    *ret_to = end == self->header->virtual_size_bytes ? end : end & ~mask;
    *ret_to = MAX(*ret_from, *ret_to);
}

/*
 * Zeros whole subclusters of one cluster, up to the end of the disk. @ret_done: FALSE if the entry
 * cannot represent it for a part of its cluster.
 */
static gboolean
zero_subclusters(SinterQcow2Writer *self, guint64 offset, guint64 len, gboolean *ret_done,
                 GError **error)
{
    const SinterQcow2Geometry *geo = &self->geo;
    guint32 within = (guint32)(offset & (geo->cluster_size - 1));
    guint32 first = within >> geo->subcluster_bits;
    guint32 last = (guint32)((within + len - 1) >> geo->subcluster_bits);
    guint64 mask = ((G_GUINT64_CONSTANT(1) << (last - first + 1)) - 1) << first;
    SinterQcow2L2Range span;
    SinterQcow2L2Entry l2;
    gboolean own;

    if (!sinter_qcow2_l2_range_begin(self, offset, len, &span, error))
        return FALSE;
    l2 = sinter_qcow2_l2_range_load(&span, offset);
    if (!sinter_qcow2_entry_is_own(self, l2, offset, &own, error))
        return FALSE;
    *ret_done = !(l2.entry & SINTER_QCOW2_COMPRESSED);
    if (!*ret_done)
        return TRUE;
    l2.bitmap = (l2.bitmap & ~mask) | mask << 32;
    sinter_qcow2_l2_range_store(&span, offset, l2);
    return TRUE;
}

/* Zeros a part of one cluster. */
static gboolean
zero_in_cluster(SinterQcow2Writer *self, guint64 offset, guint64 len, GError **error)
{
    guint64 mask = (G_GUINT64_CONSTANT(1) << self->geo.subcluster_bits) - 1;
    guint64 end = offset + len;
    guint64 from = (offset + mask) & ~mask;
    guint64 to = end == self->header->virtual_size_bytes ? end : end & ~mask;
    gboolean done = FALSE;

    /* a data file must hold zeros there, too */
    if (!self->geo.extended_l2 || self->geo.external_data || from >= to)
        return write_zeros(self, offset, len, error);
    return write_zeros(self, offset, from - offset, error) &&
           zero_subclusters(self, from, to - from, &done, error) &&
           (done || write_zeros(self, from, to - from, error)) &&
           write_zeros(self, to, end - to, error);
}

/* Less than whole clusters: parts of one or two. */
static gboolean
zero_parts(SinterQcow2Writer *self, guint64 offset, guint64 len, GError **error)
{
    while (len > 0) {
        guint64 n = MIN(len, self->geo.cluster_size - (offset & (self->geo.cluster_size - 1)));

        if (!zero_in_cluster(self, offset, n, error))
            return FALSE;
        offset += n;
        len -= n;
    }
    return TRUE;
}

gboolean
sinter_qcow2_writer_zero(SinterQcow2Writer *self, guint64 offset, guint64 len, GError **error)
{
    guint64 end = offset + len;
    guint64 from;
    guint64 to;

    whole_clusters(self, offset, len, &from, &to);
    if (from >= end || to <= offset || from == to)
        return zero_parts(self, offset, len, error);
    return zero_parts(self, offset, from - offset, error) &&
           zero_whole(self, from, to - from, FALSE, error) && zero_parts(self, to, end - to, error);
}

gboolean
sinter_qcow2_writer_discard(SinterQcow2Writer *self, guint64 offset, guint64 len, GError **error)
{
    guint64 from;
    guint64 to;

    whole_clusters(self, offset, len, &from, &to);
    return zero_whole(self, from, to - from, TRUE, error);
}
