/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An image that is open for reading: maps disk offsets to file offsets, and reads compressed
 * clusters. Invariant: a run never crosses the page of the table that describes it, which bounds
 * the work of a call. An invalid entry is an error that names its offset.
 */

#include <string.h>

#include "qcow1-header.h"
#include "qcow1-image.h"
#include "qcow1-inflate.h"
#include "qcow1-tables.h"
#include "sinter-error.h"

#define PAGE_ENTRIES (SINTER_QCOW1_PAGE_BYTES / 8)
/* Data of a cluster is aligned to sectors. */
#define DATA_ALIGNMENT 512

typedef struct {
    SinterQcow1Header header;
    guint64 cluster_size;
    SinterQcow1Tables *tables;
} Image;

/*
 * The mapping from some disk offset on. @entries: L2 entries, starting with the entry of the
 * cluster at this offset; NULL if there is no L2 table, and then everything up to @end is a hole.
 */
typedef struct {
    const guint8 *entries;
    guint n;
    guint64 end;
} Window;

static gboolean
check_snapshot(const SinterFormatOpen *how, GError **error)
{
    if (!how->snapshot)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                "there is no snapshot '%s': qcow images of version 1 have none", how->snapshot);
    return FALSE;
}

gboolean
sinter_qcow1_image_open(SinterImage *image, const SinterFormatOpen *how, GError **error)
{
    Image *self = g_new0(Image, 1);
    SinterIo *io = sinter_image_get_io(image);
    guint64 file_bytes = sinter_image_get_info(image)->file_size;
    g_autofree char *backing_name = NULL;

    sinter_image_set_state(image, self);
    if (!check_snapshot(how, error) || !sinter_qcow1_header_read(io, &self->header, error) ||
        !sinter_qcow1_header_check(&self->header, file_bytes, error) ||
        !sinter_qcow1_header_read_backing(&self->header, io, &backing_name, error))
        return FALSE;
    self->cluster_size = G_GUINT64_CONSTANT(1) << self->header.cluster_bits;
    self->tables = sinter_qcow1_tables_new(io, file_bytes, how->cache_bytes, error);
    sinter_image_set_virtual_size(image, sinter_qcow1_header_virtual_size(&self->header));
    /* writers allocate a whole cluster before they write to it: missing bytes were truncated */
    sinter_image_set_host_unit(image, 1);
    return self->tables != NULL;
}

void
sinter_qcow1_image_close(SinterImage *image)
{
    Image *self = sinter_image_get_state(image);

    if (!self)
        return;
    sinter_qcow1_tables_free(self->tables);
    g_free(self);
}

static guint
count_zero_entries(const guint8 *entries, guint n)
{
    guint i = 0;

    while (i < n && sinter_qcow1_be64(entries + (gsize)i * 8) == 0)
        i++;
    return i;
}

/* Loads the entry at @index of the table of @n entries at @offset, and the following entries in its
 * page. */
static gboolean
load_entries(Image *self, guint64 offset, guint64 index, guint64 n, Window *ret, GError **error)
{
    guint64 first = index / PAGE_ENTRIES * PAGE_ENTRIES;
    gsize in_page = (gsize)MIN(n - first, PAGE_ENTRIES);
    const guint8 *page;

    if (offset > G_MAXINT64) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "invalid table offset %" G_GUINT64_FORMAT, offset);
        return FALSE;
    }
    page = sinter_qcow1_tables_page(self->tables, offset + first * 8, in_page * 8, error);
    if (!page)
        return FALSE;
    ret->entries = page + (index - first) * 8;
    ret->n = (guint)(in_page - (index - first));
    return TRUE;
}

static gboolean
find_window(Image *self, guint64 offset, Window *ret, GError **error)
{
    const SinterQcow1Header *header = &self->header;
    guint table_bits = header->cluster_bits + header->l2_bits;
    guint64 n_l2 = G_GUINT64_CONSTANT(1) << header->l2_bits;
    guint64 l1_index = offset >> table_bits;
    guint64 table;

    if (!load_entries(self, header->l1_offset, l1_index, sinter_qcow1_header_n_l1(header), ret,
                      error))
        return FALSE;
    table = sinter_qcow1_be64(ret->entries);
    if (table == 0) {
        ret->end = (l1_index + count_zero_entries(ret->entries, ret->n)) << table_bits;
        ret->entries = NULL;
        return TRUE;
    }
    return load_entries(self, table, (offset >> header->cluster_bits) & (n_l2 - 1), n_l2, ret,
                        error);
}

/* Returns how many clusters of @window, from the first on, have the same kind and are contiguous in
 * the file. */
static guint
count_alike(const Image *self, const Window *window)
{
    guint64 first = sinter_qcow1_be64(window->entries);
    guint64 step = first == 0 ? 0 : self->cluster_size;
    guint i = 1;

    for (; i < window->n; i++) {
        guint64 entry = sinter_qcow1_be64(window->entries + (gsize)i * 8);

        if (first & SINTER_QCOW1_COMPRESSED ? !(entry & SINTER_QCOW1_COMPRESSED)
                                            : entry != first + i * step)
            break;
    }
    return i;
}

