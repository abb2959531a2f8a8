/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Changes the mapping beyond the end of the disk. Invariant: what the guest sees does not change;
 * host space that is mapped here holds zeros before anything refers to it.
 */

#include "qcow2-disk-end.h"
#include "qcow2/write/qcow2-l2-range.h"
#include "qcow2/write/qcow2-proof.h"

/* The guest bytes that an L2 table maps. */
static guint64
table_reach(const SinterQcow2Writer *self)
{
    return G_GUINT64_CONSTANT(1) << (self->geo.cluster_bits + self->geo.l2_bits);
}

static gboolean
is_mapped(SinterQcow2L2Entry l2)
{
    return l2.entry != 0 || l2.bitmap != 0;
}

/* Removes the whole table of @offset, with all that it maps. */
static gboolean
unmap_table(SinterQcow2Writer *self, guint64 offset, GError **error)
{
    SinterQcow2Table *table = NULL;

    if (!sinter_qcow2_writer_l2_get(self, offset, &table, error))
        return FALSE;
    for (guint32 i = 0; i < self->geo.l2_entries; i++)
        sinter_qcow2_alloc_release_entry(self, sinter_qcow2_l2_load(&self->geo, table->data, i));
    sinter_qcow2_alloc_release(self, table->offset >> self->geo.cluster_bits);
    sinter_qcow2_writer_l1_set(self, (guint32)(offset / table_reach(self)), 0);
    return TRUE;
}

/* Unmaps the entries from @offset to the end of its table. */
static gboolean
unmap_part(SinterQcow2Writer *self, guint64 offset, GError **error)
{
    guint64 end = (offset / table_reach(self) + 1) * table_reach(self);
    SinterQcow2L2Range stretch;

    if (!sinter_qcow2_l2_range_begin(self, offset, end - offset, &stretch, error))
        return FALSE;
    for (guint64 at = offset; at < end; at += self->geo.cluster_size) {
        SinterQcow2L2Entry old = sinter_qcow2_l2_range_load(&stretch, at);

        if (!is_mapped(old))
            continue;
        sinter_qcow2_l2_range_store(&stretch, at, (SinterQcow2L2Entry){ 0, 0 });
        sinter_qcow2_alloc_release_entry(self, old);
    }
    return TRUE;
}

/* Returns whether anything is mapped from @offset to the end of its table. */
static gboolean
part_is_mapped(SinterQcow2Writer *self, guint64 offset, gboolean *ret, GError **error)
{
    guint32 first = (guint32)((offset >> self->geo.cluster_bits) & (self->geo.l2_entries - 1));
    SinterQcow2Table *table = NULL;

    *ret = FALSE;
    if (!sinter_qcow2_writer_l2_get(self, offset, &table, error))
        return FALSE;
    for (guint32 i = first; table && i < self->geo.l2_entries && !*ret; i++)
        *ret = is_mapped(sinter_qcow2_l2_load(&self->geo, table->data, i));
    return TRUE;
}

gboolean
sinter_qcow2_disk_end_unmap(SinterQcow2Writer *self, guint64 offset, GError **error)
{
    guint64 mask = self->geo.cluster_size - 1;
    guint64 at = (offset + mask) & ~mask;
    guint64 reach = table_reach(self);

    while (at / reach < self->header->l1_entries) {
        gboolean whole = at % reach == 0;
        gboolean mapped = whole && (self->l1[at / reach] & SINTER_QCOW2_OFFSET_MASK) != 0;

        if (!sinter_qcow2_writer_make_room(self, error) ||
            (!whole && !part_is_mapped(self, at, &mapped, error)))
            return FALSE;
        if (mapped && !(whole ? unmap_table(self, at, error) : unmap_part(self, at, error)))
            return FALSE;
        at = (at / reach + 1) * reach;
    }
    return TRUE;
}

/* Zeros the rest of the disk's last cluster, unless it already reads as zeros. */
static gboolean
zero_rest(SinterQcow2Writer *self, guint64 from, guint64 to, GError **error)
{
    gsize n = (gsize)(to - from);
    g_autofree guint8 *buf = g_malloc(n);

    if (!sinter_qcow2_writer_read(self, from, buf, n, error))
        return FALSE;
    for (gsize i = 0; i < n; i++) {
        if (buf[i] != 0)
            return sinter_qcow2_writer_zero(self, from, n, error);
    }
    return TRUE;
}

