/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The pass over dirty bitmaps. A damaged bitmap is deleted; the others stay. Invariant: the
 * directory is written as a whole beside the old one, and one write of the header's first sector
 * switches to it. If no bitmap stays, or the directory cannot be read, the feature bit is cleared,
 * which makes the extension invalid.
 */

#include "qcow2-repair-taken.h"
#include "qcow2/layout/qcow2-root.h"

#define SECTOR_BYTES 512

static const SinterFindingCode codes[] = {
    SINTER_FINDING_BITMAP_DIRECTORY_DAMAGED,
    SINTER_FINDING_BITMAP_NAME_TWICE,
    SINTER_FINDING_BITMAP_TYPE,
    SINTER_FINDING_BITMAP_GRANULARITY,
    SINTER_FINDING_BITMAP_FLAGS,
    SINTER_FINDING_BITMAP_EXTRA,
    SINTER_FINDING_BITMAP_TABLE_SIZE,
    SINTER_FINDING_BITMAP_TABLE_UNALIGNED,
    SINTER_FINDING_BITMAP_TABLE_BEYOND_FILE,
    SINTER_FINDING_BITMAP_ENTRY_RESERVED_BITS,
    SINTER_FINDING_BITMAP_ENTRY_UNALIGNED,
    SINTER_FINDING_BITMAP_ENTRY_BEYOND_FILE,
    SINTER_FINDING_HEADER_BITMAPS_BOUNDS,
    SINTER_FINDING_HEADER_BITMAPS_MISSING,
};

static gboolean
any_is_damaged(const SinterQcow2Round *self)
{
    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++) {
        if (self->checked->per_code[codes[i]] > 0)
            return TRUE;
    }
    return FALSE;
}

gboolean
sinter_qcow2_bitmaps_plan(SinterQcow2Round *self, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++)
        sinter_qcow2_round_add_findings(self, codes[i], NULL);
    sinter_qcow2_round_add_findings(
        self, SINTER_FINDING_BITMAP_TAIL_BITS,
        self->checked->per_code[SINTER_FINDING_METADATA_OVERLAP] > 0 ? "structures overlap" : NULL);
    return TRUE;
}

/* Clears the bits from @at on, but for the first @n_used of the first byte. */
static gboolean
clear_tail(SinterQcow2Round *self, guint64 at, guint n_used, GError **error)
{
    guint64 size = self->check->geo.cluster_size;
    gsize len = (gsize)(size - (at & (size - 1)));
    g_autofree guint8 *tail = g_malloc0(len);

    if (!sinter_io_read_padded(self->io, at, tail, 1, error))
        return FALSE;
    tail[0] &= (guint8)((1U << n_used) - 1);
    len = (gsize)MIN(len, self->check->stat.size_bytes - at);
    return sinter_io_write(self->io, at, tail, len, error);
}

/* In place: what is written stands for nothing, so each write alone leaves the bitmap as it is. */
static gboolean
clear_tails(SinterQcow2Round *self, GError **error)
{
    guint64 disk = self->check->header->virtual_size_bytes;

    for (guint i = 0; i < self->checked->findings->len; i++) {
        const SinterFinding *finding = &g_array_index(self->checked->findings, SinterFinding, i);
        guint64 granularity = MAX(finding->seen, 1);

        if (finding->code == SINTER_FINDING_BITMAP_TAIL_BITS &&
            !clear_tail(self, finding->host_offset,
                        (guint)((disk / granularity + (disk % granularity != 0)) % 8), error))
            return FALSE;
    }
    return sinter_io_flush(self->io, error);
}

/* The directory's entries that stay; their number in @ret_n. */
static GByteArray *
load_kept(SinterQcow2Round *self, guint32 *ret_n, GError **error)
{
    g_autoptr(GByteArray) kept = g_byte_array_new();
    GPtrArray *bitmaps = self->check->bitmaps;

    *ret_n = 0;
    for (guint i = 0; bitmaps && i < bitmaps->len; i++) {
        const SinterQcow2Bitmap *bitmap = g_ptr_array_index(bitmaps, i);
        guint at = kept->len;

        if (g_hash_table_contains(self->check->bad_bitmaps, bitmap) || *bitmap->name == '\0')
            continue;
        g_byte_array_set_size(kept, (guint)((at + bitmap->entry_bytes + 7) & ~7U));
        memset(kept->data + at, 0, kept->len - at);
        if (!sinter_io_read(self->io, bitmap->entry_offset, kept->data + at,
                            (gsize)bitmap->entry_bytes, error))
            return NULL;
        (*ret_n)++;
    }
    return g_steal_pointer(&kept);
}

/* Returns where the bitmaps extension is in the first sector, 0: not there. */
static guint64
extension_at(const SinterQcow2Header *header)
{
    for (guint i = 0; i < header->extensions->len; i++) {
        const SinterQcow2Extension *extension =
            &g_array_index(header->extensions, SinterQcow2Extension, i);

        if (extension->type == SINTER_QCOW2_EXT_BITMAPS &&
            extension->length_bytes == SINTER_QCOW2_EXT_BITMAPS_BYTES &&
            extension->offset + SINTER_QCOW2_EXT_BITMAPS_BYTES <= SECTOR_BYTES)
            return extension->offset;
    }
    return 0;
}

/* Bitmaps: number (4), reserved (4), directory bytes (8), directory offset (8). */
static gboolean
write_extension(SinterQcow2Round *self, guint64 at, guint32 n, guint64 bytes, guint64 offset,
                GError **error)
{
    guint8 sector[SECTOR_BYTES];

    if (!sinter_io_read(self->io, 0, sector, sizeof sector, error))
        return FALSE;
    sinter_be32_store(sector + at, n);
    sinter_be64_store(sector + at + 8, bytes);
    sinter_be64_store(sector + at + 16, offset);
    return sinter_io_write(self->io, 0, sector, sizeof sector, error) &&
           sinter_io_flush(self->io, error);
}

static gboolean
clear_feature(SinterQcow2Round *self, GError **error)
{
    SinterQcow2Root root = sinter_qcow2_root_of(self->check->header);

    root.autoclear &= ~SINTER_QCOW2_AUTOCLEAR_BITMAPS;
    return sinter_qcow2_root_write(self->io, self->check->header, &root, error);
}

gboolean
sinter_qcow2_bitmaps_run(SinterQcow2Round *self, GError **error)
{
    guint64 at = extension_at(self->check->header);
    guint32 n;
    g_autoptr(GByteArray) kept = NULL;
    guint64 offset;

    if (self->checked->per_code[SINTER_FINDING_BITMAP_TAIL_BITS] > 0 &&
        self->checked->per_code[SINTER_FINDING_METADATA_OVERLAP] == 0 && !clear_tails(self, error))
        return FALSE;
    if (!any_is_damaged(self))
        return TRUE;
    kept = load_kept(self, &n, error);
    if (!kept)
        return FALSE;
    if (n == 0 || at == 0)
        return clear_feature(self, error);
    return sinter_qcow2_round_take(self,
                                   sinter_qcow2_geometry_clusters(&self->check->geo, kept->len), 1,
                                   &offset, error) &&
           sinter_io_write(self->io, offset, kept->data, kept->len, error) &&
           sinter_qcow2_round_count_taken(self, error) &&
           write_extension(self, at, n, kept->len, offset, error);
}
