/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Refcounts of an image that is open for writing, and the clusters that they leave free. */

#include "qcow2-writer-state.h"

G_BEGIN_DECLS

gboolean sinter_qcow2_alloc_get_refcount(SinterQcow2Writer *self, guint64 cluster, guint64 *ret,
                                         GError **error);
/* For a rebuild, which knows what is free without asking the counts (qcow2-rebuild.c). */
gboolean sinter_qcow2_alloc_has_block(SinterQcow2Writer *self, guint64 cluster);
/* Puts a new block, all zero, that counts @counted on @cluster, which is counted by the caller. */
void sinter_qcow2_alloc_place_block(SinterQcow2Writer *self, guint64 counted, guint64 cluster);
/* @cluster has a block, and @value fits. */
gboolean sinter_qcow2_alloc_set_refcount(SinterQcow2Writer *self, guint64 cluster, guint64 value,
                                         GError **error);
/* 1 to @max clusters in a row, counted once each; the first one's number in @ret_first. */
gboolean sinter_qcow2_alloc_take(SinterQcow2Writer *self, guint64 max, guint64 *ret_first,
                                 guint64 *ret_n, GError **error);
/* Gives back what take() gave, as long as nothing names it. */
void sinter_qcow2_alloc_untake(SinterQcow2Writer *self, guint64 first, guint64 n);
/*
 * Room for @n_bytes of compressed data, less than two clusters of it, at @ret_offset: behind the
 * room that was given before where that goes on, else at the beginning of a cluster. Each cluster
 * that it touches is counted once more.
 */
gboolean sinter_qcow2_alloc_take_bytes(SinterQcow2Writer *self, gsize n_bytes, guint64 *ret_offset,
                                       GError **error);
/* Gives back what take_bytes() gave last, as long as nothing names it. */
void sinter_qcow2_alloc_untake_bytes(SinterQcow2Writer *self, guint64 offset, gsize n_bytes);
/* Counts @cluster down once the mapping is durable. */
void sinter_qcow2_alloc_release(SinterQcow2Writer *self, guint64 cluster);
/* The same for the host space of an L2 entry, whatever kind it is. */
void sinter_qcow2_alloc_release_entry(SinterQcow2Writer *self, SinterQcow2L2Entry l2);
/* The mapping is durable: counts down what was released. */
gboolean sinter_qcow2_alloc_apply_releases(SinterQcow2Writer *self, GError **error);

G_END_DECLS
