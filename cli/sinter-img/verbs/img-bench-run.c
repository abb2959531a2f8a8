/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sends requests to a disk, with one thread for each concurrent request. Invariant: requests begin
 * in order, and with drain no request is in progress during a flush.
 */

#include "img-bench-run.h"
#include "sinter-error.h"

#include <errno.h>
#include <string.h>

/* Each concurrent request has a thread, up to this number. */
#define THREADS_MAX 64

typedef struct {
    const SinterImgBench *bench;
    guint64 disk_bytes;
    GMutex lock;
    GCond changed;      /* @n_under_way or @flushed_at */
    guint64 n_begun;    /* requests */
    guint64 at;         /* offset of the next one */
    guint n_under_way;  /* requests */
    guint64 flushed_at; /* number of the first request that is not flushed yet */
    gboolean flushing;
    GError *error; /* the first */
} Run;

static gboolean
run_flush(Run *self, GError **error)
{
    return sinter_handle_flush(self->bench->handle, error);
}

/* Returns whether a flush is due before the next request, or after the last. Called with the lock
 * held. */
static gboolean
run_flush_is_due(const Run *self)
{
    guint interval = self->bench->flush_interval;

    return interval > 0 && self->n_begun > 0 && self->n_begun % interval == 0 &&
           self->flushed_at != self->n_begun;
}

static void
run_fail(Run *self, GError *error)
{
    if (self->error)
        g_error_free(error);
    else
        self->error = error;
    g_cond_broadcast(&self->changed);
}

/* Flushes, or waits until another thread has flushed. Called with the lock held, which is released
 * during the flush. */
static void
run_do_flush(Run *self)
{
    GError *error = NULL;

    if (self->flushing || (self->bench->drain && self->n_under_way > 0)) {
        g_cond_wait(&self->changed, &self->lock);
        return;
    }
    self->flushing = TRUE;
    g_mutex_unlock(&self->lock);
    run_flush(self, &error);
    g_mutex_lock(&self->lock);
    self->flushing = FALSE;
    self->flushed_at = self->n_begun;
    if (error)
        run_fail(self, error);
    g_cond_broadcast(&self->changed);
}

/* Returns FALSE if there are no more requests or one has failed. Called with the lock held. */
static gboolean
run_begin(Run *self, guint64 *ret_offset)
{
    while (!self->error && run_flush_is_due(self))
        run_do_flush(self);
    if (self->error || self->n_begun == self->bench->n_requests)
        return FALSE;
    *ret_offset = self->at;
    self->at += self->bench->step_bytes;
    if (self->disk_bytes > 0)
        self->at %= self->disk_bytes;
    self->n_begun++;
    self->n_under_way++;
    return TRUE;
}

static gboolean
run_request(const Run *self, guint64 offset, guint8 *buffer, GError **error)
{
    const SinterImgBench *bench = self->bench;
    gsize len = (gsize)bench->request_bytes;

    if (offset > self->disk_bytes || len > self->disk_bytes - offset) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_FAILED, g_strerror(EIO));
        return FALSE;
    }
    if (bench->chain)
        return sinter_chain_read(bench->chain, offset, buffer, len, error);
    return sinter_handle_write_at(bench->handle, offset, buffer, len, error) &&
           (!bench->write_through || run_flush((Run *)self, error));
}

static gpointer
run_thread(gpointer data)
{
    Run *self = data;
    g_autofree guint8 *buffer = g_malloc(MAX(self->bench->request_bytes, 1));
    guint64 offset;

    memset(buffer, self->bench->pattern, (gsize)self->bench->request_bytes);
    g_mutex_lock(&self->lock);
    while (run_begin(self, &offset)) {
        GError *error = NULL;

        g_mutex_unlock(&self->lock);
        run_request(self, offset, buffer, &error);
        g_mutex_lock(&self->lock);
        self->n_under_way--;
        if (error)
            run_fail(self, error);
        g_cond_broadcast(&self->changed);
    }
    g_mutex_unlock(&self->lock);
    return NULL;
}

gboolean
sinter_img_bench_run(const SinterImgBench *bench, GError **error)
{
    Run self = { .bench = bench, .at = bench->offset };
    guint n_threads = (guint)MIN(CLAMP(bench->depth, 1, THREADS_MAX), MAX(bench->n_requests, 1));
    g_autofree GThread **threads = g_new0(GThread *, n_threads);

    self.disk_bytes = bench->chain ? sinter_chain_get_virtual_size(bench->chain)
                                   : sinter_handle_get_virtual_size(bench->handle);
    g_mutex_init(&self.lock);
    g_cond_init(&self.changed);
    for (guint i = 1; i < n_threads; i++)
        threads[i] = g_thread_try_new("bench", run_thread, &self, NULL);
    run_thread(&self);
    for (guint i = 1; i < n_threads; i++) {
        if (threads[i])
            g_thread_join(threads[i]);
    }
    g_mutex_clear(&self.lock);
    g_cond_clear(&self.changed);
    if (self.error)
        g_propagate_error(error, self.error);
    return self.error == NULL;
}
