/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Counts the owners of host clusters. Compressed data shares clusters with other compressed data,
 * everything else has its clusters alone. Invariant: memory is bounded by the size of the file, and
 * offsets beyond its end are ignored.
 */

#include "qcow2-salvage-census.h"
#include "qcow2-bitmap.h"
#include "qcow2-snapshot.h"

/* 32 MiB for each set of bits: files up to 16 TiB with clusters of 64 KiB */
#define MAX_CLUSTERS (G_GUINT64_CONSTANT(1) << 28)

typedef enum {
    SET_WHOLE,      /* has an owner that needs it alone */
    SET_COMPRESSED, /* holds compressed data */
    SET_CONFLICT,   /* has owners that exclude each other */
    N_SETS,
} Set;

struct _SinterQcow2SalvageCensus {
    SinterQcow2Geometry geo;
    guint64 n_clusters;
    guint8 *sets[N_SETS]; /* a bit for each cluster */
};

SinterQcow2SalvageCensus *
sinter_qcow2_salvage_census_new(const SinterQcow2Header *header)
{
    guint64 n = sinter_qcow2_geometry_clusters(&header->geo, header->file_bytes);
    g_autoptr(SinterQcow2SalvageCensus) self = g_new0(SinterQcow2SalvageCensus, 1);

    if (n > MAX_CLUSTERS || header->geo.external_data)
        return NULL;
    self->geo = header->geo;
    self->n_clusters = n;
    for (guint i = 0; i < N_SETS; i++) {
        self->sets[i] = g_try_malloc0(n / 8 + 1);
        if (!self->sets[i])
            return NULL;
    }
    return g_steal_pointer(&self);
}

void
sinter_qcow2_salvage_census_free(SinterQcow2SalvageCensus *self)
{
    if (!self)
        return;
    for (guint i = 0; i < N_SETS; i++)
        g_free(self->sets[i]);
    g_free(self);
}

static gboolean
census_has(const SinterQcow2SalvageCensus *self, Set set, guint64 cluster)
{
    return (self->sets[set][cluster / 8] >> (cluster % 8)) & 1;
}

static void
census_put(SinterQcow2SalvageCensus *self, Set set, guint64 cluster)
{
    self->sets[set][cluster / 8] |= (guint8)(1U << (cluster % 8));
}

/* Adds an owner of the clusters of a range; 0 as offset is none. */
static void
census_add(SinterQcow2SalvageCensus *self, Set set, guint64 offset, guint64 bytes)
{
    guint64 first = offset >> self->geo.cluster_bits;

    if (!self || offset == 0 || bytes == 0 || bytes > G_MAXINT64 || offset > G_MAXINT64)
        return;
    for (guint64 i = first; i <= (offset + bytes - 1) >> self->geo.cluster_bits; i++) {
        if (i >= self->n_clusters)
            break;
        if (census_has(self, SET_WHOLE, i) ||
            (set == SET_WHOLE && census_has(self, SET_COMPRESSED, i)))
            census_put(self, SET_CONFLICT, i);
        census_put(self, set, i);
    }
}

static void
add_refblocks(SinterQcow2SalvageCensus *self, SinterIo *io, const SinterQcow2Header *header)
{
    guint64 bytes = MIN((guint64)header->reftable_clusters << header->cluster_bits,
                        SINTER_QCOW2_REFTABLE_MAX_BYTES);
    g_autofree guint8 *table = g_try_malloc(MAX(bytes, 1));

    if (!table || header->reftable_offset > G_MAXINT64 - bytes ||
        !sinter_io_read_padded(io, header->reftable_offset, table, (gsize)bytes, NULL))
        return;
    for (gsize i = 0; i < bytes; i += 8)
        census_add(self, SET_WHOLE, sinter_be64_load(table + i) & ~SINTER_QCOW2_REFTABLE_RESERVED,
                   self->geo.cluster_size);
}

