/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Refcounts of an image that is open for writing, and allocation of free clusters. */

#include "qcow2-writer-state.h"

G_BEGIN_DECLS

gboolean sinter_qcow2_alloc_get_refcount(SinterQcow2Writer *self, guint64 cluster, guint64 *ret,
                                         GError **error);
/* For a rebuild, which knows the free clusters without reading refcounts (qcow2-rebuild.c). */
gboolean sinter_qcow2_alloc_has_block(SinterQcow2Writer *self, guint64 cluster);
/* Places a new, zeroed block for the refcount of @counted at @cluster, which the caller counts. */
void sinter_qcow2_alloc_place_block(SinterQcow2Writer *self, guint64 counted, guint64 cluster);
/*
 * Drops all refcount blocks that count nothing but themselves, and frees their clusters; durable
 * after a flush.
 */
gboolean sinter_qcow2_alloc_drop_empty_blocks(SinterQcow2Writer *self, GError **error);
/* Sets a refcount. @cluster must have a block, and @value must fit its width. */
gboolean sinter_qcow2_alloc_set_refcount(SinterQcow2Writer *self, guint64 cluster, guint64 value,
                                         GError **error);
/*
 * Allocates 1 to @max contiguous clusters with refcount 1; @ret_first is the number of the first.
 */
gboolean sinter_qcow2_alloc_take(SinterQcow2Writer *self, guint64 max, guint64 *ret_first,
                                 guint64 *ret_n, GError **error);
/* Frees what take() allocated, as long as nothing refers to it. */
void sinter_qcow2_alloc_untake(SinterQcow2Writer *self, guint64 first, guint64 n);
/*
 * Allocates @n_bytes, less than two clusters, for compressed data at @ret_offset: directly after
 * the previous such allocation if possible, otherwise at the start of a cluster. The refcount of
 * each cluster touched is incremented.
 */
gboolean sinter_qcow2_alloc_take_bytes(SinterQcow2Writer *self, gsize n_bytes, guint64 *ret_offset,
                                       GError **error);
/* Frees the last allocation of take_bytes(), as long as nothing refers to it. */
void sinter_qcow2_alloc_untake_bytes(SinterQcow2Writer *self, guint64 offset, gsize n_bytes);
/* Decrements the refcount of @cluster after the mapping is durable. */
void sinter_qcow2_alloc_release(SinterQcow2Writer *self, guint64 cluster);
/* The same for the host space of an L2 entry of any kind. */
void sinter_qcow2_alloc_release_entry(SinterQcow2Writer *self, SinterQcow2L2Entry l2);
/* Decrements the released refcounts. The mapping must be durable. */
gboolean sinter_qcow2_alloc_apply_releases(SinterQcow2Writer *self, GError **error);

G_END_DECLS
