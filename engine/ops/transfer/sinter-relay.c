/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Distributes pieces of work to threads and collects them in order. Invariant: the result is the
 * same as if one thread processed one piece after the other. The error of a piece is reported only
 * after all earlier pieces, and no later piece is delivered. With several threads, the calling
 * thread only reports progress, so that no lock and no slow delivery delays these reports.
 */

#include "sinter-relay.h"
#include "sinter-error.h"

#include <string.h>
#include <sys/mman.h>

#define DEFAULT_THREADS_MIN 2
#define DEFAULT_THREADS_MAX 4
#define BUFFER_ALIGNMENT 4096
#define LARGE_PAGE_BYTES (2 * 1024 * 1024)
/* Interval of progress reports. */
#define TELLING_USEC 50000

typedef struct {
    const SinterRelayClass *klass;
    const SinterRelayOptions *options;
    gpointer user_data;
    guint8 *buffers; /* of all threads, contiguous */
    gsize buffer_bytes;

    GMutex giving; /* guards next() and @n_given; never taken inside @taking */
    guint64 n_given;
    gboolean ended;

    GMutex taking; /* guards deliver() and everything below */
    GCond turned;  /* @turn or @stopped changed */
    guint64 turn;  /* the piece to deliver next */
    gboolean stopped;
    GError *error;

    GMutex telling;  /* guards everything below; the innermost lock */
    GCond ended_all; /* @n_at_work is 0 */
    guint n_at_work; /* number of threads */
    guint64 units;   /* delivered, but not yet reported to the progress */
} SinterRelay;

/* A thread and its current piece. */
typedef struct {
    guint64 number;
    gpointer piece;
    guint8 *buffer;
    GError *error; /* of the piece */
} Hand;

guint
sinter_relay_threads(guint n_threads)
{
    return n_threads ? n_threads
                     : CLAMP(g_get_num_processors(), DEFAULT_THREADS_MIN, DEFAULT_THREADS_MAX);
}

gboolean
sinter_relay_check_cancelled(GCancellable *cancellable, GError **error)
{
    if (!g_cancellable_is_cancelled(cancellable))
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CANCELLED, "stopped on request");
    return FALSE;
}

static gboolean
relay_is_stopped(SinterRelay *self)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->taking);

    return self->stopped;
}

/* Returns FALSE if there are no more pieces. */
static gboolean
relay_give(SinterRelay *self, Hand *hand)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->giving);
    gboolean end = FALSE;

    if (self->ended)
        return FALSE;
    memset(hand->piece, 0,
           self->klass->clear_bytes ? self->klass->clear_bytes : self->klass->piece_bytes);
    hand->number = self->n_given;
    if (!sinter_relay_check_cancelled(self->options->cancellable, &hand->error) ||
        !self->klass->next(self->user_data, hand->piece, &end, &hand->error))
        self->ended = TRUE;
    if (end) {
        self->ended = TRUE;
        return FALSE;
    }
    self->n_given++;
    return TRUE;
}

/* Called with @taking held. */
static void
relay_stop(SinterRelay *self, GError *error)
{
    if (self->error)
        g_clear_error(&error);
    else
        self->error = error;
    self->stopped = TRUE;
    g_cond_broadcast(&self->turned);
}

static void
relay_add_units(SinterRelay *self, guint64 units)
{
    g_mutex_lock(&self->telling);
    self->units += units;
    g_mutex_unlock(&self->telling);
}

/* Returns whether the piece was delivered. */
static gboolean
relay_take(SinterRelay *self, Hand *hand)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->taking);
    guint64 units = 0;
    gboolean delivered;

    while (!self->options->unordered && self->turn != hand->number && !self->stopped)
        g_cond_wait(&self->turned, &self->taking);
    if (self->stopped) {
        g_clear_error(&hand->error);
        return FALSE;
    }
    delivered = !hand->error && self->klass->deliver(self->user_data, hand->piece, hand->buffer,
                                                     &units, &hand->error);
    if (!delivered)
        relay_stop(self, g_steal_pointer(&hand->error));
    relay_add_units(self, units);
    self->turn++;
    g_cond_broadcast(&self->turned);
    return delivered;
}

static void
relay_finish(SinterRelay *self, Hand *hand)
{
    GError *error = NULL;

    if (!self->klass->finish ||
        self->klass->finish(self->user_data, hand->piece, hand->buffer, &error))
        return;
    g_mutex_lock(&self->taking);
    relay_stop(self, error);
    g_mutex_unlock(&self->taking);
}

