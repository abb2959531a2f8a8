/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "format/sinter-image.h"

G_BEGIN_DECLS

struct _SinterChain {
    SinterFs *fs;
    GPtrArray *layers; /* of SinterImage, the top first */
    GArray *files;     /* of SinterIoStat, of each layer; only while the chain is opened */
};

static inline SinterImage *
sinter_chain_layer(SinterChain *chain, guint layer)
{
    return g_ptr_array_index(chain->layers, layer);
}

/*
 * Returns @n layers from @first on as a separate chain: clusters that they do not hold are holes.
 * The layers still belong to @chain, which must outlive it; free it like any chain.
 */
SinterChain *sinter_chain_slice(SinterChain *chain, guint first, guint n);

/* Returns whether the map defines the whole extent as zeros. */
static inline gboolean
sinter_extent_is_zero(const SinterExtent *extent)
{
    return extent->kind == SINTER_EXTENT_HOLE || extent->kind == SINTER_EXTENT_ZERO ||
           (extent->flags & SINTER_EXTENT_FILE_HOLE) != 0;
}

/*
 * A walk over the merged map. It keeps the last extent of each layer, so that a layer is queried
 * once per extent, however often the layers above change. For one thread.
 */
typedef struct {
    SinterChain *chain;
    guint64 at; /* the next guest offset */
    guint64 end;
    SinterExtent *runs; /* one for each layer; length 0: none yet */
} SinterChainCursor;

/* The range must be inside the virtual size. */
void sinter_chain_cursor_init(SinterChainCursor *self, SinterChain *chain, guint64 offset,
                              guint64 length);
void sinter_chain_cursor_clear(SinterChainCursor *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterChainCursor, sinter_chain_cursor_clear)

/*
 * Returns the next extent; at the end of the range one of length 0. Neighbors may be of the same
 * kind.
 */
gboolean sinter_chain_cursor_next(SinterChainCursor *self, SinterExtent *ret, GError **error);

/*
 * A walk whose extents are as long as possible, like those of sinter_chain_map(): for operations
 * that process the map together with something else. For one thread.
 */
typedef struct {
    SinterChainCursor cursor;
    SinterMapFlags flags;
    SinterExtent rest;    /* not yet checked for holes in the file; length 0: nothing */
    SinterExtent pending; /* begun, may be extended; length 0: none */
} SinterChainWalk;

/* INVALID_ARGUMENT unless the range is inside the virtual size. */
gboolean sinter_chain_walk_init(SinterChainWalk *self, SinterChain *chain, guint64 offset,
                                guint64 length, SinterMapFlags flags, GError **error);
void sinter_chain_walk_clear(SinterChainWalk *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterChainWalk, sinter_chain_walk_clear)

/* Returns the next extent; at the end of the range one of length 0. */
gboolean sinter_chain_walk_next(SinterChainWalk *self, SinterExtent *ret, GError **error);

/* INVALID_ARGUMENT unless the range is inside the virtual size. */
gboolean sinter_chain_check_range(SinterChain *chain, guint64 offset, guint64 length,
                                  GError **error);

G_END_DECLS
