/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sinter/chain.h>
#include <sinter/handle.h>

G_BEGIN_DECLS

/* Requests to one disk, of one size, at offsets of one step, several at a time. */
typedef struct {
    SinterChain *chain;   /* read from; NULL where @handle is */
    SinterHandle *handle; /* written to */
    guint64 n_requests;
    guint depth; /* requests under way at a time */
    guint64 offset;
    guint64 request_bytes;
    guint64 step_bytes;
    guint8 pattern;         /* what is written */
    guint flush_interval;   /* requests from flush to flush; 0: none */
    gboolean drain;         /* a flush waits for all requests before it */
    gboolean write_through; /* each write is durable before it counts as done */
} SinterImgBench;

/* Does them all. The first that fails ends it. */
gboolean sinter_img_bench_run(const SinterImgBench *bench, GError **error);

G_END_DECLS