/* Returns in @ret the kind of the cluster of @entry, for the byte at @offset of the disk. */
static gboolean
classify(const Image *self, guint64 entry, guint64 offset, SinterExtent *ret, GError **error)
{
    *ret = (SinterExtent){ .offset = offset, .kind = SINTER_EXTENT_HOLE };
    if (entry == 0)
        return TRUE;
    if (entry & SINTER_QCOW1_COMPRESSED) {
        ret->kind = SINTER_EXTENT_COMPRESSED;
        return TRUE;
    }
    if (entry % DATA_ALIGNMENT != 0 || entry > G_MAXINT64 - self->cluster_size) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "guest offset %" G_GUINT64_FORMAT
                    ": invalid cluster entry 0x%" G_GINT64_MODIFIER "x",
                    offset, entry);
        return FALSE;
    }
    ret->kind = SINTER_EXTENT_DATA;
    ret->flags = SINTER_EXTENT_HAS_HOST;
    if (self->header.crypt_method != SINTER_QCOW1_CRYPT_NONE)
        ret->flags |= SINTER_EXTENT_ENCRYPTED;
    ret->host_offset = entry + (offset & (self->cluster_size - 1));
    return TRUE;
}

static gboolean
map_locked(Image *self, guint64 offset, guint64 len, SinterExtent *ret, GError **error)
{
    guint64 cluster_start = offset & ~(self->cluster_size - 1);
    Window window = { 0 };

    if (!find_window(self, offset, &window, error))
        return FALSE;
    if (!window.entries) {
        *ret = (SinterExtent){ .offset = offset, .kind = SINTER_EXTENT_HOLE };
    } else {
        if (!classify(self, sinter_qcow1_be64(window.entries), offset, ret, error))
            return FALSE;
        window.end = cluster_start + count_alike(self, &window) * self->cluster_size;
    }
    ret->length = MIN(len, window.end - offset);
    return TRUE;
}

gboolean
sinter_qcow1_image_map(SinterImage *image, guint64 offset, guint64 len, SinterExtent *ret,
                       GError **error)
{
    Image *self = sinter_image_get_state(image);
    gboolean ok;

    sinter_qcow1_tables_lock(self->tables);
    ok = map_locked(self, offset, len, ret, error);
    sinter_qcow1_tables_unlock(self->tables);
    return ok;
}

/* Returns the L2 entry of the cluster at @offset; 0 if it is not allocated. */
static gboolean
find_entry(Image *self, guint64 offset, guint64 *ret, GError **error)
{
    Window window = { 0 };
    gboolean ok;

    sinter_qcow1_tables_lock(self->tables);
    ok = find_window(self, offset, &window, error);
    *ret = ok && window.entries ? sinter_qcow1_be64(window.entries) : 0;
    sinter_qcow1_tables_unlock(self->tables);
    return ok;
}

/* Decompresses the cluster at @guest into @out, a whole cluster; @in has the size of a cluster,
 * too. */
static gboolean
read_cluster(Image *self, SinterIo *io, SinterQcow1Inflate *inflate, guint64 guest, guint8 *in,
             guint8 *out, GError **error)
{
    guint cluster_bits = self->header.cluster_bits;
    guint length_shift = 63 - cluster_bits;
    guint64 entry;
    guint64 stream_offset;
    gsize stream_bytes;

    if (!find_entry(self, guest, &entry, error))
        return FALSE;
    if (!(entry & SINTER_QCOW1_COMPRESSED)) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                            "the cluster is no longer compressed: another program writes to the "
                            "image");
        return FALSE;
    }
    /* below the flag: the length of the stream in bytes, and its offset */
    stream_bytes = (gsize)((entry >> length_shift) & (self->cluster_size - 1));
    stream_offset = entry & ((G_GUINT64_CONSTANT(1) << length_shift) - 1);
    return sinter_io_read(io, stream_offset, in, stream_bytes, error) &&
           sinter_qcow1_inflate_run(inflate, in, stream_bytes, out, self->cluster_size, error);
}

gboolean
sinter_qcow1_image_read_compressed(SinterImage *image, guint64 offset, void *buf, gsize len,
                                   GError **error)
{
    Image *self = sinter_image_get_state(image);
    SinterIo *io = sinter_image_get_io(image);
    g_autofree guint8 *in = g_malloc(self->cluster_size);
    g_autofree guint8 *out = g_malloc(self->cluster_size);
    g_auto(SinterQcow1Inflate) inflate = { 0 };
    guint64 guest = offset & ~(self->cluster_size - 1);

    for (; guest < offset + len; guest += self->cluster_size) {
        guint64 from = MAX(guest, offset);
        guint64 to = MIN(guest + self->cluster_size, offset + len);

        if (!read_cluster(self, io, &inflate, guest, in, out, error)) {
            g_prefix_error(error, "compressed cluster at guest offset %" G_GUINT64_FORMAT ": ",
                           guest);
            return FALSE;
        }
        memcpy((guint8 *)buf + (from - offset), out + (from - guest), to - from);
    }
    return TRUE;
}
