/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Compares and counts the content of the reference map. Invariant: the map does not change; flat
 * cells are processed several at a time, and individually only if some of them differ.
 */

#include "qcow2-refcount-compare.h"
#include "qcow2-refcount-cell.h"

/* Cells that are compared together; the counts of this many cannot overflow a lane. */
#define BATCH 64
#define COUNT_BATCH 65536

typedef struct {
    const SinterQcow2RefcountMap *map;
    guint64 n_clusters;
    SinterQcow2MismatchFunc func;
    gpointer user_data;
    guint64 end;
} Comparison;

static void
compare_one(Comparison *self, guint64 cluster, guint64 stored, guint64 refs)
{
    if (stored > 0 || refs > 0)
        self->end = MAX(self->end, cluster + 1);
    if (stored != MIN(refs, self->map->refcount_max) || refs > self->map->refcount_max)
        self->func(cluster, stored, refs, self->user_data);
}

/*
 * Returns whether a cell's two numbers are equal and thus correct: escaped cells never are, and the
 * file cannot store a number that its refcounts cannot hold.
 */
static gboolean
cell_is_even(guint16 cell)
{
    return (cell & SINTER_QCOW2_CELL_DISK) == sinter_qcow2_cell_refs(cell);
}

/* Compares the cells from @first to @end (exclusive) one by one. */
static void
compare_cells_singly(Comparison *self, guint64 first, guint64 end)
{
    const SinterQcow2RefcountMap *map = self->map;

    for (guint64 i = first; i < end; i++) {
        if (!cell_is_even(map->cells[i]))
            compare_one(self, i, sinter_qcow2_refcount_map_get_stored(map, i),
                        sinter_qcow2_refcount_map_get_refs(map, i));
    }
}

static void
compare_cells(Comparison *self, guint64 first, guint64 end)
{
    const guint16 *cells = self->map->cells;
    guint64 last = end;

    /* nothing to compare where nothing is in use */
    while (last > first && (cells[last - 1] & (guint16) ~(3U << SINTER_QCOW2_CELL_USE_SHIFT)) == 0)
        last--;
    if (last > first)
        self->end = MAX(self->end, last);
    for (guint64 i = first; i < last;) {
        guint64 stop = MIN(i + BATCH, last);
        guint64 uneven = 0;
        guint64 k;

        for (k = i; k + SINTER_QCOW2_LANES <= stop; k += SINTER_QCOW2_LANES) {
            guint64 word = sinter_qcow2_word_load(cells + k);

            uneven |= (word ^ word >> 8) & SINTER_QCOW2_EACH_LANE(0x3f);
            uneven |= word & SINTER_QCOW2_EACH_LANE(SINTER_QCOW2_CELL_DISK & ~0x3f);
        }
        compare_cells_singly(self, uneven ? i : k, stop);
        i = stop;
    }
}

static void
compare_flat(Comparison *self)
{
    guint64 at = 0;

    for (guint i = 0; i < self->map->unknown->len; i++) {
        SinterQcow2ClusterRange range =
            g_array_index(self->map->unknown, SinterQcow2ClusterRange, i);

        if (range.first >= self->n_clusters)
            break;
        compare_cells(self, at, range.first);
        at = range.end;
    }
    if (at < self->n_clusters)
        compare_cells(self, at, self->n_clusters);
}

/* @each_stored calls it for every nonzero stored refcount of a piece. */
typedef void (*StoredFunc)(gpointer self, guint64 cluster, guint64 stored);

static void
each_stored(const SinterQcow2RefcountMap *map, guint64 first, const guint8 *piece, StoredFunc func,
            gpointer self)
{
    guint32 n = 1U << map->piece_bits;
    guint32 step = map->order >= 6 ? 1 : 64U >> map->order; /* refcounts in 8 bytes */

    for (guint32 i = 0; i < n; i += step) {
        if (sinter_be64_load(piece + (((gsize)i << map->order) / 8)) == 0)
            continue;
        for (guint32 k = i; k < i + step; k++) {
            guint64 stored = sinter_qcow2_refcount_load(map->order, piece, k);

            if (stored != 0)
                func(self, first + k, stored);
        }
    }
}

