/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A bounded number of readings at the same time. Invariant: at most MAX_AHEAD readings are begun
 * and not yet popped, so that the XML of a large host is never in memory as a whole.
 */

#include "sinter-reading-queue.h"

#define MAX_AHEAD 8

struct _SinterReadingQueue {
    const SinterScanSource *source;
    const GPtrArray *uuids;
    GThreadPool *threads; /* NULL: the driver is in this process, and always responds */
    GAsyncQueue *done;    /* of SinterDomainReading */
    guint n_begun;
    guint n_popped;
};

static void
read_one(gpointer data, gpointer user_data)
{
    SinterReadingQueue *queue = user_data;

    g_async_queue_push(queue->done, sinter_domain_reading_new(queue->source, data));
}

static void
begin_next(SinterReadingQueue *queue)
{
    if (queue->n_begun < queue->uuids->len)
        g_thread_pool_push(queue->threads, g_ptr_array_index(queue->uuids, queue->n_begun++), NULL);
}

SinterReadingQueue *
sinter_reading_queue_new(const SinterScanSource *source, const GPtrArray *uuids)
{
    SinterReadingQueue *queue = g_new0(SinterReadingQueue, 1);

    queue->source = source;
    queue->uuids = uuids;
    queue->done = g_async_queue_new_full((GDestroyNotify)sinter_domain_reading_free);
    if (!source->lines)
        return queue;
    queue->threads = g_thread_pool_new(read_one, queue, MAX_AHEAD, FALSE, NULL);
    for (guint i = 0; i < MAX_AHEAD; i++)
        begin_next(queue);
    return queue;
}

void
sinter_reading_queue_free(SinterReadingQueue *queue)
{
    if (!queue)
        return;
    if (queue->threads)
        g_thread_pool_free(queue->threads, FALSE, TRUE);
    g_async_queue_unref(queue->done);
    g_free(queue);
}

SinterDomainReading *
sinter_reading_queue_pop(SinterReadingQueue *queue)
{
    SinterDomainReading *reading;

    if (queue->n_popped == queue->uuids->len)
        return NULL;
    if (!queue->threads)
        return sinter_domain_reading_new(queue->source,
                                         g_ptr_array_index(queue->uuids, queue->n_popped++));
    reading = g_async_queue_pop(queue->done);
    queue->n_popped++;
    begin_next(queue);
    return reading;
}
