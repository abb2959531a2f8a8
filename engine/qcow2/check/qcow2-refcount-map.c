/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The memory of a check: stored refcounts and references of each host cluster. What holds: a cell
 * whose references are 63 has a slot with the true number, and so has every cluster that is
 * marked as shared; a cell whose stored refcount is 255 has it in the big slots.
 */

#include "qcow2-refcount-map.h"
#include "sinter-error.h"

#include <sys/mman.h>

#define PIECE_MAX_BYTES 4096
#define HUGE_PAGE_BYTES ((guintptr)2 * 1024 * 1024)
#define REFS_ESCAPE 63U
#define DISK_ESCAPE 255U
#define REFS_BITS 48
#define REFS_MAX ((G_GUINT64_CONSTANT(1) << REFS_BITS) - 1)

/* Cells that are compared together, and that are counted before lanes can run over. */
#define BATCH 64
#define COUNT_BATCH 65536

/* A slot's flags. */
#define SLOT_USE G_GUINT64_CONSTANT(3)
#define SLOT_SHARED G_GUINT64_CONSTANT(4)

/* --- the map --- */

/*
 * Zeroed cells. Entries of a fragmented image jump all over them, which costs a walk through the
 * page tables each time unless the pages are large; where they cannot be had, nothing is lost.
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
        self->n_cells = n_clusters + 2; /* what a partial last cluster may spill into */
        self->cells = cells_new(self->n_cells);
        self->tags = shared_views ? cells_new(self->n_cells) : NULL;
        if (!self->cells || (shared_views && !self->tags)) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                        "there is no memory to count the references of %" G_GUINT64_FORMAT
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

/* Eight bytes are four cells, or four refcounts of 16 bits. */
#define LANES 4
#define EACH_LANE(value) ((guint64)(value)*G_GUINT64_CONSTANT(0x0001000100010001))

static guint64
word_load(const void *at)
{
    guint64 word;

    memcpy(&word, at, sizeof word);
    return word;
}

/*
 * Four refcounts of 16 bits at once, as cells. FALSE where one of them has to be escaped, or a
 * cell is not empty.
 */
static inline gboolean
load_lanes_16(guint16 *cells, const guint8 *block)
{
    guint64 stored = word_load(block);
    guint64 cell = word_load(cells);

    if (G_BYTE_ORDER == G_LITTLE_ENDIAN)
        stored = (stored & EACH_LANE(0x00ff)) << 8 | (stored >> 8 & EACH_LANE(0x00ff));
    /* a lane of 255 or more has a bit above 255 when 1 is added, or had one before */
    if (((stored | (stored + EACH_LANE(1))) & EACH_LANE(0xff00)) != 0 || cell != 0)
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

        if (i + LANES <= n && load_lanes_16(cells + i, block + i * 2)) {
            i += LANES;
            continue;
        }
        value = sinter_be16_load(block + i * 2);
        cells[i] = (guint16)((cells[i] & ~SINTER_QCOW2_CELL_DISK) | MIN(value, DISK_ESCAPE));
        if (value >= DISK_ESCAPE)
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

        cells[i] = (guint16)((cells[i] & ~SINTER_QCOW2_CELL_DISK) | MIN(value, DISK_ESCAPE));
        if (value >= DISK_ESCAPE)
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

        return disk == DISK_ESCAPE ? sinter_qcow2_slots_find(&map->big, cluster)->value : disk;
    }
    piece = g_hash_table_lookup(map->pieces, GSIZE_TO_POINTER((cluster >> map->piece_bits) + 1));
    if (!piece)
        return 0;
    return sinter_qcow2_refcount_load(map->order, piece,
                                      (guint32)(cluster & ((1U << map->piece_bits) - 1)));
}

/* --- references --- */

static guint64
slot_refs(const SinterQcow2Slot *slot)
{
    return slot->value & REFS_MAX;
}

static guint
cell_refs(guint16 cell)
{
    return (cell & SINTER_QCOW2_CELL_REFS) / SINTER_QCOW2_CELL_REF;
}

guint64
sinter_qcow2_refcount_map_get_refs(const SinterQcow2RefcountMap *map, guint64 cluster)
{
    const SinterQcow2Slot *slot;

    if (cluster < map->n_cells && cell_refs(map->cells[cluster]) != REFS_ESCAPE)
        return cell_refs(map->cells[cluster]);
    slot = sinter_qcow2_slots_find(&map->refs, cluster);
    return slot ? slot_refs(slot) : 0;
}