static void
relay_tell_progress(SinterRelay *self)
{
    guint64 units;

    g_mutex_lock(&self->telling);
    units = self->units;
    self->units = 0;
    g_mutex_unlock(&self->telling);
    sinter_progress_advance(self->options->progress, units);
}

/*
 * Direct I/O handles each page separately, so a few large pages are much cheaper than many small
 * ones. If the kernel refuses large pages, only this gain is lost.
 */
static void
relay_make_buffers(SinterRelay *self, guint n_threads)
{
    gsize align = BUFFER_ALIGNMENT;

    if (self->klass->buffer_bytes == 0)
        return;
    self->buffer_bytes = (self->klass->buffer_bytes + align - 1) / align * align;
    self->buffers = g_aligned_alloc(n_threads, self->buffer_bytes, LARGE_PAGE_BYTES);
    madvise(self->buffers, n_threads * self->buffer_bytes, MADV_HUGEPAGE);
}

static void
relay_work(SinterRelay *self, guint n, gboolean tells_progress)
{
    const SinterRelayClass *klass = self->klass;
    g_autofree gpointer piece = g_malloc0(klass->piece_bytes);
    Hand hand = { .piece = piece };

    if (self->buffers)
        hand.buffer = self->buffers + n * self->buffer_bytes;
    while (!relay_is_stopped(self) && relay_give(self, &hand)) {
        if (!hand.error)
            klass->work(self->user_data, hand.piece, hand.buffer, &hand.error);
        if (relay_take(self, &hand))
            relay_finish(self, &hand);
        if (tells_progress)
            relay_tell_progress(self);
    }
}

/* The parameter of a thread function. */
typedef struct {
    SinterRelay *relay;
    guint n;
    GThread *thread; /* NULL: the thread could not be started; continue with fewer */
} Helper;

static gpointer
relay_thread(gpointer data)
{
    const Helper *helper = data;
    SinterRelay *self = helper->relay;

    relay_work(self, helper->n, FALSE);
    g_mutex_lock(&self->telling);
    if (--self->n_at_work == 0)
        g_cond_signal(&self->ended_all);
    g_mutex_unlock(&self->telling);
    return NULL;
}

/* Returns the number of threads that run. */
static guint
relay_start(SinterRelay *self, Helper *helpers, guint n_threads)
{
    /* count all threads before one that has already ended decrements the counter */
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->telling);

    for (guint i = 0; i < n_threads; i++) {
        helpers[i] = (Helper){ .relay = self, .n = i };
        helpers[i].thread = g_thread_try_new("sinter-relay", relay_thread, &helpers[i], NULL);
        self->n_at_work += helpers[i].thread ? 1 : 0;
    }
    return self->n_at_work;
}

/* Reports progress until all threads have ended. */
static void
relay_attend(SinterRelay *self, const Helper *helpers, guint n_threads)
{
    g_mutex_lock(&self->telling);
    while (self->n_at_work > 0) {
        g_cond_wait_until(&self->ended_all, &self->telling, g_get_monotonic_time() + TELLING_USEC);
        g_mutex_unlock(&self->telling);
        relay_tell_progress(self);
        g_mutex_lock(&self->telling);
    }
    g_mutex_unlock(&self->telling);
    for (guint i = 0; i < n_threads; i++) {
        if (helpers[i].thread)
            g_thread_join(helpers[i].thread);
    }
}

/* With one thread, the calling thread does the work, in order. */
static void
relay_work_all(SinterRelay *self, guint n_threads)
{
    g_autofree Helper *helpers = g_new0(Helper, n_threads);

    if (n_threads > 1 && relay_start(self, helpers, n_threads) > 0)
        relay_attend(self, helpers, n_threads);
    else
        relay_work(self, 0, TRUE);
}

gboolean
sinter_relay_run(const SinterRelayClass *klass, const SinterRelayOptions *options,
                 gpointer user_data, GError **error)
{
    SinterRelay self = { .klass = klass, .options = options, .user_data = user_data };
    guint n_threads = sinter_relay_threads(options->n_threads);
    gboolean ok;

    g_mutex_init(&self.giving);
    g_mutex_init(&self.taking);
    g_mutex_init(&self.telling);
    g_cond_init(&self.turned);
    g_cond_init(&self.ended_all);
    relay_make_buffers(&self, n_threads);
    relay_work_all(&self, n_threads);
    relay_tell_progress(&self);
    g_aligned_free(self.buffers);
    g_mutex_clear(&self.giving);
    g_mutex_clear(&self.taking);
    g_mutex_clear(&self.telling);
    g_cond_clear(&self.turned);
    g_cond_clear(&self.ended_all);
    ok = self.error == NULL;
    if (!ok)
        g_propagate_error(error, self.error);
    return ok;
}
