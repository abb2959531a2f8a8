/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The memory of a check: stored refcounts and references of each host cluster. Invariant: a cell
 * whose references are 63 has a slot with the exact number, and so has every cluster that is marked
 * as shared; a cell whose stored refcount is 255 has it in the big slots.
 */

#include "qcow2-refcount-map.h"
#include "qcow2-refcount-cell.h"
#include "sinter-error.h"

#include <sys/mman.h>

#define PIECE_MAX_BYTES 4096
#define HUGE_PAGE_BYTES ((guintptr)2 * 1024 * 1024)

/* --- the map --- */

/*
 * Allocates zeroed cells. A fragmented image accesses them randomly, which costs a page table walk
 * each time unless the pages are large; if large pages are unavailable, the cells still work.
 */
static guint16 *
cells_new(guint64 n)
{
    guint16 *cells = g_try_new0(guint16, n);
    guintptr start = ((guintptr)cells + HUGE_PAGE_BYTES - 1) & ~(HUGE_PAGE_BYTES - 1);
    guintptr end = (guintptr)(cells + n) & ~(HUGE_PAGE_BYTES - 1);

    if (cells && start < end)
        madvise((void *)start, end - start, MADV_HUGEPAGE);
    return cells;
}

SinterQcow2RefcountMap *
sinter_qcow2_refcount_map_new(const SinterQcow2Geometry *geo, guint64 n_clusters, gboolean flat,
                              gboolean shared_views, GError **error)
{
    g_autoptr(SinterQcow2RefcountMap) self = g_new0(SinterQcow2RefcountMap, 1);
    guint piece_bytes_bits = MIN(geo->cluster_bits, 12);

    G_STATIC_ASSERT(PIECE_MAX_BYTES == 1 << 12);
    self->order = geo->refcount_order;
    self->piece_bits = piece_bytes_bits + 3 - geo->refcount_order;
    self->refcount_max = sinter_qcow2_refcount_max(geo->refcount_order);
    self->shared_views = shared_views;
    self->pieces = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    self->unknown = g_array_new(FALSE, FALSE, sizeof(SinterQcow2ClusterRange));
    if (flat) {
        self->n_cells = n_clusters + 2; /* references may extend beyond the last one */
        self->cells = cells_new(self->n_cells);
        self->tags = shared_views ? cells_new(self->n_cells) : NULL;
        if (!self->cells || (shared_views && !self->tags)) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                        "not enough memory to count the references of %" G_GUINT64_FORMAT
                        " clusters",
                        n_clusters);
            return NULL;
        }
    }
    return g_steal_pointer(&self);
}

void
sinter_qcow2_refcount_map_free(SinterQcow2RefcountMap *map)
{
    if (!map)
        return;
    g_free(map->cells);
    g_free(map->tags);
    sinter_qcow2_slots_clear(&map->refs);
    sinter_qcow2_slots_clear(&map->big);
    g_hash_table_unref(map->pieces);
    g_array_unref(map->unknown);
    g_free(map);
}

/* --- stored refcounts --- */

/*
 * Converts four 16-bit refcounts at once to cells. FALSE if one of them must be escaped, or a cell
 * is not empty.
 */
static inline gboolean
load_lanes_16(guint16 *cells, const guint8 *block)
{
    guint64 stored = sinter_qcow2_word_load(block);
    guint64 cell = sinter_qcow2_word_load(cells);

    if (G_BYTE_ORDER == G_LITTLE_ENDIAN)
        stored = (stored & SINTER_QCOW2_EACH_LANE(0x00ff)) << 8 |
                 (stored >> 8 & SINTER_QCOW2_EACH_LANE(0x00ff));
    /* a lane of 255 or more has a bit above 255 set, before or after adding 1 */
    if (((stored | (stored + SINTER_QCOW2_EACH_LANE(1))) & SINTER_QCOW2_EACH_LANE(0xff00)) != 0 ||
        cell != 0)
        return FALSE;
    memcpy(cells, &stored, sizeof stored);
    return TRUE;
}

static void
load_cells_16(SinterQcow2RefcountMap *self, guint64 first, const guint8 *block, guint64 n)
{
    guint16 *cells = self->cells + first;

    for (guint64 i = 0; i < n;) {
        guint16 value;

        if (i + SINTER_QCOW2_LANES <= n && load_lanes_16(cells + i, block + i * 2)) {
            i += SINTER_QCOW2_LANES;
            continue;
        }
        value = sinter_be16_load(block + i * 2);
        cells[i] =
            (guint16)((cells[i] & ~SINTER_QCOW2_CELL_DISK) | MIN(value, SINTER_QCOW2_DISK_ESCAPE));
        if (value >= SINTER_QCOW2_DISK_ESCAPE)
            sinter_qcow2_slots_get(&self->big, first + i)->value = value;
        i++;
    }
}

