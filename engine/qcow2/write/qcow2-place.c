/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds places for whole clusters, and maps them after their bytes are written. Invariant: a place
 * is either the cluster's own, and then only its bytes change, or host clusters that nothing refers
 * to; so after a crash at any moment the guest sees the old or the new bytes.
 */

#include "qcow2-place.h"

gboolean
sinter_qcow2_take_hosts(SinterQcow2Writer *self, guint64 guest, guint64 max, guint64 *ret_host,
                        guint64 *ret_n, GError **error)
{
    guint64 first;

    if (self->geo.external_data) {
        *ret_host = guest;
        *ret_n = max;
        return TRUE;
    }
    if (!sinter_qcow2_alloc_take(self, max, &first, ret_n, error))
        return FALSE;
    *ret_host = first << self->geo.cluster_bits;
    return TRUE;
}

void
sinter_qcow2_untake_hosts(SinterQcow2Writer *self, guint64 host, guint64 n)
{
    if (!self->geo.external_data)
        sinter_qcow2_alloc_untake(self, host >> self->geo.cluster_bits, n);
}

gboolean
sinter_qcow2_is_plain_data(const SinterQcow2Geometry *geo, SinterQcow2L2Entry l2, guint32 within,
                           guint32 n)
{
    guint32 last = (within + n - 1) >> geo->subcluster_bits;

    for (guint32 sub = within >> geo->subcluster_bits; sub <= last; sub++) {
        if (sinter_qcow2_l2_kind(geo, l2, sub) != SINTER_QCOW2_NORMAL)
            return FALSE;
    }
    return TRUE;
}

/* The state of a cluster of the range, for a caller that writes whole clusters. */
typedef struct {
    gboolean own;   /* it may be written in place */
    gboolean plain; /* all of it is mapped to that place */
    guint64 host;
} Standing;

static gboolean
get_standing(SinterQcow2L2Range *span, guint64 at, Standing *ret, GError **error)
{
    const SinterQcow2Geometry *geo = &span->writer->geo;
    SinterQcow2L2Entry l2 = sinter_qcow2_l2_range_load(span, at);

    *ret = (Standing){ .host = l2.entry & SINTER_QCOW2_OFFSET_MASK };
    if (!sinter_qcow2_entry_is_own(span->writer, l2, at, &ret->own, error))
        return FALSE;
    ret->plain = ret->own && sinter_qcow2_is_plain_data(geo, l2, 0, geo->cluster_size);
    return TRUE;
}

gboolean
sinter_qcow2_place(SinterQcow2L2Range *span, SinterFormatPlace *ret, GError **error)
{
    const SinterQcow2Geometry *geo = &span->writer->geo;
    guint64 max = span->len >> geo->cluster_bits;
    Standing first;
    guint64 n = 1;

    *ret = (SinterFormatPlace){ .offset = span->offset };
    if (max == 0 || (span->offset & (geo->cluster_size - 1)) != 0)
        return TRUE;
    if (!get_standing(span, span->offset, &first, error))
        return FALSE;
    if (first.own && !first.plain)
        return TRUE;
    for (; n < max; n++) {
        Standing next;

        if (!get_standing(span, span->offset + (n << geo->cluster_bits), &next, error))
            return FALSE;
        if (next.own != first.own ||
            (next.own && (!next.plain || next.host != first.host + (n << geo->cluster_bits))))
            break;
    }
    ret->host = first.host;
    ret->is_new = !first.own;
    if (ret->is_new &&
        !sinter_qcow2_take_hosts(span->writer, span->offset, n, &ret->host, &n, error))
        return FALSE;
    ret->length = n << geo->cluster_bits;
    return TRUE;
}

gboolean
sinter_qcow2_writer_place(SinterQcow2Writer *self, guint64 offset, guint64 len,
                          SinterFormatPlace *ret, GError **error)
{
    SinterQcow2L2Range span;

    return sinter_qcow2_l2_range_begin(self, offset, len, &span, error) &&
           sinter_qcow2_place(&span, ret, error);
}

void
sinter_qcow2_place_map(SinterQcow2L2Range *span, const SinterFormatPlace *place)
{
    const SinterQcow2Geometry *geo = &span->writer->geo;
    guint64 mapped_bytes = place->is_new ? place->length : 0;

    for (guint64 at = 0; at < mapped_bytes; at += geo->cluster_size) {
        SinterQcow2L2Entry old = sinter_qcow2_l2_range_load(span, place->offset + at);
        SinterQcow2L2Entry new = { (place->host + at) | SINTER_QCOW2_COPIED, 0 };

        if (geo->extended_l2)
            new.bitmap = G_MAXUINT32;
        sinter_qcow2_l2_range_store(span, place->offset + at, new);
        sinter_qcow2_alloc_release_entry(span->writer, old);
    }
}

gboolean
sinter_qcow2_writer_map(SinterQcow2Writer *self, const SinterFormatPlace *place, GError **error)
{
    SinterQcow2L2Range span;

    if (!place->is_new)
        return TRUE;
    /* a place is within one table, so the range has its length */
    if (!sinter_qcow2_l2_range_begin(self, place->offset, place->length, &span, error)) {
        sinter_qcow2_writer_drop(self, place);
        return FALSE;
    }
    sinter_qcow2_place_map(&span, place);
    return TRUE;
}

void
sinter_qcow2_writer_drop(SinterQcow2Writer *self, const SinterFormatPlace *place)
{
    if (place->is_new)
        sinter_qcow2_untake_hosts(self, place->host, place->length >> self->geo.cluster_bits);
}
