/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * For each host cluster of an image, side by side: the refcount that the file stores, how many
 * references were met, and for what. Two forms, chosen by its maker:
 *
 * flat: one 16-bit cell a cluster, so that most of a check is one memory access for each entry:
 *
 *     15 14 | 13 …… 8      | 7 …… 0
 *     use   | references,  | stored refcount,
 *           | 63: in slots | 255: in big
 *
 * sparse: for a file that is much longer than the space it takes. References stand in the slots
 * alone; stored refcounts stay as the bytes that they are, in pieces of at most 4 KiB, and pieces
 * of zeros are not kept. Memory is then bounded by the space that the file takes.
 *
 * Stored refcounts of clusters beyond the end of the file are kept as pieces in both forms.
 * Not safe for use by several threads at once.
 */

#include "qcow2/layout/qcow2-layout.h"
#include "qcow2/layout/qcow2-slots.h"

G_BEGIN_DECLS

/*
 * What a cluster is used for. Clusters of compressed data may be shared by any number of
 * streams, all others have one use. LOOSE references count, but do not claim the cluster.
 */
typedef enum {
    SINTER_QCOW2_USE_LOOSE = 0,
    SINTER_QCOW2_USE_DATA = 1,
    SINTER_QCOW2_USE_COMPRESSED = 2,
    SINTER_QCOW2_USE_METADATA = 3,
} SinterQcow2Use;

/* Clusters from @first to before @end whose stored refcount cannot be told. */
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
    gboolean shared_views; /* snapshots: one cluster may be data of several views */
    guint64 refcount_max;
    SinterQcow2Slots refs; /* value: references (48 bits), tag (16 bits) */
    SinterQcow2Slots big;  /* value: the stored refcount */
    GHashTable *pieces;    /* cluster >> piece_bits, plus 1 → bytes */
    GArray *unknown;       /* of SinterQcow2ClusterRange, ascending */
} SinterQcow2RefcountMap;

/*
 * @n_clusters: of the file; a reference beyond them is taken all the same.
 * @shared_views: data may have one reference from each of several tables for the same guest
 *   cluster, which @tag in sinter_qcow2_refcount_map_add() tells.
 * NULL with an error where there is no memory for it.
 */
SinterQcow2RefcountMap *sinter_qcow2_refcount_map_new(const SinterQcow2Geometry *geo,
                                                      guint64 n_clusters, gboolean flat,
                                                      gboolean shared_views, GError **error);

void sinter_qcow2_refcount_map_free(SinterQcow2RefcountMap *map);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterQcow2RefcountMap, sinter_qcow2_refcount_map_free)

/*
 * Takes over stored refcounts: @n of them, for the clusters from @first on, the first at @block.
 * @first and, but for the block's last part, @n must be multiples of a piece's refcounts.
 * @beyond: keep those beyond the end of the file, too.
 */
void sinter_qcow2_refcount_map_load(SinterQcow2RefcountMap *map, guint64 first, const guint8 *block,
                                    guint64 n, gboolean beyond);

/* The stored refcounts from @first to before @end cannot be told. Ranges must come ascending. */
void sinter_qcow2_refcount_map_set_unknown(SinterQcow2RefcountMap *map, guint64 first, guint64 end);

gboolean sinter_qcow2_refcount_map_is_unknown(const SinterQcow2RefcountMap *map, guint64 cluster);

/* The stored refcount. */
guint64 sinter_qcow2_refcount_map_get_stored(const SinterQcow2RefcountMap *map, guint64 cluster);

/* References met so far. */
guint64 sinter_qcow2_refcount_map_get_refs(const SinterQcow2RefcountMap *map, guint64 cluster);

/*
 * Counts @n references. @tag tells guest clusters apart: two references to data are legal where
 * their tags are the same and @shared_views was set.
 */
void sinter_qcow2_refcount_map_add(SinterQcow2RefcountMap *map, guint64 cluster, guint64 n,
                                   SinterQcow2Use use, guint16 tag);

/* Marks @cluster as used twice, whatever was counted, or takes the mark away. */
void sinter_qcow2_refcount_map_mark_shared(SinterQcow2RefcountMap *map, guint64 cluster);
void sinter_qcow2_refcount_map_clear_shared(SinterQcow2RefcountMap *map, guint64 cluster);
gboolean sinter_qcow2_refcount_map_is_shared(const SinterQcow2RefcountMap *map, guint64 cluster);

static inline guint16
sinter_qcow2_refcount_map_tag(guint64 guest_cluster)
{
    return (guint16)((guest_cluster * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15)) >> 48);
}

/* What it is used for; METADATA where that is one of several uses. */
SinterQcow2Use sinter_qcow2_refcount_map_get_use(const SinterQcow2RefcountMap *map,
                                                 guint64 cluster);

G_END_DECLS