gboolean
sinter_qcow2_disk_end_zero(SinterQcow2Writer *self, guint64 from, guint64 to, GError **error)
{
    guint64 mask = self->geo.cluster_size - 1;
    guint64 next = MIN((from + mask) & ~mask, to);
    guint64 below = self->backing ? sinter_chain_get_virtual_size(self->backing) : 0;
    guint64 size = self->header->virtual_size_bytes;
    gboolean ok;

    /* the backing file shows through only as far as it reaches */
    below = MIN((below + mask) & ~mask, to);
    self->header->virtual_size_bytes = to;
    ok = (next <= from || zero_rest(self, from, next, error)) &&
         (below <= next || sinter_qcow2_writer_zero(self, next, below - next, error));
    self->header->virtual_size_bytes = size;
    return ok;
}

/* Prepares @n bytes of a file for guest data: they read as zeros. */
static gboolean
prepare_host(SinterIo *io, guint64 offset, guint64 n, SinterPreallocation preallocation,
             GError **error)
{
    SinterIoStat st;

    if (!sinter_io_stat(io, &st, error))
        return FALSE;
    if (preallocation == SINTER_PREALLOCATION_FULL)
        return sinter_io_write_zeros(io, offset, n, error);
    if (offset < st.size_bytes && !sinter_io_discard(io, offset, n, error))
        return FALSE;
    if (preallocation == SINTER_PREALLOCATION_FALLOC)
        return sinter_io_allocate(io, offset, n, error);
    return st.is_block_device || offset + n <= st.size_bytes ||
           sinter_io_truncate(io, offset + n, error);
}

/* Returns the entry of a cluster at @host that reads as zeros whatever the backing file holds. */
static SinterQcow2L2Entry
preallocated_entry(const SinterQcow2Writer *self, guint64 host)
{
    SinterQcow2L2Entry l2 = { host | SINTER_QCOW2_COPIED, 0 };

    if (!self->header->backing_name || !self->geo.has_zero_flag)
        return l2;
    if (self->geo.extended_l2)
        l2.bitmap = (guint64)G_MAXUINT32 << 32;
    else
        l2.entry |= SINTER_QCOW2_ZERO;
    return l2;
}

/* Allocates host space for up to @max clusters from the guest offset @guest on. */
static gboolean
take_host(SinterQcow2Writer *self, guint64 guest, guint64 max, SinterPreallocation preallocation,
          guint64 *ret_host, guint64 *ret_n, GError **error)
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
    if (prepare_host(self->io, *ret_host, *ret_n << self->geo.cluster_bits, preallocation, error))
        return TRUE;
    sinter_qcow2_alloc_untake(self, first, *ret_n);
    return FALSE;
}

/*
 * Handles the part of the range that begins at @from and is in one table; @ret_done is its length.
 */
static gboolean
preallocate_some(SinterQcow2Writer *self, guint64 from, guint64 len,
                 SinterPreallocation preallocation, guint64 *ret_done, GError **error)
{
    guint bits = self->geo.cluster_bits;
    SinterQcow2L2Range stretch;
    guint64 host;
    guint64 n;

    if (!sinter_qcow2_l2_range_begin(self, from, len, &stretch, error) ||
        !take_host(self, from, (stretch.len + self->geo.cluster_size - 1) >> bits, preallocation,
                   &host, &n, error))
        return FALSE;
    for (guint64 i = 0; i < n; i++)
        sinter_qcow2_l2_range_store(&stretch, from + (i << bits),
                                    preallocated_entry(self, host + (i << bits)));
    *ret_done = n << bits;
    return TRUE;
}

gboolean
sinter_qcow2_disk_end_preallocate(SinterQcow2Writer *self, guint64 from, guint64 to,
                                  SinterPreallocation preallocation, GError **error)
{
    guint64 mask = self->geo.cluster_size - 1;
    guint64 at = (from + mask) & ~mask;

    if (self->geo.external_data && from < to &&
        !prepare_host(self->data_io, from, to - from, preallocation, error))
        return FALSE;
    while (at < to) {
        guint64 done = 0;

        if (!preallocate_some(self, at, to - at, preallocation, &done, error))
            return FALSE;
        at += done;
    }
    return TRUE;
}

gboolean
sinter_qcow2_disk_end_cut_file(SinterQcow2Writer *self, GError **error)
{
    guint64 n;
    SinterIoStat st;

    if (!sinter_io_stat(self->io, &st, error))
        return FALSE;
    for (n = sinter_qcow2_geometry_clusters(&self->geo, st.size_bytes); n > 0; n--) {
        guint64 count = 0;

        if (!sinter_qcow2_alloc_get_refcount(self, n - 1, &count, error))
            return FALSE;
        if (count > 0)
            break;
    }
    return st.is_block_device || n << self->geo.cluster_bits >= st.size_bytes ||
           (sinter_qcow2_proof_counts(self, error) &&
            sinter_io_truncate(self->io, n << self->geo.cluster_bits, error) &&
            sinter_io_flush(self->io, error));
}
