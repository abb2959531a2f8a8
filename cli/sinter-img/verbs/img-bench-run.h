/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sinter/chain.h>
#include <sinter/handle.h>

G_BEGIN_DECLS

/* Requests to one disk, of one size, at offsets with a fixed step, several concurrently. */
typedef struct {
    SinterChain *chain;   /* to read from; NULL if @handle is set */
    SinterHandle *handle; /* to write to */
    guint64 n_requests;
    guint depth; /* number of concurrent requests */
    guint64 offset;
    guint64 request_bytes;
    guint64 step_bytes;
    guint8 pattern;         /* the byte to write */
    guint flush_interval;   /* number of requests between flushes; 0: no flushes */
    gboolean drain;         /* a flush waits for all requests before it */
    gboolean write_through; /* each write is durable when it completes */
} SinterImgBench;

/* Sends all requests. The first failure ends the run. */
gboolean sinter_img_bench_run(const SinterImgBench *bench, GError **error);

G_END_DECLS
