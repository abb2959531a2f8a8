/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * For each host cluster of an image: the refcount stored in the file, the number of references
 * counted, and the use of the cluster. The map has one of two forms, chosen at its creation:
 *
 * flat: one 16-bit cell per cluster, so that most entries cost a check one memory access:
 *
 *     15 14 | 13 …… 8      | 7 …… 0
 *     use   | references,  | stored refcount,
 *           | 63: in slots | 255: in big
 *
 * sparse: for a file that is much longer than its allocated size. References are kept only in the
 * slots; stored refcounts are kept in their stored form, in pieces of at most 4 KiB, without pieces
 * of zeros. Memory is then bounded by the allocated size of the file.
 *
 * Stored refcounts of clusters beyond the end of the file are kept as pieces in both forms.
 * Not thread-safe.
 */

#include "qcow2/layout/qcow2-layout.h"
#include "qcow2/layout/qcow2-slots.h"

G_BEGIN_DECLS

/*
 * What a cluster is used for. Clusters of compressed data may be shared by any number of streams,
 * all others have one use. LOOSE references count, but do not claim the cluster.
 */
typedef enum {
    SINTER_QCOW2_USE_LOOSE = 0,
    SINTER_QCOW2_USE_DATA = 1,
    SINTER_QCOW2_USE_COMPRESSED = 2,
    SINTER_QCOW2_USE_METADATA = 3,
} SinterQcow2Use;

/* Clusters from @first to @end (exclusive) whose stored refcount is unknown. */
typedef struct {
    guint64 first;
    guint64 end;
} SinterQcow2ClusterRange;

typedef struct {
    guint16 *cells; /* NULL: sparse */
    guint16 *tags;  /* flat, and data may have several references; else NULL */
    guint64 n_cells;
    guint32 order;         /* of the stored refcounts */
    guint32 piece_bits;    /* log2 of the refcounts in a piece */
    gboolean shared_views; /* snapshots exist: one cluster may be data of several views */
    guint64 refcount_max;
    SinterQcow2Slots refs; /* value: references (48 bits), tag (16 bits) */
    SinterQcow2Slots big;  /* value: the stored refcount */
    GHashTable *pieces;    /* cluster >> piece_bits, plus 1 → bytes */
    GArray *unknown;       /* of SinterQcow2ClusterRange, ascending */
} SinterQcow2RefcountMap;

/*
 * @n_clusters: of the file; references beyond them are also counted.
 * @shared_views: data may have one reference from each of several tables for the same guest
 *   cluster, identified by @tag in sinter_qcow2_refcount_map_add(). NULL with an error if memory
 *   allocation fails.
 */
SinterQcow2RefcountMap *sinter_qcow2_refcount_map_new(const SinterQcow2Geometry *geo,
                                                      guint64 n_clusters, gboolean flat,
                                                      gboolean shared_views, GError **error);

void sinter_qcow2_refcount_map_free(SinterQcow2RefcountMap *map);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterQcow2RefcountMap, sinter_qcow2_refcount_map_free)

/*
 * Loads stored refcounts: @n of them, for the clusters from @first on, the first at @block. @first
 * and, except for the block's last part, @n must be multiples of a piece's refcounts.
 * @beyond: also keep those beyond the end of the file.
 */
void sinter_qcow2_refcount_map_load(SinterQcow2RefcountMap *map, guint64 first, const guint8 *block,
                                    guint64 n, gboolean beyond);

/*
 * Marks the stored refcounts from @first to @end (exclusive) as unknown. Ranges must come in
 * ascending order.
 */
void sinter_qcow2_refcount_map_set_unknown(SinterQcow2RefcountMap *map, guint64 first, guint64 end);

gboolean sinter_qcow2_refcount_map_is_unknown(const SinterQcow2RefcountMap *map, guint64 cluster);

/* The stored refcount. */
guint64 sinter_qcow2_refcount_map_get_stored(const SinterQcow2RefcountMap *map, guint64 cluster);

/* References counted so far. */
guint64 sinter_qcow2_refcount_map_get_refs(const SinterQcow2RefcountMap *map, guint64 cluster);

/* Loads the cell of @cluster into the cache. Always inline: GCC removes a call that only does so.
 */
G_ALWAYS_INLINE static inline void
sinter_qcow2_refcount_map_prefetch(const SinterQcow2RefcountMap *map, guint64 cluster)
{
    if (cluster < map->n_cells)
        __builtin_prefetch(&map->cells[cluster]);
}

/*
 * Counts @n references. @tag identifies the guest cluster: two references to data are valid if
 * their tags are equal and @shared_views was set.
 */
void sinter_qcow2_refcount_map_add(SinterQcow2RefcountMap *map, guint64 cluster, guint64 n,
                                   SinterQcow2Use use, guint16 tag);

/* Marks @cluster as used twice, regardless of the count, or removes the mark. */
void sinter_qcow2_refcount_map_mark_shared(SinterQcow2RefcountMap *map, guint64 cluster);
void sinter_qcow2_refcount_map_clear_shared(SinterQcow2RefcountMap *map, guint64 cluster);
gboolean sinter_qcow2_refcount_map_is_shared(const SinterQcow2RefcountMap *map, guint64 cluster);

static inline guint16
sinter_qcow2_refcount_map_tag(guint64 guest_cluster)
{
    return (guint16)((guest_cluster * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15)) >> 48);
}

/* Returns the cluster's use; METADATA if that is one of several uses. */
SinterQcow2Use sinter_qcow2_refcount_map_get_use(const SinterQcow2RefcountMap *map,
                                                 guint64 cluster);

G_END_DECLS
