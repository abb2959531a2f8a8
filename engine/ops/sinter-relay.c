/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Hands pieces of work to threads and takes them back in order. What holds: the outcome is that
 * of one thread which works on piece after piece. A piece that fails is heard only after all
 * before it, and nothing behind it is delivered.
 */

#include "sinter-relay.h"
#include "sinter-error.h"

#include <string.h>

#define DEFAULT_THREADS_MIN 2
#define DEFAULT_THREADS_MAX 4
#define BUFFER_ALIGNMENT 4096

typedef struct {
    const SinterRelayClass *klass;
    const SinterRelayOptions *options;
    gpointer user_data;

    GMutex giving; /* guards next() and @n_given; never taken inside @taking */
    guint64 n_given;
    gboolean ended;

    GMutex taking; /* guards deliver() and all below */
    GCond turned;  /* @turn or @stopped changed */
    guint64 turn;  /* the piece that is to be delivered next */
    guint64 units; /* delivered, and not yet told to the progress */
    gboolean stopped;
    GError *error;
} SinterRelay;

/* A piece in the hands of a thread. */
typedef struct {
    guint64 number;
    gpointer piece;
    guint8 *buffer;
    GError *error; /* what happened to it */
} Hand;

guint
sinter_relay_threads(guint n_threads)
{
    return n_threads ? n_threads
                     : CLAMP(g_get_num_processors(), DEFAULT_THREADS_MIN, DEFAULT_THREADS_MAX);
}

static gboolean
relay_is_stopped(SinterRelay *self)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->taking);

    return self->stopped;
}

/* FALSE: there is nothing more to do. */
static gboolean
relay_give(SinterRelay *self, Hand *hand)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->giving);
    gboolean end = FALSE;

    if (self->ended)
        return FALSE;
    memset(hand->piece, 0, self->klass->piece_bytes);
    hand->number = self->n_given;
    if (g_cancellable_is_cancelled(self->options->cancellable)) {
        g_set_error(&hand->error, SINTER_ERROR, SINTER_ERROR_CANCELLED, "stopped on request");
        self->ended = TRUE;
    } else if (!self->klass->next(self->user_data, hand->piece, &end, &hand->error)) {
        self->ended = TRUE;
    }
    if (end) {
        self->ended = TRUE;
        return FALSE;
    }
    self->n_given++;
    return TRUE;
}

static void
relay_take(SinterRelay *self, Hand *hand)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->taking);
    guint64 units = 0;

    while (!self->options->unordered && self->turn != hand->number && !self->stopped)
        g_cond_wait(&self->turned, &self->taking);
    if (self->stopped) {
        g_clear_error(&hand->error);
        return;
    }
    if (hand->error ||
        !self->klass->deliver(self->user_data, hand->piece, hand->buffer, &units, &hand->error)) {
        self->error = g_steal_pointer(&hand->error);
        self->stopped = TRUE;
    }
    self->units += units;
    self->turn++;
    g_cond_broadcast(&self->turned);
}

static void
relay_tell_progress(SinterRelay *self)
{
    guint64 units;

    g_mutex_lock(&self->taking);
    units = self->units;
    self->units = 0;
    g_mutex_unlock(&self->taking);
    sinter_progress_advance(self->options->progress, units);
}

static void
relay_work(SinterRelay *self, gboolean tells_progress)
{
    const SinterRelayClass *klass = self->klass;
    g_autofree gpointer piece = g_malloc0(klass->piece_bytes);
    Hand hand = { .piece = piece };

    if (klass->buffer_bytes > 0)
        hand.buffer = g_aligned_alloc(1, klass->buffer_bytes, BUFFER_ALIGNMENT);
    while (!relay_is_stopped(self) && relay_give(self, &hand)) {
        if (!hand.error)
            klass->work(self->user_data, hand.piece, hand.buffer, &hand.error);
        relay_take(self, &hand);
        if (tells_progress)
            relay_tell_progress(self);
    }
    g_aligned_free(hand.buffer);
}

static gpointer
relay_thread(gpointer data)
{
    relay_work(data, FALSE);
    return NULL;
}

gboolean
sinter_relay_run(const SinterRelayClass *klass, const SinterRelayOptions *options,
                 gpointer user_data, GError **error)
{
    SinterRelay self = { .klass = klass, .options = options, .user_data = user_data };
    guint n_threads = sinter_relay_threads(options->n_threads);
    g_autofree GThread **threads = g_new0(GThread *, n_threads);
    gboolean ok;

    g_mutex_init(&self.giving);
    g_mutex_init(&self.taking);
    g_cond_init(&self.turned);
    /* a thread that cannot be had is one less: this one works in any case */
    for (guint i = 1; i < n_threads; i++)
        threads[i] = g_thread_try_new("sinter-relay", relay_thread, &self, NULL);
    relay_work(&self, TRUE);
    for (guint i = 1; i < n_threads; i++) {
        if (threads[i])
            g_thread_join(threads[i]);
    }
    relay_tell_progress(&self);
    g_mutex_clear(&self.giving);
    g_mutex_clear(&self.taking);
    g_cond_clear(&self.turned);
    ok = self.error == NULL;
    if (!ok)
        g_propagate_error(error, self.error);
    return ok;
}
