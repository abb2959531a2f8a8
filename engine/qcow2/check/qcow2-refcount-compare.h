/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Compares stored refcounts with the counted references, over a whole map. */

#include "qcow2-refcount-map.h"

G_BEGIN_DECLS

/*
 * Called for a cluster whose numbers differ, or that has more references than its refcount can
 * hold.
 */
typedef void (*SinterQcow2MismatchFunc)(guint64 cluster, guint64 stored, guint64 refs,
                                        gpointer user_data);

/*
 * Calls @func for each cluster below @n_clusters whose stored refcount is known and differs from
 * the number of its references. In the sparse form clusters come in any order. *@ret_end is the
 * first cluster after the last one with a nonzero number.
 */
void sinter_qcow2_refcount_map_compare(const SinterQcow2RefcountMap *map, guint64 n_clusters,
                                       SinterQcow2MismatchFunc func, gpointer user_data,
                                       guint64 *ret_end);

typedef void (*SinterQcow2ClusterFunc)(guint64 cluster, gpointer user_data);

/* Calls @func for each cluster with references; in the sparse form in any order. */
void sinter_qcow2_refcount_map_each_used(const SinterQcow2RefcountMap *map,
                                         SinterQcow2ClusterFunc func, gpointer user_data);

/* Calls @func for each cluster with a nonzero stored refcount, in any order. */
void sinter_qcow2_refcount_map_each_stored(const SinterQcow2RefcountMap *map,
                                           SinterQcow2ClusterFunc func, gpointer user_data);

/* The highest number of references of a cluster. */
guint64 sinter_qcow2_refcount_map_max_refs(const SinterQcow2RefcountMap *map);

/* Clusters marked as used twice, ascending; of guint64. */
GArray *sinter_qcow2_refcount_map_list_shared(const SinterQcow2RefcountMap *map);

/* Counts the clusters that have references, and those of them that are metadata. */
void sinter_qcow2_refcount_map_count_uses(const SinterQcow2RefcountMap *map, guint64 *ret_used,
                                          guint64 *ret_metadata);

/*
 * Counts nonzero stored refcounts for clusters from @n_clusters on; returns the first such cluster.
 */
guint64 sinter_qcow2_refcount_map_count_beyond(const SinterQcow2RefcountMap *map,
                                               guint64 n_clusters, guint64 *ret_first);

G_END_DECLS