static void
load_cells(SinterQcow2RefcountMap *self, guint64 first, const guint8 *block, guint64 n)
{
    guint16 *cells = self->cells + first;

    if (self->order == 4) {
        load_cells_16(self, first, block, n);
        return;
    }
    for (guint64 i = 0; i < n; i++) {
        guint64 value = sinter_qcow2_refcount_load(self->order, block, (guint32)i);

        cells[i] =
            (guint16)((cells[i] & ~SINTER_QCOW2_CELL_DISK) | MIN(value, SINTER_QCOW2_DISK_ESCAPE));
        if (value >= SINTER_QCOW2_DISK_ESCAPE)
            sinter_qcow2_slots_get(&self->big, first + i)->value = value;
    }
}

static gboolean
is_zero(const guint8 *data, gsize len)
{
    return len == 0 || (data[0] == 0 && memcmp(data, data + 1, len - 1) == 0);
}

static void
load_pieces(SinterQcow2RefcountMap *self, guint64 first, const guint8 *block, guint64 n)
{
    guint64 per_piece = G_GUINT64_CONSTANT(1) << self->piece_bits;
    gsize piece_bytes = (gsize)((per_piece << self->order) / 8);

    for (guint64 i = 0; i < n; i += per_piece) {
        const guint8 *at = block + ((i << self->order) / 8);
        gsize len = (gsize)((MIN(per_piece, n - i) << self->order) + 7) / 8;
        guint8 *piece;

        if (is_zero(at, len))
            continue;
        piece = g_malloc0(piece_bytes);
        memcpy(piece, at, len);
        g_hash_table_insert(self->pieces, GSIZE_TO_POINTER(((first + i) >> self->piece_bits) + 1),
                            piece);
    }
}

void
sinter_qcow2_refcount_map_load(SinterQcow2RefcountMap *map, guint64 first, const guint8 *block,
                               guint64 n, gboolean beyond)
{
    guint64 n_flat = first < map->n_cells ? MIN(n, map->n_cells - first) : 0;
    guint64 skip = n_flat & ~((G_GUINT64_CONSTANT(1) << map->piece_bits) - 1);

    if (n_flat > 0)
        load_cells(map, first, block, n_flat);
    if (beyond && n_flat < n)
        load_pieces(map, first + skip, block + ((skip << map->order) / 8), n - skip);
}

void
sinter_qcow2_refcount_map_set_unknown(SinterQcow2RefcountMap *map, guint64 first, guint64 end)
{
    SinterQcow2ClusterRange range = { first, end };

    if (map->unknown->len > 0) {
        SinterQcow2ClusterRange *last =
            &g_array_index(map->unknown, SinterQcow2ClusterRange, map->unknown->len - 1);

        if (last->end == first) {
            last->end = end;
            return;
        }
    }
    g_array_append_val(map->unknown, range);
}

gboolean
sinter_qcow2_refcount_map_is_unknown(const SinterQcow2RefcountMap *map, guint64 cluster)
{
    guint low = 0;
    guint high = map->unknown->len;

    while (low < high) {
        guint mid = (low + high) / 2;
        SinterQcow2ClusterRange range = g_array_index(map->unknown, SinterQcow2ClusterRange, mid);

        if (cluster < range.first)
            high = mid;
        else if (cluster >= range.end)
            low = mid + 1;
        else
            return TRUE;
    }
    return FALSE;
}

guint64
sinter_qcow2_refcount_map_get_stored(const SinterQcow2RefcountMap *map, guint64 cluster)
{
    const guint8 *piece;

    if (cluster < map->n_cells) {
        guint disk = map->cells[cluster] & SINTER_QCOW2_CELL_DISK;

        return disk == SINTER_QCOW2_DISK_ESCAPE ? sinter_qcow2_slots_find(&map->big, cluster)->value
                                                : disk;
    }
    piece = g_hash_table_lookup(map->pieces, GSIZE_TO_POINTER((cluster >> map->piece_bits) + 1));
    if (!piece)
        return 0;
    return sinter_qcow2_refcount_load(map->order, piece,
                                      (guint32)(cluster & ((1U << map->piece_bits) - 1)));
}

/* --- references --- */

guint64
sinter_qcow2_refcount_map_get_refs(const SinterQcow2RefcountMap *map, guint64 cluster)
{
    const SinterQcow2Slot *slot;

    if (cluster < map->n_cells &&
        sinter_qcow2_cell_refs(map->cells[cluster]) != SINTER_QCOW2_REFS_ESCAPE)
        return sinter_qcow2_cell_refs(map->cells[cluster]);
    slot = sinter_qcow2_slots_find(&map->refs, cluster);
    return slot ? sinter_qcow2_slot_refs(slot) : 0;
}

