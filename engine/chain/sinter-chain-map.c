/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The merged map: for each range, the layer that defines what the guest sees, in extents as long as
 * possible. The cursor returns extents in order; the walk joins equal neighbors and, on request,
 * finds data that is a hole in its file. Invariant: extents are contiguous, without gap or overlap.
 */

#include "sinter-chain.h"

void
sinter_chain_cursor_init(SinterChainCursor *self, SinterChain *chain, guint64 offset,
                         guint64 length)
{
    *self = (SinterChainCursor){ .chain = chain, .at = offset, .end = offset + length };
    self->runs = g_new0(SinterExtent, chain->layers->len);
}

void
sinter_chain_cursor_clear(SinterChainCursor *self)
{
    g_clear_pointer(&self->runs, g_free);
}

static gboolean
covers(const SinterExtent *run, guint64 at)
{
    return run->offset <= at && at - run->offset < run->length;
}

/* Returns what @layer alone defines at the cursor; the extent may reach beyond the range. */
static gboolean
cursor_ask(SinterChainCursor *self, guint layer, const SinterExtent **ret, GError **error)
{
    SinterImage *image = sinter_chain_layer(self->chain, layer);
    SinterExtent *run = &self->runs[layer];

    *ret = run;
    if (covers(run, self->at))
        return TRUE;
    run->length = 0;
    if (!sinter_image_map(image, self->at, self->end - self->at, run, error))
        return FALSE;
    run->layer = layer;
    return TRUE;
}

gboolean
sinter_chain_cursor_next(SinterChainCursor *self, SinterExtent *ret, GError **error)
{
    guint64 end = self->end;
    const SinterExtent *run = NULL;
    gboolean beyond = FALSE;

    if (self->at >= self->end) {
        *ret = (SinterExtent){ .offset = self->at };
        return TRUE;
    }
    for (guint layer = 0; layer < self->chain->layers->len; layer++) {
        beyond = self->at >= sinter_chain_layer(self->chain, layer)->virtual_size;
        if (beyond)
            break;
        if (!cursor_ask(self, layer, &run, error))
            return FALSE;
        end = MIN(end, run->offset + run->length);
        if (run->kind != SINTER_EXTENT_HOLE)
            break;
    }
    /* the cursor is inside layer 0, so there is an extent */
    *ret = *run;
    if (beyond)
        ret->flags |= SINTER_EXTENT_BEYOND_END;
    if (run->flags & SINTER_EXTENT_HAS_HOST)
        ret->host_offset += self->at - run->offset;
    ret->offset = self->at;
    ret->length = end - self->at;
    self->at = end;
    return TRUE;
}

gboolean
sinter_chain_walk_init(SinterChainWalk *self, SinterChain *chain, guint64 offset, guint64 length,
                       SinterMapFlags flags, GError **error)
{
    *self = (SinterChainWalk){ .flags = flags };
    if (!sinter_chain_check_range(chain, offset, length, error))
        return FALSE;
    sinter_chain_cursor_init(&self->cursor, chain, offset, length);
    return TRUE;
}

void
sinter_chain_walk_clear(SinterChainWalk *self)
{
    sinter_chain_cursor_clear(&self->cursor);
}

/* Returns whether to query the file system for holes in @extent. */
static gboolean
walk_asks_file(const SinterChainWalk *self, const SinterExtent *extent)
{
    SinterImage *image;

    if (extent->length == 0 || extent->kind != SINTER_EXTENT_DATA)
        return FALSE;
    image = sinter_chain_layer(self->cursor.chain, extent->layer);
    if (image->format->is_flat)
        return FALSE;
    return (self->flags & SINTER_MAP_FILE_HOLES) != 0 ||
           ((self->flags & SINTER_MAP_FILE_HOLES_AUTO) && sinter_image_is_preallocated(image));
}

/* Returns the start of self->rest that is all hole or all data in the file system. */
static gboolean
walk_split_rest(SinterChainWalk *self, SinterExtent *ret, GError **error)
{
    SinterExtent *rest = &self->rest;
    SinterIo *io = sinter_chain_layer(self->cursor.chain, rest->layer)->data_io;
    SinterIoExtent file;

    if (!sinter_io_extent(io, rest->host_offset, rest->length, &file, error))
        return FALSE;
    *ret = *rest;
    ret->length = file.length_bytes;
    if (file.is_hole)
        ret->flags |= SINTER_EXTENT_FILE_HOLE;
    rest->offset += ret->length;
    rest->host_offset += ret->length;
    rest->length -= ret->length;
    return TRUE;
}

/* Returns the next extent, which may continue the previous one; of length 0 at the end. */
static gboolean
walk_piece(SinterChainWalk *self, SinterExtent *ret, GError **error)
{
    if (self->rest.length == 0) {
        if (!sinter_chain_cursor_next(&self->cursor, ret, error))
            return FALSE;
        if (!walk_asks_file(self, ret))
            return TRUE;
        self->rest = *ret;
    }
    return walk_split_rest(self, ret, error);
}

static gboolean
extents_join(const SinterExtent *a, const SinterExtent *b)
{
    return a->kind == b->kind && a->flags == b->flags && a->layer == b->layer &&
           (!(a->flags & SINTER_EXTENT_HAS_HOST) || a->host_offset + a->length == b->host_offset);
}

gboolean
sinter_chain_walk_next(SinterChainWalk *self, SinterExtent *ret, GError **error)
{
    for (;;) {
        SinterExtent piece = { 0 };
        g_autoptr(GError) local = NULL;

        /* returns what precedes a failure first; the next call fails again */
        if (!walk_piece(self, &piece, &local) && self->pending.length == 0) {
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
        if (self->pending.length == 0 && piece.length > 0) {
            self->pending = piece;
        } else if (piece.length > 0 && extents_join(&self->pending, &piece)) {
            self->pending.length += piece.length;
        } else {
            *ret = self->pending;
            self->pending = piece;
            return TRUE;
        }
    }
}

gboolean
sinter_chain_map(SinterChain *chain, guint64 offset, guint64 length, SinterMapFlags flags,
                 SinterExtentFunc func, gpointer user_data, GError **error)
{
    g_auto(SinterChainWalk) walk = { 0 };
    SinterExtent extent;

    if (!sinter_chain_walk_init(&walk, chain, offset, length, flags, error))
        return FALSE;
    do {
        if (!sinter_chain_walk_next(&walk, &extent, error))
            return FALSE;
    } while (extent.length > 0 && func(&extent, user_data));
    return TRUE;
}
