/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * bench: measures the speed of requests to a disk.
 */

#include "img-bench-run.h"
#include "img-change.h"
#include "text/img-message.h"
#include "words/img-open.h"
#include "words/img-size.h"
#include "img-verbs.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_REQUESTS 75000
#define DEFAULT_DEPTH 64
#define DEFAULT_REQUEST_BYTES 4096

typedef struct {
    SinterImgSource source;
    const char *aio;
    guint64 n_requests;
    guint64 depth;
    guint64 offset;
    guint64 request_bytes;
    guint64 step_bytes;
    guint64 pattern;
    guint64 flush_interval;
    gboolean native;
    gboolean no_drain;
    gboolean write;
    gboolean quiet;
} BenchOptions;

/* The I/O method of QEMU: only its name is checked, and what it requires of the cache mode. */
static gboolean
bench_take_aio(const SinterOption *option, gpointer options, const char *value)
{
    BenchOptions *self = options;

    self->native = strcmp(value, "native") == 0;
    if (self->native || strcmp(value, "threads") == 0 || strcmp(value, "io_uring") == 0)
        return TRUE;
    sinter_img_error("Invalid aio option: %s", value);
    return FALSE;
}

/* Returns FALSE after a message. */
static gboolean
bench_check(const BenchOptions *self, const char *given)
{
    gboolean direct = FALSE;

    if (self->source.cache && !sinter_img_cache_parse(self->source.cache, &direct))
        sinter_img_error("Invalid cache mode");
    else if (!self->write && self->flush_interval > 0)
        sinter_img_error("--flush-interval is only available in write tests");
    else if (self->flush_interval > 0 && self->flush_interval < self->depth)
        sinter_img_error("Flush interval can't be smaller than depth");
    else if (self->native && !direct)
        sinter_img_error("Could not open '%s': aio=native was specified, but it requires "
                         "cache.direct=on, which was not specified.",
                         given);
    else if (self->write && self->source.force_share)
        sinter_img_error("Could not open '%s': force-share=on can only be used with read-only "
                         "images",
                         given);
    else
        return TRUE;
    return FALSE;
}

static SinterHandle *
bench_open_for_writing(const BenchOptions *self, const char *given)
{
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(GError) error = NULL;
    SinterHandle *handle;

    if (!sinter_img_change_begin(&name, &self->source, given, FALSE, &info))
        return NULL;
    handle = sinter_handle_open(name.fs, name.path, info->format,
                                SINTER_HANDLE_PROBE | (name.direct ? SINTER_HANDLE_DIRECT : 0) |
                                    (name.format ? 0 : SINTER_HANDLE_KEEP_FORMAT),
                                &error);
    if (!handle)
        sinter_img_name_report(&name, error);
    return handle;
}

static void
bench_print_begin(const BenchOptions *self)
{
    printf("Sending %" G_GUINT64_FORMAT " %s requests, %" G_GUINT64_FORMAT
           " bytes each, %" G_GUINT64_FORMAT " in parallel (starting at offset %" G_GUINT64_FORMAT
           ", step size %" G_GUINT64_FORMAT ")\n",
           self->n_requests, self->write ? "write" : "read", self->request_bytes, self->depth,
           self->offset, self->step_bytes);
    if (self->flush_interval > 0)
        printf("Sending flush every %" G_GUINT64_FORMAT " requests\n", self->flush_interval);
}

static gboolean
bench_go(const BenchOptions *self, SinterChain *chain, SinterHandle *handle)
{
    const char *cache = self->source.cache;
    SinterImgBench bench = {
        .chain = chain,
        .handle = handle,
        .n_requests = self->n_requests,
        .depth = (guint)self->depth,
        .offset = self->offset,
        .request_bytes = self->request_bytes,
        .step_bytes = self->step_bytes,
        .pattern = (guint8)self->pattern,
        .flush_interval = (guint)self->flush_interval,
        .drain = !self->no_drain,
        .write_through =
            g_strcmp0(cache, "writethrough") == 0 || g_strcmp0(cache, "directsync") == 0,
    };
    g_autoptr(GError) error = NULL;
    gint64 began_usec;

    bench_print_begin(self);
    began_usec = g_get_monotonic_time();
    if (!sinter_img_bench_run(&bench, &error)) {
        sinter_img_error("Failed request: %s", error->message);
        return FALSE;
    }
    printf("Run completed in %3.3f seconds.\n",
           (double)(g_get_monotonic_time() - began_usec) / G_USEC_PER_SEC);
    return TRUE;
}