static void
compare_unreferenced(gpointer data, guint64 cluster, guint64 stored)
{
    Comparison *self = data;
    const SinterQcow2Slot *slot;

    if (cluster >= self->n_clusters || cluster < self->map->n_cells)
        return;
    slot = sinter_qcow2_slots_find(&self->map->refs, cluster);
    if ((!slot || sinter_qcow2_slot_refs(slot) == 0) &&
        !sinter_qcow2_refcount_map_is_unknown(self->map, cluster))
        compare_one(self, cluster, stored, 0);
}

static void
compare_sparse(Comparison *self)
{
    const SinterQcow2RefcountMap *map = self->map;
    GHashTableIter iter;
    gpointer key;
    gpointer piece;

    for (guint64 i = 0; map->refs.slots && i <= map->refs.mask; i++) {
        const SinterQcow2Slot *slot = &map->refs.slots[i];

        if (slot->key == 0 || sinter_qcow2_slot_cluster(slot) >= self->n_clusters ||
            sinter_qcow2_slot_refs(slot) == 0 ||
            sinter_qcow2_refcount_map_is_unknown(map, sinter_qcow2_slot_cluster(slot)))
            continue;
        compare_one(self, sinter_qcow2_slot_cluster(slot),
                    sinter_qcow2_refcount_map_get_stored(map, sinter_qcow2_slot_cluster(slot)),
                    sinter_qcow2_slot_refs(slot));
    }
    g_hash_table_iter_init(&iter, map->pieces);
    while (g_hash_table_iter_next(&iter, &key, &piece))
        each_stored(map, (guint64)(GPOINTER_TO_SIZE(key) - 1) << map->piece_bits, piece,
                    compare_unreferenced, self);
}

void
sinter_qcow2_refcount_map_compare(const SinterQcow2RefcountMap *map, guint64 n_clusters,
                                  SinterQcow2MismatchFunc func, gpointer user_data,
                                  guint64 *ret_end)
{
    Comparison self = { map, n_clusters, func, user_data, 0 };

    if (map->cells) {
        g_assert(n_clusters <= map->n_cells);
        compare_flat(&self);
    } else {
        compare_sparse(&self);
    }
    *ret_end = self.end;
}

static gint
compare_clusters(gconstpointer a, gconstpointer b)
{
    guint64 left = *(const guint64 *)a;
    guint64 right = *(const guint64 *)b;

    return left < right ? -1 : left > right;
}

GArray *
sinter_qcow2_refcount_map_list_shared(const SinterQcow2RefcountMap *map)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(guint64));

    for (guint64 i = 0; map->refs.slots && i <= map->refs.mask; i++) {
        guint64 cluster = sinter_qcow2_slot_cluster(&map->refs.slots[i]);

        if (map->refs.slots[i].key & SINTER_QCOW2_SLOT_SHARED)
            g_array_append_val(list, cluster);
    }
    g_array_sort(list, compare_clusters);
    return list;
}

void
sinter_qcow2_refcount_map_each_used(const SinterQcow2RefcountMap *map, SinterQcow2ClusterFunc func,
                                    gpointer user_data)
{
    for (guint64 i = 0; i < map->n_cells; i++) {
        guint refs = sinter_qcow2_cell_refs(map->cells[i]);

        if (refs > 0 && refs != SINTER_QCOW2_REFS_ESCAPE)
            func(i, user_data);
    }
    for (guint64 i = 0; map->refs.slots && i <= map->refs.mask; i++) {
        const SinterQcow2Slot *slot = &map->refs.slots[i];

        if (slot->key != 0 && sinter_qcow2_slot_refs(slot) > 0)
            func(sinter_qcow2_slot_cluster(slot), user_data);
    }
}

guint64
sinter_qcow2_refcount_map_max_refs(const SinterQcow2RefcountMap *map)
{
    guint64 max = 0;

    for (guint64 i = 0; i < map->n_cells; i++) {
        guint refs = sinter_qcow2_cell_refs(map->cells[i]);

        if (refs != SINTER_QCOW2_REFS_ESCAPE)
            max = MAX(max, refs);
    }
    for (guint64 i = 0; map->refs.slots && i <= map->refs.mask; i++) {
        if (map->refs.slots[i].key != 0)
            max = MAX(max, sinter_qcow2_slot_refs(&map->refs.slots[i]));
    }
    return max;
}

typedef struct {
    SinterQcow2ClusterFunc func;
    gpointer user_data;
} EachStored;

static void
pass_stored(gpointer data, guint64 cluster, guint64 stored)
{
    const EachStored *self = data;

    self->func(cluster, self->user_data);
}

