/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The merged map: which layer decides what the guest sees, in runs as long as can be. The cursor
 * gives stretches in order; the map joins equal neighbours and, where asked, looks up which data
 * is a hole in its file. What holds: stretches follow on each other without gap or overlap.
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

/* What @layer by itself says at the cursor; a run that goes on to wherever. */
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
    /* the cursor lies inside layer 0, so there is a run */
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

/* A walk that joins neighbours before it tells them. */
typedef struct {
    SinterChain *chain;
    SinterMapFlags flags;
    SinterExtentFunc func;
    gpointer user_data;
    SinterExtent pending; /* length 0: none */
    gboolean stopped;
} MapWalk;

static gboolean
walk_joins(const SinterExtent *a, const SinterExtent *b)
{
    return a->kind == b->kind && a->flags == b->flags && a->layer == b->layer &&
           (!(a->flags & SINTER_EXTENT_HAS_HOST) || a->host_offset + a->length == b->host_offset);
}

static void
walk_flush(MapWalk *self)
{
    if (self->pending.length > 0 && !self->stopped)
        self->stopped = !self->func(&self->pending, self->user_data);
    self->pending.length = 0;
}

static void
walk_add(MapWalk *self, const SinterExtent *extent)
{
    if (self->pending.length > 0 && walk_joins(&self->pending, extent)) {
        self->pending.length += extent->length;
        return;
    }
    walk_flush(self);
    self->pending = *extent;
}

/* Whether the file system is to be asked about @extent. */
static gboolean
walk_asks_file(const MapWalk *self, const SinterExtent *extent)
{
    SinterImage *image = sinter_chain_layer(self->chain, extent->layer);

    if (extent->kind != SINTER_EXTENT_DATA || image->format == &sinter_format_raw)
        return FALSE;
    return (self->flags & SINTER_MAP_FILE_HOLES) != 0 ||
           ((self->flags & SINTER_MAP_FILE_HOLES_AUTO) && sinter_image_is_preallocated(image));
}

static gboolean
walk_add_by_file(MapWalk *self, SinterExtent extent, GError **error)
{
    SinterIo *io = sinter_chain_layer(self->chain, extent.layer)->data_io;

    while (extent.length > 0 && !self->stopped) {
        SinterExtent part = extent;
        SinterIoExtent file;

        if (!sinter_io_extent(io, extent.host_offset, extent.length, &file, error))
            return FALSE;
        part.length = file.length_bytes;
        if (file.is_hole)
            part.flags |= SINTER_EXTENT_FILE_HOLE;
        walk_add(self, &part);
        extent.offset += part.length;
        extent.host_offset += part.length;
        extent.length -= part.length;
    }
    return TRUE;
}

gboolean
sinter_chain_map(SinterChain *chain, guint64 offset, guint64 length, SinterMapFlags flags,
                 SinterExtentFunc func, gpointer user_data, GError **error)
{
    g_auto(SinterChainCursor) cursor = { 0 };
    MapWalk walk = { .chain = chain, .flags = flags, .func = func, .user_data = user_data };
    SinterExtent extent;

    if (!sinter_chain_check_range(chain, offset, length, error))
        return FALSE;
    sinter_chain_cursor_init(&cursor, chain, offset, length);
    do {
        if (!sinter_chain_cursor_next(&cursor, &extent, error))
            return FALSE;
        if (walk_asks_file(&walk, &extent)) {
            if (!walk_add_by_file(&walk, extent, error))
                return FALSE;
        } else if (extent.length > 0) {
            walk_add(&walk, &extent);
        }
    } while (extent.length > 0 && !walk.stopped);
    walk_flush(&walk);
    return TRUE;
}
