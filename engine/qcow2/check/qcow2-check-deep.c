/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The deep pass: decodes every compressed cluster, in threads. The walk over the L2 tables collects
 * streams into jobs, sorted by their place in the file so that adjacent ones are read together; a
 * stream that cannot be decoded is a finding. Invariant: only a few jobs wait at a time; streams of
 * the same entry are decoded once per job.
 */

#include "qcow2-check-pass.h"
#include "qcow2/read/qcow2-decompress.h"
#include "sinter-error.h"

#include <stdlib.h>

#define JOB_STREAMS 256
#define JOBS_PER_THREAD 4
#define SPAN_MAX_BYTES (1024 * 1024)

typedef struct {
    guint64 guest;
    guint64 entry;
    guint64 offset;
    guint64 bytes;
} Stream;

typedef struct {
    guint n;
    Stream streams[JOB_STREAMS];
} Job;

typedef struct {
    SinterQcow2Check *check;
    SinterQcow2Reader reader; /* for its options */
    GThreadPool *pool;
    guint max_waiting;
    Job *filling;
    GMutex mutex; /* guards the rest */
    GCond changed;
    guint n_waiting; /* jobs submitted and not finished */
    GError *error;   /* the first */
} Deep;

/* What a worker reads streams from. */
typedef struct {
    guint8 *data;
    guint64 start;
    guint64 end;
} Span;

static int
compare_streams(const void *a, const void *b)
{
    const Stream *left = a;
    const Stream *right = b;

    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* Returns the end of the read that covers the streams from @index on. */
static guint64
span_end(const Job *job, guint index)
{
    guint64 start = job->streams[index].offset;
    guint64 end = start + job->streams[index].bytes;

    for (guint i = index + 1; i < job->n; i++) {
        const Stream *stream = &job->streams[i];

        if (stream->offset > end || stream->offset + stream->bytes > start + SPAN_MAX_BYTES)
            break;
        end = MAX(end, stream->offset + stream->bytes);
    }
    return end;
}

static gboolean
span_load(Span *self, SinterQcow2Check *check, guint64 start, guint64 end, GError **error)
{
    g_free(self->data);
    self->data = g_malloc((gsize)(end - start));
    self->start = start;
    self->end = end;
    /* the length in sectors may extend a little beyond the end of the file */
    if (sinter_qcow2_check_read(check, start, self->data, (gsize)(end - start), error))
        return TRUE;
    self->end = start;
    return FALSE;
}

static void
report(Deep *self, const Stream *stream, const GError *cause)
{
    SinterFinding finding = {
        .code = SINTER_FINDING_COMPRESSED_UNDECODABLE,
        .guest_offset = stream->guest,
        .host_offset = stream->offset,
        .seen = stream->entry,
        .detail = g_strdup(cause->message),
    };

    sinter_tally_add(&self->check->tally, &finding);
}

static gboolean
decode(Deep *self, Span *span, const Job *job, guint index, guint8 *out, GError **error)
{
    const Stream *stream = &job->streams[index];
    g_autoptr(GError) failed = NULL;

    if ((stream->offset < span->start || stream->offset + stream->bytes > span->end) &&
        !span_load(span, self->check, stream->offset, span_end(job, index), &failed)) {
        if (sinter_qcow2_check_keeps_going(self->check, failed, stream->offset))
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    if (!sinter_qcow2_decompress(self->check->header->compression_type,
                                 span->data + (stream->offset - span->start), (gsize)stream->bytes,
                                 out, self->check->geo.cluster_size, &failed))
        report(self, stream, failed);
    return TRUE;
}

static void
run_job(gpointer data, gpointer user_data)
{
    Deep *self = user_data;
    g_autofree Job *job = data;
    g_autofree guint8 *out = g_malloc(self->check->geo.cluster_size);
    GError *error = NULL;
    Span span = { 0 };
    gboolean ok = TRUE;

    qsort(job->streams, job->n, sizeof job->streams[0], compare_streams);
    for (guint i = 0; ok && i < job->n; i++) {
        if (i > 0 && job->streams[i].entry == job->streams[i - 1].entry)
            continue;
        ok = sinter_qcow2_reader_go_on(&self->reader, &error) &&
             decode(self, &span, job, i, out, &error);
    }
    g_free(span.data);
    g_mutex_lock(&self->mutex);
    if (error && self->error)
        g_clear_error(&error);
    else if (error)
        self->error = error;
    self->n_waiting--;
    g_cond_signal(&self->changed);
    g_mutex_unlock(&self->mutex);
}

/* Submits the current job to the workers; FALSE if one of them failed. */
static gboolean
hand_over(Deep *self)
{
    gboolean ok;

    g_mutex_lock(&self->mutex);
    while (self->n_waiting >= self->max_waiting)
        g_cond_wait(&self->changed, &self->mutex);
    self->n_waiting++;
    ok = self->error == NULL;
    g_mutex_unlock(&self->mutex);
    g_thread_pool_push(self->pool, g_steal_pointer(&self->filling), NULL);
    return ok;
}

static gboolean
add_stream(Deep *self, guint64 guest, guint64 entry)
{
    SinterQcow2CompressedRef ref = sinter_qcow2_l2_compressed(&self->check->geo, entry);

    /* references beyond the file are already reported */
    if (!sinter_qcow2_check_fits(self->check, ref.host_offset, ref.host_bytes))
        return TRUE;
    if (!self->filling)
        self->filling = g_new0(Job, 1);
    self->filling->streams[self->filling->n++] =
        (Stream){ guest, entry, ref.host_offset, ref.host_bytes };
    return self->filling->n < JOB_STREAMS || hand_over(self);
}

static gboolean
deep_entry(const SinterQcow2CheckTable *table, guint64 guest, guint64 entry, gpointer user_data,
           GError **error)
{
    if (add_stream(user_data, guest, entry & ~SINTER_QCOW2_COPIED))
        return TRUE;
    /* the worker's own error follows */
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED, "decoding was stopped");
    return FALSE;
}

/* Waits for the workers and cleans up; their error takes precedence over the walk's. */
static gboolean
deep_finish(Deep *self, gboolean ok, GError **error)
{
    if (self->filling && ok)
        hand_over(self);
    g_free(self->filling);
    g_thread_pool_free(self->pool, FALSE, TRUE);
    g_mutex_clear(&self->mutex);
    g_cond_clear(&self->changed);
    if (!self->error)
        return ok;
    g_clear_error(error);
    g_propagate_error(error, self->error);
    return FALSE;
}

gboolean
sinter_qcow2_check_deep(SinterQcow2Check *self, GError **error)
{
    guint n_threads = self->options->n_threads ? self->options->n_threads : g_get_num_processors();
    Deep deep = {
        .check = self,
        .reader = sinter_qcow2_check_reader(self, 0),
        .max_waiting = n_threads * JOBS_PER_THREAD,
    };
    GError *failed = NULL;
    gboolean ok;

    if (self->geo.external_data || self->header->compression_type > SINTER_QCOW2_COMPRESSION_ZSTD)
        return TRUE;
    deep.pool = g_thread_pool_new(run_job, &deep, (gint)n_threads, FALSE, error);
    if (!deep.pool)
        return FALSE;
    g_mutex_init(&deep.mutex);
    g_cond_init(&deep.changed);
    ok = sinter_qcow2_check_walk_entries(self, SINTER_QCOW2_COMPRESSED, deep_entry, &deep, &failed);
    ok = deep_finish(&deep, ok, &failed);
    if (!ok)
        g_propagate_error(error, failed);
    return ok;
}