void
sinter_qcow2_refcount_map_each_stored(const SinterQcow2RefcountMap *map,
                                      SinterQcow2ClusterFunc func, gpointer user_data)
{
    EachStored each = { func, user_data };
    GHashTableIter iter;
    gpointer key;
    gpointer piece;

    for (guint64 i = 0; i < map->n_cells; i++) {
        if (map->cells[i] & SINTER_QCOW2_CELL_DISK)
            func(i, user_data);
    }
    g_hash_table_iter_init(&iter, map->pieces);
    while (g_hash_table_iter_next(&iter, &key, &piece))
        each_stored(map, (guint64)(GPOINTER_TO_SIZE(key) - 1) << map->piece_bits, piece,
                    pass_stored, &each);
}

static guint64
sum_lanes(guint64 lanes)
{
    return (lanes & 0xffff) + (lanes >> 16 & 0xffff) + (lanes >> 32 & 0xffff) + (lanes >> 48);
}

/* Skips escaped cells: only their slots have the use. */
static void
count_cells(const guint16 *cells, guint64 n, guint64 *used, guint64 *metadata)
{
    for (guint64 i = 0; i < n;) {
        guint64 stop = MIN(i + COUNT_BATCH, n);
        guint64 used_lanes = 0;
        guint64 metadata_lanes = 0;

        for (; i + SINTER_QCOW2_LANES <= stop; i += SINTER_QCOW2_LANES) {
            guint64 word = sinter_qcow2_word_load(cells + i);
            guint64 refs = word >> 8 & SINTER_QCOW2_EACH_LANE(SINTER_QCOW2_REFS_ESCAPE);
            guint64 met = (refs + SINTER_QCOW2_EACH_LANE(0x7fff)) >> 15 & SINTER_QCOW2_EACH_LANE(1);

            met &= ~((refs + SINTER_QCOW2_EACH_LANE(0x8000 - SINTER_QCOW2_REFS_ESCAPE)) >> 15);
            used_lanes += met;
            metadata_lanes += met & word >> 15 & word >> 14;
        }
        *used += sum_lanes(used_lanes);
        *metadata += sum_lanes(metadata_lanes);
        for (; i < stop; i++) {
            guint refs = sinter_qcow2_cell_refs(cells[i]);
            gboolean met = refs > 0 && refs != SINTER_QCOW2_REFS_ESCAPE;

            *used += met;
            *metadata +=
                met && cells[i] >> SINTER_QCOW2_CELL_USE_SHIFT == SINTER_QCOW2_USE_METADATA;
        }
    }
}

void
sinter_qcow2_refcount_map_count_uses(const SinterQcow2RefcountMap *map, guint64 *ret_used,
                                     guint64 *ret_metadata)
{
    *ret_used = 0;
    *ret_metadata = 0;
    if (map->cells)
        count_cells(map->cells, map->n_cells, ret_used, ret_metadata);
    for (guint64 i = 0; map->refs.slots && i <= map->refs.mask; i++) {
        const SinterQcow2Slot *slot = &map->refs.slots[i];

        if (slot->key == 0 || sinter_qcow2_slot_refs(slot) == 0)
            continue;
        *ret_used += 1;
        *ret_metadata += (slot->key & SINTER_QCOW2_SLOT_USE) == SINTER_QCOW2_USE_METADATA;
    }
}

typedef struct {
    guint64 from;
    guint64 n;
    guint64 first;
} Beyond;

static void
count_beyond(gpointer data, guint64 cluster, guint64 stored)
{
    Beyond *self = data;

    if (cluster < self->from)
        return;
    self->n++;
    self->first = MIN(self->first, cluster);
}

guint64
sinter_qcow2_refcount_map_count_beyond(const SinterQcow2RefcountMap *map, guint64 n_clusters,
                                       guint64 *ret_first)
{
    Beyond beyond = { n_clusters, 0, G_MAXUINT64 };
    GHashTableIter iter;
    gpointer key;
    gpointer piece;

    g_hash_table_iter_init(&iter, map->pieces);
    while (g_hash_table_iter_next(&iter, &key, &piece))
        each_stored(map, (guint64)(GPOINTER_TO_SIZE(key) - 1) << map->piece_bits, piece,
                    count_beyond, &beyond);
    *ret_first = beyond.first;
    return beyond.n;
}
