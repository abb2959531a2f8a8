/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A bounded cache of mapping tables (L1, L2) and refcount blocks, in pages of at most 64 KiB. A
 * table is a cluster or begins one, so a page never holds parts of two tables.
 *
 * Threads: only the caller that holds the lock may use the cache; the result of get() is valid
 * until the next get() or the unlock.
 */

#include "io/sinter-io.h"

G_BEGIN_DECLS

typedef struct _SinterQcow2Cache SinterQcow2Cache;

/* A page of a table. @is_zero: the whole page is zeros and need not be examined. */
typedef struct {
    const guint8 *data;
    gboolean is_zero;
} SinterQcow2Page;

/*
 * @file_bytes: pages beyond it are refused. @budget_bytes: memory for pages; a few are always kept.
 *   NULL with an error if memory allocation fails.
 */
SinterQcow2Cache *sinter_qcow2_cache_new(SinterIo *io, guint32 cluster_size, guint64 file_bytes,
                                         gsize budget_bytes, GError **error);
void sinter_qcow2_cache_free(SinterQcow2Cache *cache);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterQcow2Cache, sinter_qcow2_cache_free)

void sinter_qcow2_cache_lock(SinterQcow2Cache *cache);
void sinter_qcow2_cache_unlock(SinterQcow2Cache *cache);

/* The size of a page, a power of two. */
guint32 sinter_qcow2_cache_page_bytes(SinterQcow2Cache *cache);

/* Returns the page at @offset (page-aligned) if it is cached. */
gboolean sinter_qcow2_cache_peek(SinterQcow2Cache *cache, guint64 offset, SinterQcow2Page *ret);

/*
 * Returns the page at @offset, read if necessary. @ahead_bytes: length of the range from @offset on
 * that is known to be tables; sequential requests read it in long runs.
 */
gboolean sinter_qcow2_cache_get(SinterQcow2Cache *cache, guint64 offset, guint64 ahead_bytes,
                                SinterQcow2Page *ret, GError **error);

G_END_DECLS