/* The slot that holds the cluster's references from now on. */
static SinterQcow2Slot *
map_get_slot(SinterQcow2RefcountMap *self, guint64 cluster)
{
    guint16 cell;
    SinterQcow2Slot *slot;

    if (cluster >= self->n_cells)
        return sinter_qcow2_slots_get(&self->refs, cluster);
    cell = self->cells[cluster];
    if (cell_refs(cell) == REFS_ESCAPE)
        return sinter_qcow2_slots_find(&self->refs, cluster);
    slot = sinter_qcow2_slots_get(&self->refs, cluster);
    slot->value = cell_refs(cell);
    if (self->tags)
        slot->value |= (guint64)self->tags[cluster] << REFS_BITS;
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
    guint had = (guint)(slot->key & SLOT_USE);
    guint16 had_tag = (guint16)(slot->value >> REFS_BITS);
    guint64 refs = MIN(slot_refs(slot) + MIN(n, REFS_MAX), REFS_MAX);

    if (uses_clash(self, had, had_tag, use, tag))
        slot->key |= SLOT_SHARED;
    if (had == SINTER_QCOW2_USE_LOOSE)
        had_tag = tag;
    slot->key = (slot->key & ~SLOT_USE) | MAX(had, (guint)use);
    slot->value = (guint64)had_tag << REFS_BITS | refs;
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
    if (n >= REFS_ESCAPE - cell_refs(cell) ||
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
    map_get_slot(map, cluster)->key |= SLOT_SHARED;
}

void
sinter_qcow2_refcount_map_clear_shared(SinterQcow2RefcountMap *map, guint64 cluster)
{
    map_get_slot(map, cluster)->key &= ~SLOT_SHARED;
}

gboolean
sinter_qcow2_refcount_map_is_shared(const SinterQcow2RefcountMap *map, guint64 cluster)
{
    const SinterQcow2Slot *slot = sinter_qcow2_slots_find(&map->refs, cluster);

    return slot && (slot->key & SLOT_SHARED) != 0;
}

/* --- both together --- */

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
 * Whether a cell's two numbers are equal, which makes it sound: the escapes never are, and what a
 * refcount cannot hold the file does not store.
 */
static gboolean
cell_is_even(guint16 cell)
{
    return (cell & SINTER_QCOW2_CELL_DISK) == cell_refs(cell);
}

/* The cells from @first to before @end, each looked at by itself. */
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

    /* where nothing is in use there is nothing to compare */
    while (last > first && (cells[last - 1] & (guint16) ~(3U << SINTER_QCOW2_CELL_USE_SHIFT)) == 0)
        last--;
    if (last > first)
        self->end = MAX(self->end, last);
    for (guint64 i = first; i < last;) {
        guint64 stop = MIN(i + BATCH, last);
        guint64 uneven = 0;
        guint64 k;

        for (k = i; k + LANES <= stop; k += LANES) {
            guint64 word = word_load(cells + k);

            uneven |= (word ^ word >> 8) & EACH_LANE(0x3f);
            uneven |= word & EACH_LANE(SINTER_QCOW2_CELL_DISK & ~0x3f);
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

/* What @each_stored calls for every stored refcount of a piece that is not 0. */
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
    if ((!slot || slot_refs(slot) == 0) &&
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
            slot_refs(slot) == 0 ||
            sinter_qcow2_refcount_map_is_unknown(map, sinter_qcow2_slot_cluster(slot)))
            continue;
        compare_one(self, sinter_qcow2_slot_cluster(slot),
                    sinter_qcow2_refcount_map_get_stored(map, sinter_qcow2_slot_cluster(slot)),
                    slot_refs(slot));
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

        if (map->refs.slots[i].key & SLOT_SHARED)
            g_array_append_val(list, cluster);
    }
    g_array_sort(list, compare_clusters);
    return list;
}

SinterQcow2Use
sinter_qcow2_refcount_map_get_use(const SinterQcow2RefcountMap *map, guint64 cluster)
{
    const SinterQcow2Slot *slot;

    if (cluster < map->n_cells && cell_refs(map->cells[cluster]) != REFS_ESCAPE)
        return map->cells[cluster] >> SINTER_QCOW2_CELL_USE_SHIFT;
    slot = sinter_qcow2_slots_find(&map->refs, cluster);
    return slot ? (SinterQcow2Use)(slot->key & SLOT_USE) : SINTER_QCOW2_USE_LOOSE;
}

static guint64
sum_lanes(guint64 lanes)
{
    return (lanes & 0xffff) + (lanes >> 16 & 0xffff) + (lanes >> 32 & 0xffff) + (lanes >> 48);
}

/* Escaped cells are left out: only their slots know the use. */
static void
count_cells(const guint16 *cells, guint64 n, guint64 *used, guint64 *metadata)
{
    for (guint64 i = 0; i < n;) {
        guint64 stop = MIN(i + COUNT_BATCH, n);
        guint64 used_lanes = 0;
        guint64 metadata_lanes = 0;

        for (; i + LANES <= stop; i += LANES) {
            guint64 word = word_load(cells + i);
            guint64 refs = word >> 8 & EACH_LANE(REFS_ESCAPE);
            guint64 met = (refs + EACH_LANE(0x7fff)) >> 15 & EACH_LANE(1);

            met &= ~((refs + EACH_LANE(0x8000 - REFS_ESCAPE)) >> 15);
            used_lanes += met;
            metadata_lanes += met & word >> 15 & word >> 14;
        }
        *used += sum_lanes(used_lanes);
        *metadata += sum_lanes(metadata_lanes);
        for (; i < stop; i++) {
            guint refs = cell_refs(cells[i]);
            gboolean met = refs > 0 && refs != REFS_ESCAPE;

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

        if (slot->key == 0 || slot_refs(slot) == 0)
            continue;
        *ret_used += 1;
        *ret_metadata += (slot->key & SLOT_USE) == SINTER_QCOW2_USE_METADATA;
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
