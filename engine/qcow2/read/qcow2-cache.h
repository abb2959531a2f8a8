/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A bounded cache of mapping tables (L1, L2) and refcount blocks, in pages of at most 64 KiB. A
 * table is a cluster or begins one, so a page never holds parts of two tables.
 *
 * Threads: between lock and unlock the cache is the caller's; what get() returned is valid until
 * the next get() or the unlock.
 */

#include "io/sinter-io.h"

G_BEGIN_DECLS

typedef struct _SinterQcow2Cache SinterQcow2Cache;

/* A page of a table. @is_zero: all of it is zeros, which spares a look. */
typedef struct {
    const guint8 *data;
    gboolean is_zero;
} SinterQcow2Page;

/*
 * @file_bytes: what lies beyond is refused. @budget_bytes: for pages; a few are always kept. NULL
 * with an error where memory cannot be had.
 */
SinterQcow2Cache *sinter_qcow2_cache_new(SinterIo *io, guint32 cluster_size, guint64 file_bytes,
                                         gsize budget_bytes, GError **error);
void sinter_qcow2_cache_free(SinterQcow2Cache *cache);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterQcow2Cache, sinter_qcow2_cache_free)

void sinter_qcow2_cache_lock(SinterQcow2Cache *cache);
void sinter_qcow2_cache_unlock(SinterQcow2Cache *cache);

/* Bytes of a page, a power of two. */
guint32 sinter_qcow2_cache_page_bytes(SinterQcow2Cache *cache);

/* The page at @offset (of a page), if it is there already. */
gboolean sinter_qcow2_cache_peek(SinterQcow2Cache *cache, guint64 offset, SinterQcow2Page *ret);

/*
 * The page at @offset, read if need be. @ahead_bytes: how much from @offset on is known to be
 * tables; where pages are asked for one after the other, that is read in long runs.
 */
gboolean sinter_qcow2_cache_get(SinterQcow2Cache *cache, guint64 offset, guint64 ahead_bytes,
                                SinterQcow2Page *ret, GError **error);

G_END_DECLS
