/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Guest writes, zeros and discards. Whole clusters go in long runs; what a cluster holds beside
 * the bytes that are written to it is copied. What holds: bytes that another state of the disk
 * (a snapshot) or the durable mapping can still show are never overwritten: data goes in place
 * only where the entry is COPIED and counted once, else into clusters that nothing names.
 */

#include "qcow2-bitmap-record.h"
#include "qcow2-writer.h"
#include "sinter-error.h"

/* A stretch of the guest's disk inside one L2 table. */
typedef struct {
    SinterQcow2Writer *writer;
    SinterQcow2Table *table; /* owned: may be changed */
    guint64 offset;
    gsize len;
} Span;

static guint32
entry_index(const SinterQcow2Geometry *geo, guint64 offset)
{
    return (guint32)((offset >> geo->cluster_bits) & (geo->l2_entries - 1));
}

static SinterQcow2L2Entry
entry_load(const Span *span, guint64 offset)
{
    return sinter_qcow2_l2_load(&span->writer->geo, span->table->data,
                                entry_index(&span->writer->geo, offset));
}

static void
entry_store(Span *span, guint64 offset, SinterQcow2L2Entry l2)
{
    const SinterQcow2Geometry *geo = &span->writer->geo;
    guint32 index = entry_index(geo, offset);

    sinter_qcow2_l2_store(geo, span->table->data, index, l2);
    sinter_qcow2_table_touch(span->table, index * geo->l2_entry_bytes, geo->l2_entry_bytes);
}

/* The bits of the subclusters @first to @last. */
static guint32
sub_mask(guint32 first, guint32 last)
{
    return (guint32)(((G_GUINT64_CONSTANT(1) << (last - first + 1)) - 1) << first);
}

static guint64
cluster_of(const Span *span)
{
    return span->offset & ~(guint64)(span->writer->geo.cluster_size - 1);
}

/* Whether the cluster of @l2 may be written where it is. An error where the entry lies. */
static gboolean
entry_is_own(SinterQcow2Writer *self, SinterQcow2L2Entry l2, guint64 offset, gboolean *ret,
             GError **error)
{
    const SinterQcow2Geometry *geo = &self->geo;
    guint64 host = l2.entry & SINTER_QCOW2_OFFSET_MASK;
    guint64 count = 0;

    *ret = FALSE;
    if (sinter_qcow2_l2_kind(geo, l2, 0) == SINTER_QCOW2_INVALID ||
        (!(l2.entry & SINTER_QCOW2_COMPRESSED) && (host & (geo->cluster_size - 1)) != 0)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "'%s', guest offset %" G_GUINT64_FORMAT
                    ": Invalid cluster entry found (L2 entry 0x%" G_GINT64_MODIFIER "x)",
                    sinter_io_get_path(self->io), offset, l2.entry);
        return FALSE;
    }
    if ((l2.entry & SINTER_QCOW2_COMPRESSED) || !sinter_qcow2_l2_has_host(geo, l2))
        return TRUE;
    *ret = geo->external_data || (l2.entry & SINTER_QCOW2_COPIED) != 0;
    if (!*ret || geo->external_data)
        return TRUE;
    if (!sinter_qcow2_alloc_get_refcount(self, host >> geo->cluster_bits, &count, error))
        return FALSE;
    if (count == 1 &&
        !g_hash_table_contains(self->metadata, GSIZE_TO_POINTER(host >> geo->cluster_bits)))
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                "'%s', guest offset %" G_GUINT64_FORMAT ": its cluster at %" G_GUINT64_FORMAT
                " is marked as used once, but %s; repair the image with 'qemu-img check -r all' "
                "before it is written to",
                sinter_io_get_path(self->io), offset, host,
                count == 1 ? "a table lies there" : "its reference count says otherwise");
    return FALSE;
}

/* Host clusters for up to @max guest clusters from @guest on. */
static gboolean
take_hosts(SinterQcow2Writer *self, guint64 guest, guint64 max, guint64 *ret_host, guint64 *ret_n,
           GError **error)
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

static void
untake_hosts(SinterQcow2Writer *self, guint64 host, guint64 n)
{
    if (!self->geo.external_data)
        sinter_qcow2_alloc_untake(self, host >> self->geo.cluster_bits, n);
}

