/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Stored refcounts beside the references that were met, over a whole map of them. */

#include "qcow2-refcount-map.h"

G_BEGIN_DECLS

/* Called for a cluster whose numbers differ, or that has more references than fit. */
typedef void (*SinterQcow2MismatchFunc)(guint64 cluster, guint64 stored, guint64 refs,
                                        gpointer user_data);

/*
 * Calls @func for each cluster below @n_clusters whose stored refcount is known and is not the
 * number of its references. In the sparse form clusters come in any order. *@ret_end is the
 * first cluster behind the last one with either number.
 */
void sinter_qcow2_refcount_map_compare(const SinterQcow2RefcountMap *map, guint64 n_clusters,
                                       SinterQcow2MismatchFunc func, gpointer user_data,
                                       guint64 *ret_end);

/* Clusters marked as used twice, ascending; of guint64. */
GArray *sinter_qcow2_refcount_map_list_shared(const SinterQcow2RefcountMap *map);

/* How many clusters have references, and how many of these are metadata. */
void sinter_qcow2_refcount_map_count_uses(const SinterQcow2RefcountMap *map, guint64 *ret_used,
                                          guint64 *ret_metadata);

/* Stored refcounts that are not 0 for clusters from @n_clusters on; the first one's cluster. */
guint64 sinter_qcow2_refcount_map_count_beyond(const SinterQcow2RefcountMap *map,
                                               guint64 n_clusters, guint64 *ret_first);

G_END_DECLS