static int
bench_run(const SinterCommandCall *call, GError **error)
{
    BenchOptions *self = call->options;
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(SinterHandle) handle = NULL;

    if (self->step_bytes == 0)
        self->step_bytes = self->request_bytes;
    if (!bench_check(self, call->operands[0]))
        return 1;
    if (self->write)
        handle = bench_open_for_writing(self, call->operands[0]);
    else
        chain = sinter_img_open_source(&self->source, call->operands[0]);
    if ((!chain && !handle) || !bench_go(self, chain, handle))
        return 1;
    return !handle || sinter_handle_close(g_steal_pointer(&handle), error) ? 0 : 1;
}

#define NUMBER(member, what, min, max)                                                             \
    SINTER_IMG_RANGED(sinter_img_number_take, BenchOptions, member, what, min, max)
#define FLAG(name, letter, member, help)                                                           \
    {                                                                                              \
        name, letter, NULL, help, SINTER_OPTION_MEMBER(BenchOptions, member)                       \
    }

static const SinterOption bench_options[] = {
    SINTER_IMG_SOURCE_OPTIONS(BenchOptions, source),
    { NULL, 'c', "COUNT", "number of requests (75000)",
      NUMBER(n_requests, "request count", 0, G_MAXINT) },
    { NULL, 'd', "DEPTH", "number of requests in flight (64)",
      NUMBER(depth, "queue depth", 1, G_MAXINT) },
    { NULL, 's', "SIZE", "of a request (4k)",
      SINTER_IMG_SIZED(BenchOptions, request_bytes, "buffer size", G_MAXINT) },
    { NULL, 'o', "OFFSET", "offset of the first request (0)",
      SINTER_IMG_SIZED(BenchOptions, offset, "offset", G_MAXINT64) },
    { NULL, 'S', "STEP", "distance between requests (size of a request)",
      SINTER_IMG_SIZED(BenchOptions, step_bytes, "step_size", G_MAXINT) },
    FLAG(NULL, 'w', write, "send write requests; overwrites data"),
    { "pattern", 0, "BYTE", "byte to write (0)", NUMBER(pattern, "pattern byte", 0, G_MAXUINT8) },
    { "flush-interval", 0, "N", "flush after every N requests",
      NUMBER(flush_interval, "flush interval", 0, G_MAXINT) },
    FLAG("no-drain", 0, no_drain, "do not wait for requests in flight before a flush"),
    { NULL, 't', "CACHE", "none (bypass the page cache), writeback, writethrough and so on",
      SINTER_OPTION_MEMBER(BenchOptions, source.cache) },
    { NULL, 'i', "AIO", "threads, native or io_uring; threads are used in any case",
      .take = bench_take_aio },
    FLAG(NULL, 'n', native, "as -i native"),
    FLAG(NULL, 'q', quiet, "accepted for compatibility"),
};

static const BenchOptions bench_defaults = {
    .n_requests = DEFAULT_REQUESTS,
    .depth = DEFAULT_DEPTH,
    .request_bytes = DEFAULT_REQUEST_BYTES,
};

const SinterCommand sinter_img_bench = {
    .name = "bench",
    .operands = "FILE",
    .summary = "Measures the speed of requests to a disk",
    .options = bench_options,
    .n_options = G_N_ELEMENTS(bench_options),
    .options_size = sizeof(BenchOptions),
    .defaults = &bench_defaults,
    .min_operands = 1,
    .max_operands = 1,
    .expecting = "Expecting one image file name",
    .run = bench_run,
};