/* How a cluster is changed in part. Offsets are bytes inside the cluster. */
typedef struct {
    guint32 from; /* what is written, whole subclusters */
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

/* Guest bytes as they are now; zeros beyond the end of the disk. */
static gboolean
read_present(SinterQcow2Writer *self, guint64 offset, guint8 *buf, gsize len, GError **error)
{
    guint64 size = self->header->virtual_size_bytes;
    gsize n = (gsize)MIN(len, size - MIN(size, offset));

    memset(buf + n, 0, len - n);
    return n == 0 || sinter_qcow2_writer_read(self, offset, buf, n, error);
}

/* Writes @n bytes into the cluster at the span's offset with what must stand around them. */
static gboolean
write_patch(Span *span, const Patch *patch, guint64 host, const guint8 *buf, guint32 n,
            GError **error)
{
    SinterQcow2Writer *self = span->writer;
    guint64 guest = cluster_of(span);
    guint32 within = (guint32)(span->offset - guest);
    g_autofree guint8 *whole = g_malloc(patch->to - patch->from);
    guint32 to = patch->to;

    if (!read_present(self, guest + patch->from, whole, within - patch->from, error) ||
        !read_present(self, guest + within + n, whole + (within + n - patch->from),
                      patch->to - within - n, error))
        return FALSE;
    memcpy(whole + (within - patch->from), buf, n);
    /* a data file is as long as the disk, also where that ends inside a cluster */
    if (self->geo.external_data)
        to = (guint32)MIN(to, self->header->virtual_size_bytes - guest);
    return sinter_io_write(self->data_io, host + patch->from, whole, to - patch->from, error);
}

/* Whether all subclusters that the range touches hold data already. */
static gboolean
is_plain_data(const SinterQcow2Geometry *geo, SinterQcow2L2Entry l2, guint32 within, guint32 n)
{
    guint32 last = (within + n - 1) >> geo->subcluster_bits;

    for (guint32 sub = within >> geo->subcluster_bits; sub <= last; sub++) {
        if (sinter_qcow2_l2_kind(geo, l2, sub) != SINTER_QCOW2_NORMAL)
            return FALSE;
    }
    return TRUE;
}

/* The first part of the span, inside one cluster, where it is written in place. */
static gboolean
write_own(Span *span, SinterQcow2L2Entry l2, const guint8 *buf, guint32 n, GError **error)
{
    SinterQcow2Writer *self = span->writer;
    guint32 within = (guint32)(span->offset - cluster_of(span));
    guint64 host = l2.entry & SINTER_QCOW2_OFFSET_MASK;
    Patch patch;

    if (is_plain_data(&self->geo, l2, within, n))
        return sinter_io_write(self->data_io, host + within, buf, n, error);
    patch = patch_plan(&self->geo, l2, host, FALSE, within, n);
    if (!write_patch(span, &patch, host, buf, n, error))
        return FALSE;
    entry_store(span, span->offset, patch.new);
    return TRUE;
}

/* The same, where it goes into a new cluster. */
static gboolean
write_new_part(Span *span, SinterQcow2L2Entry l2, const guint8 *buf, guint32 n, GError **error)
{
    SinterQcow2Writer *self = span->writer;
    guint64 guest = cluster_of(span);
    guint64 host;
    guint64 got;
    Patch patch;

    if (!take_hosts(self, guest, 1, &host, &got, error))
        return FALSE;
    patch = patch_plan(&self->geo, l2, host, TRUE, (guint32)(span->offset - guest), n);
    if (!write_patch(span, &patch, host, buf, n, error)) {
        untake_hosts(self, host, 1);
        return FALSE;
    }
    entry_store(span, span->offset, patch.new);
    sinter_qcow2_alloc_release_entry(self, l2);
    return TRUE;
}

/* How many whole clusters the span begins with that need new host space. */
static gboolean
count_new_clusters(Span *span, guint64 *ret, GError **error)
{
    SinterQcow2Writer *self = span->writer;
    guint64 max = span->len >> self->geo.cluster_bits;

    for (*ret = 0; *ret < max; (*ret)++) {
        guint64 at = span->offset + (*ret << self->geo.cluster_bits);
        gboolean own = FALSE;

        if (!entry_is_own(self, entry_load(span, at), at, &own, error))
            return FALSE;
        if (own)
            break;
    }
    return TRUE;
}

/* Whole clusters into new host space, in one run. */
static gboolean
write_new_clusters(Span *span, const guint8 *buf, gsize *ret_done, GError **error)
{
    SinterQcow2Writer *self = span->writer;
    guint64 host;
    guint64 n;

    if (!count_new_clusters(span, &n, error) ||
        !take_hosts(self, span->offset, n, &host, &n, error))
        return FALSE;
    if (!sinter_io_write(self->data_io, host, buf, (gsize)n << self->geo.cluster_bits, error)) {
        untake_hosts(self, host, n);
        return FALSE;
    }
    for (guint64 i = 0; i < n; i++) {
        guint64 step = i << self->geo.cluster_bits;
        SinterQcow2L2Entry old = entry_load(span, span->offset + step);
        SinterQcow2L2Entry new = { (host + step) | SINTER_QCOW2_COPIED, 0 };

        if (self->geo.extended_l2)
            new.bitmap = G_MAXUINT32;
        entry_store(span, span->offset + step, new);
        sinter_qcow2_alloc_release_entry(self, old);
    }
    *ret_done = (gsize)n << self->geo.cluster_bits;
    return TRUE;
}

/* Some bytes from the front of the span; how many, in @ret_done. */
static gboolean
write_some(Span *span, const guint8 *buf, gsize *ret_done, GError **error)
{
    SinterQcow2Writer *self = span->writer;
    guint32 cluster_size = self->geo.cluster_size;
    guint32 within = (guint32)(span->offset & (cluster_size - 1));
    SinterQcow2L2Entry l2 = entry_load(span, span->offset);
    guint32 n = (guint32)MIN(span->len, cluster_size - within);
    gboolean own = FALSE;

    if (!entry_is_own(self, l2, span->offset, &own, error))
        return FALSE;
    if (!own && n == cluster_size)
        return write_new_clusters(span, buf, ret_done, error);
    *ret_done = n;
    return own ? write_own(span, l2, buf, n, error) : write_new_part(span, l2, buf, n, error);
}

/* The part of the range that begins at @offset and lies in one L2 table, ready for changes. */
static gboolean
span_begin(SinterQcow2Writer *self, guint64 offset, guint64 len, Span *ret, GError **error)
{
    guint64 reach = G_GUINT64_CONSTANT(1) << (self->geo.cluster_bits + self->geo.l2_bits);

    *ret = (Span){ .writer = self, .offset = offset };
    ret->len = (gsize)MIN(len, reach - (offset & (reach - 1)));
    if (!sinter_qcow2_writer_make_room(self, error) ||
        !sinter_qcow2_bitmap_record_mark(self, offset, ret->len, error))
        return FALSE;
    ret->table = sinter_qcow2_writer_l2_own(self, offset, error);
    return ret->table != NULL;
}

gboolean
sinter_qcow2_writer_write(SinterQcow2Writer *self, guint64 offset, const void *buf, gsize len,
                          GError **error)
{
    const guint8 *in = buf;

    while (len > 0) {
        gsize n = 0;
        Span span;

        if (!span_begin(self, offset, len, &span, error) || !write_some(&span, in, &n, error))
            return FALSE;
        offset += n;
        in += n;
        len -= n;
    }
    return TRUE;
}

/* Real zeros, for what no entry can say. */
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

/* The entry of a cluster that is all zeros from now on; FALSE: no entry says so. */
static gboolean
zero_entry(const SinterQcow2Writer *self, SinterQcow2L2Entry old, SinterQcow2L2Entry *ret)
{
    const SinterQcow2Geometry *geo = &self->geo;

    *ret = (SinterQcow2L2Entry){ 0, 0 };
    /* a data file keeps its place: host and guest offsets are the same there */
    if (geo->external_data && sinter_qcow2_l2_has_host(geo, old))
        ret->entry = (old.entry & SINTER_QCOW2_OFFSET_MASK) | SINTER_QCOW2_COPIED;
    else if (!self->backing)
        return TRUE;
    if (!geo->has_zero_flag)
        return FALSE;
    if (geo->extended_l2)
        ret->bitmap = (guint64)G_MAXUINT32 << 32;
    else
        ret->entry |= SINTER_QCOW2_ZERO;
    return TRUE;
}

/* Zeros whole clusters of a span. @only_flags: leave alone what would take real zeros. */
static gboolean
zero_clusters(Span *span, gboolean only_flags, GError **error)
{
    SinterQcow2Writer *self = span->writer;
    guint32 cluster_size = self->geo.cluster_size;
    gsize count = (span->len + cluster_size - 1) / cluster_size;

    for (gsize i = 0; i < count; i++) {
        guint64 at = span->offset + i * cluster_size;
        SinterQcow2L2Entry old = entry_load(span, at);
        SinterQcow2L2Entry new;
        gboolean own;

        if (!entry_is_own(self, old, at, &own, error))
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
        entry_store(span, at, new);
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
        Span span;

        if (!span_begin(self, offset, len, &span, error) ||
            !zero_clusters(&span, only_flags, error))
            return FALSE;
        offset += span.len;
        len -= span.len;
    }
    return TRUE;
}

/* The whole clusters of a range; the disk's last one is whole where the range reaches its end. */
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

gboolean
sinter_qcow2_writer_zero(SinterQcow2Writer *self, guint64 offset, guint64 len, GError **error)
{
    guint64 end = offset + len;
    guint64 from;
    guint64 to;

    whole_clusters(self, offset, len, &from, &to);
    if (from >= end || to <= offset || from == to)
        return write_zeros(self, offset, len, error);
    return write_zeros(self, offset, from - offset, error) &&
           zero_whole(self, from, to - from, FALSE, error) &&
           write_zeros(self, to, end - to, error);
}

gboolean
sinter_qcow2_writer_discard(SinterQcow2Writer *self, guint64 offset, guint64 len, GError **error)
{
    guint64 from;
    guint64 to;

    whole_clusters(self, offset, len, &from, &to);
    return zero_whole(self, from, to - from, TRUE, error);
}