static void
add_snapshots(SinterQcow2SalvageCensus *self, SinterIo *io, const SinterQcow2Header *header)
{
    g_autoptr(GPtrArray) partial = NULL;
    g_autoptr(GPtrArray) all =
        header->n_snapshots ? sinter_qcow2_snapshots_load(io, header, &partial, NULL) : NULL;
    const GPtrArray *list = all ? all : partial;

    for (guint i = 0; list && i < list->len; i++) {
        const SinterQcow2Snapshot *one = g_ptr_array_index(list, i);

        census_add(self, SET_WHOLE, one->l1_offset, (guint64)one->l1_entries * 8);
    }
    /* the table itself, which begins with a cluster: the end of its last entry is in it */
    if (list && list->len > 0) {
        const SinterQcow2Snapshot *last = g_ptr_array_index(list, list->len - 1);

        census_add(self, SET_WHOLE, header->snapshots_offset,
                   last->entry_offset + last->entry_bytes - header->snapshots_offset);
    }
}

static void
add_bitmaps(SinterQcow2SalvageCensus *self, SinterIo *io, const SinterQcow2Header *header)
{
    g_autoptr(GPtrArray) list = sinter_qcow2_bitmaps_load(io, header, NULL);

    if (!list || list->len == 0)
        return;
    census_add(self, SET_WHOLE, header->bitmap_directory_offset, header->bitmap_directory_bytes);
    for (guint i = 0; i < list->len; i++) {
        const SinterQcow2Bitmap *one = g_ptr_array_index(list, i);
        guint64 bytes = (guint64)one->table_entries * 8;
        g_autofree guint8 *table =
            bytes <= SINTER_QCOW2_L1_MAX_BYTES ? g_try_malloc(MAX(bytes, 1)) : NULL;

        census_add(self, SET_WHOLE, one->table_offset, bytes);
        if (!table || one->table_offset > G_MAXINT64 - bytes ||
            !sinter_io_read_padded(io, one->table_offset, table, (gsize)bytes, NULL))
            continue;
        for (gsize at = 0; at < bytes; at += 8)
            census_add(self, SET_WHOLE, sinter_be64_load(table + at) & SINTER_QCOW2_OFFSET_MASK,
                       self->geo.cluster_size);
    }
}

void
sinter_qcow2_salvage_census_add_metadata(SinterQcow2SalvageCensus *self, SinterIo *io,
                                         const SinterQcow2Header *header)
{
    if (!self)
        return;
    census_add(self, SET_WHOLE, header->l1_offset, (guint64)header->l1_entries * 8);
    add_refblocks(self, io, header);
    add_snapshots(self, io, header);
    add_bitmaps(self, io, header);
}

void
sinter_qcow2_salvage_census_add_table(SinterQcow2SalvageCensus *self, guint64 offset)
{
    if (self)
        census_add(self, SET_WHOLE, offset, self->geo.cluster_size);
}

/* Returns the host range of an entry, and how it uses it. */
static Set
entry_range(const SinterQcow2SalvageCensus *self, SinterQcow2L2Entry l2, guint64 *ret_offset,
            guint64 *ret_bytes)
{
    SinterQcow2CompressedRef ref;

    if (!(l2.entry & SINTER_QCOW2_COMPRESSED)) {
        *ret_offset = l2.entry & SINTER_QCOW2_OFFSET_MASK;
        *ret_bytes = self->geo.cluster_size;
        return SET_WHOLE;
    }
    ref = sinter_qcow2_l2_compressed(&self->geo, l2.entry);
    *ret_offset = ref.host_offset;
    *ret_bytes = ref.host_bytes;
    return SET_COMPRESSED;
}

void
sinter_qcow2_salvage_census_add_entry(SinterQcow2SalvageCensus *self, SinterQcow2L2Entry l2)
{
    guint64 offset;
    guint64 bytes;

    if (self) {
        Set set = entry_range(self, l2, &offset, &bytes);

        census_add(self, set, offset, bytes);
    }
}

gboolean
sinter_qcow2_salvage_census_conflicts(const SinterQcow2SalvageCensus *self, SinterQcow2L2Entry l2)
{
    guint64 offset = 0;
    guint64 bytes = 0;

    if (!self)
        return FALSE;
    entry_range(self, l2, &offset, &bytes);
    for (guint64 i = offset >> self->geo.cluster_bits;
         offset != 0 && i <= (offset + bytes - 1) >> self->geo.cluster_bits; i++) {
        if (i < self->n_clusters && census_has(self, SET_CONFLICT, i))
            return TRUE;
    }
    return FALSE;
}
