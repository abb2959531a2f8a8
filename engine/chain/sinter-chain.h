/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "format/sinter-image.h"

G_BEGIN_DECLS

struct _SinterChain {
    SinterFs *fs;
    GPtrArray *layers; /* of SinterImage, the top first */
};

static inline SinterImage *
sinter_chain_layer(SinterChain *chain, guint layer)
{
    return g_ptr_array_index(chain->layers, layer);
}

/*
 * The @n layers from @first on as a chain by themselves: what they do not hold is a hole. They stay
 * @chain's, which must outlive it; free it as any chain.
 */
SinterChain *sinter_chain_slice(SinterChain *chain, guint first, guint n);

/* Whether all of the stretch reads as zeros, by what the map says. */
static inline gboolean
sinter_extent_is_zero(const SinterExtent *extent)
{
    return extent->kind == SINTER_EXTENT_HOLE || extent->kind == SINTER_EXTENT_ZERO ||
           (extent->flags & SINTER_EXTENT_FILE_HOLE) != 0;
}

/*
 * A walk over the merged map. Each layer's last run is kept, so that a layer is asked once for
 * each of its runs, however often the layers above change. One thread's.
 */
typedef struct {
    SinterChain *chain;
    guint64 at; /* the next guest offset */
    guint64 end;
    SinterExtent *runs; /* one for each layer; length 0: none yet */
} SinterChainCursor;

/* The range must lie inside the virtual size. */
void sinter_chain_cursor_init(SinterChainCursor *self, SinterChain *chain, guint64 offset,
                              guint64 length);
void sinter_chain_cursor_clear(SinterChainCursor *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterChainCursor, sinter_chain_cursor_clear)

/* The next stretch; at the end of the range one of length 0. Neighbours may be alike. */
gboolean sinter_chain_cursor_next(SinterChainCursor *self, SinterExtent *ret, GError **error);

/*
 * A walk whose stretches are as long as can be, as sinter_chain_map() gives them: for operations
 * that take the map in step with something else. One thread's.
 */
typedef struct {
    SinterChainCursor cursor;
    SinterMapFlags flags;
    SinterExtent rest;    /* what the file system is still to be asked about; length 0: nothing */
    SinterExtent pending; /* begun, and may go on; length 0: none */
} SinterChainWalk;

/* INVALID_ARGUMENT unless the range lies inside the virtual size. */
gboolean sinter_chain_walk_init(SinterChainWalk *self, SinterChain *chain, guint64 offset,
                                guint64 length, SinterMapFlags flags, GError **error);
void sinter_chain_walk_clear(SinterChainWalk *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterChainWalk, sinter_chain_walk_clear)

/* The next stretch; at the end of the range one of length 0. */
gboolean sinter_chain_walk_next(SinterChainWalk *self, SinterExtent *ret, GError **error);

/* INVALID_ARGUMENT unless the range lies inside the virtual size. */
gboolean sinter_chain_check_range(SinterChain *chain, guint64 offset, guint64 length,
                                  GError **error);

G_END_DECLS