/* Returns the slot that holds the cluster's references from now on. */
static SinterQcow2Slot *
map_get_slot(SinterQcow2RefcountMap *self, guint64 cluster)
{
    guint16 cell;
    SinterQcow2Slot *slot;

    if (cluster >= self->n_cells)
        return sinter_qcow2_slots_get(&self->refs, cluster);
    cell = self->cells[cluster];
    if (sinter_qcow2_cell_refs(cell) == SINTER_QCOW2_REFS_ESCAPE)
        return sinter_qcow2_slots_find(&self->refs, cluster);
    slot = sinter_qcow2_slots_get(&self->refs, cluster);
    slot->value = sinter_qcow2_cell_refs(cell);
    if (self->tags)
        slot->value |= (guint64)self->tags[cluster] << SINTER_QCOW2_REFS_BITS;
    slot->key |= (guint64)cell >> SINTER_QCOW2_CELL_USE_SHIFT;
    self->cells[cluster] = cell | SINTER_QCOW2_CELL_REFS;
    return slot;
}

static gboolean
uses_clash(const SinterQcow2RefcountMap *self, guint had, guint16 had_tag, SinterQcow2Use use,
           guint16 tag)
{
    if (had == SINTER_QCOW2_USE_LOOSE || use == SINTER_QCOW2_USE_LOOSE)
        return FALSE;
    if (had == SINTER_QCOW2_USE_COMPRESSED && use == SINTER_QCOW2_USE_COMPRESSED)
        return FALSE;
    return had != SINTER_QCOW2_USE_DATA || use != SINTER_QCOW2_USE_DATA || !self->shared_views ||
           had_tag != tag;
}

static void
slot_add(SinterQcow2RefcountMap *self, SinterQcow2Slot *slot, guint64 n, SinterQcow2Use use,
         guint16 tag)
{
    guint had = (guint)(slot->key & SINTER_QCOW2_SLOT_USE);
    guint16 had_tag = (guint16)(slot->value >> SINTER_QCOW2_REFS_BITS);
    guint64 refs =
        MIN(sinter_qcow2_slot_refs(slot) + MIN(n, SINTER_QCOW2_REFS_MAX), SINTER_QCOW2_REFS_MAX);

    if (uses_clash(self, had, had_tag, use, tag))
        slot->key |= SINTER_QCOW2_SLOT_SHARED;
    if (had == SINTER_QCOW2_USE_LOOSE)
        had_tag = tag;
    slot->key = (slot->key & ~SINTER_QCOW2_SLOT_USE) | MAX(had, (guint)use);
    slot->value = (guint64)had_tag << SINTER_QCOW2_REFS_BITS | refs;
}

void
sinter_qcow2_refcount_map_add(SinterQcow2RefcountMap *map, guint64 cluster, guint64 n,
                              SinterQcow2Use use, guint16 tag)
{
    guint16 cell;
    guint had;

    if (cluster >= map->n_cells) {
        slot_add(map, sinter_qcow2_slots_get(&map->refs, cluster), n, use, tag);
        return;
    }
    cell = map->cells[cluster];
    had = cell >> SINTER_QCOW2_CELL_USE_SHIFT;
    if (n >= SINTER_QCOW2_REFS_ESCAPE - sinter_qcow2_cell_refs(cell) ||
        uses_clash(map, had, map->tags ? map->tags[cluster] : 0, use, tag)) {
        slot_add(map, map_get_slot(map, cluster), n, use, tag);
        return;
    }
    if (map->tags && had == SINTER_QCOW2_USE_LOOSE)
        map->tags[cluster] = tag;
    cell = (guint16)(cell + n * SINTER_QCOW2_CELL_REF);
    map->cells[cluster] = (guint16)(cell & ~(3U << SINTER_QCOW2_CELL_USE_SHIFT)) |
                          (guint16)(MAX(had, (guint)use) << SINTER_QCOW2_CELL_USE_SHIFT);
}

void
sinter_qcow2_refcount_map_mark_shared(SinterQcow2RefcountMap *map, guint64 cluster)
{
    map_get_slot(map, cluster)->key |= SINTER_QCOW2_SLOT_SHARED;
}

void
sinter_qcow2_refcount_map_clear_shared(SinterQcow2RefcountMap *map, guint64 cluster)
{
    map_get_slot(map, cluster)->key &= ~SINTER_QCOW2_SLOT_SHARED;
}

gboolean
sinter_qcow2_refcount_map_is_shared(const SinterQcow2RefcountMap *map, guint64 cluster)
{
    const SinterQcow2Slot *slot = sinter_qcow2_slots_find(&map->refs, cluster);

    return slot && (slot->key & SINTER_QCOW2_SLOT_SHARED) != 0;
}

SinterQcow2Use
sinter_qcow2_refcount_map_get_use(const SinterQcow2RefcountMap *map, guint64 cluster)
{
    const SinterQcow2Slot *slot;

    if (cluster < map->n_cells &&
        sinter_qcow2_cell_refs(map->cells[cluster]) != SINTER_QCOW2_REFS_ESCAPE)
        return map->cells[cluster] >> SINTER_QCOW2_CELL_USE_SHIFT;
    slot = sinter_qcow2_slots_find(&map->refs, cluster);
    return slot ? (SinterQcow2Use)(slot->key & SINTER_QCOW2_SLOT_USE) : SINTER_QCOW2_USE_LOOSE;
}
