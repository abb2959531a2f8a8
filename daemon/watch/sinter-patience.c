/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Questions with a time limit. Invariant: the data of a question has one owner at any time: its
 * thread until the answer, then the caller, or still the thread if the caller no longer waits. A
 * key is silent exactly as long as one of its questions is unanswered and nobody waits for it.
 */

#include "sinter-patience.h"

/* A key that does not respond. */
typedef struct {
    gint64 since_usec; /* real time */
    guint n_open;      /* questions without an answer that nobody waits for */
} Silence;

struct _SinterPatience {
    gatomicrefcount ref_count;
    SinterPatienceLimits limits;
    GThreadPool *threads;
    GMutex lock;          /* guards everything below */
    GHashTable *silences; /* key → Silence */
    guint n_open;         /* of all silences */
    GMutex func_lock;     /* held while the function runs */
    SinterRespondsFunc func;
    gpointer user_data;
};

/* A question that was asked. */
typedef struct {
    SinterPatience *patience;
    char *key;
    SinterQuestion question;
    gint64 asked_usec; /* real time */
    GCond cond;        /* signals that answered was set */
    gboolean answered;
    gboolean abandoned; /* nobody waits */
} Asking;

static void
asking_free(Asking *asking)
{
    g_cond_clear(&asking->cond);
    g_free(asking->key);
    sinter_patience_unref(asking->patience);
    g_free(asking);
}

/* Returns whether the key responds again. */
static gboolean
close_question(SinterPatience *self, const char *key)
{
    Silence *silence = g_hash_table_lookup(self->silences, key);

    self->n_open--;
    if (--silence->n_open > 0)
        return FALSE;
    g_hash_table_remove(self->silences, key);
    return TRUE;
}

static void
tell(SinterPatience *self)
{
    g_mutex_lock(&self->func_lock);
    if (self->func)
        self->func(self->user_data);
    g_mutex_unlock(&self->func_lock);
}

static void
run(gpointer data, gpointer user_data)
{
    Asking *asking = data;
    SinterPatience *self = asking->patience;
    gboolean abandoned;
    gboolean responds = FALSE;

    asking->question.func(asking->question.data);
    g_mutex_lock(&self->lock);
    asking->answered = TRUE;
    abandoned = asking->abandoned;
    if (abandoned)
        responds = close_question(self, asking->key);
    else
        g_cond_signal(&asking->cond);
    g_mutex_unlock(&self->lock);
    if (!abandoned)
        return;
    asking->question.free_data(asking->question.data);
    if (responds)
        tell(self);
    asking_free(asking);
}

static void
abandon(Asking *asking)
{
    SinterPatience *self = asking->patience;
    Silence *silence = g_hash_table_lookup(self->silences, asking->key);

    if (!silence) {
        silence = g_new0(Silence, 1);
        silence->since_usec = asking->asked_usec;
        g_hash_table_insert(self->silences, g_strdup(asking->key), silence);
    }
    silence->since_usec = MIN(silence->since_usec, asking->asked_usec);
    silence->n_open++;
    self->n_open++;
    asking->abandoned = TRUE;
}

/* Waits for the answer as long as there is progress. The lock is held. */
static void
await(Asking *asking)
{
    SinterPatience *self = asking->patience;
    const gint *progress = asking->question.progress;
    gint last;

    do {
        gint64 deadline = g_get_monotonic_time() + (gint64)self->limits.limit_msec * 1000;

        last = progress ? g_atomic_int_get(progress) : 0;
        while (!asking->answered && g_cond_wait_until(&asking->cond, &self->lock, deadline))
            ;
    } while (!asking->answered && progress && g_atomic_int_get(progress) != last);
}

/* Returns whether the key may be asked, else since when it does not respond. The lock is held. */
static gboolean
may_ask(SinterPatience *self, const char *key, gint64 *ret_since_usec)
{
    const Silence *silence = g_hash_table_lookup(self->silences, key);

    *ret_since_usec = silence ? silence->since_usec : 0;
    return !silence && self->n_open < self->limits.max_open;
}

gboolean
sinter_patience_ask(SinterPatience *self, const char *key, const SinterQuestion *question,
                    gint64 *ret_since_usec)
{
    Asking *asking;
    gboolean answered;
    gboolean may;

    g_mutex_lock(&self->lock);
    may = may_ask(self, key, ret_since_usec);
    g_mutex_unlock(&self->lock);
    if (!may) {
        question->free_data(question->data);
        return FALSE;
    }
    asking = g_new0(Asking, 1);
    asking->patience = sinter_patience_ref(self);
    asking->key = g_strdup(key);
    asking->question = *question;
    asking->asked_usec = g_get_real_time();
    g_cond_init(&asking->cond);
    g_thread_pool_push(self->threads, asking, NULL);
    g_mutex_lock(&self->lock);
    await(asking);
    answered = asking->answered;
    *ret_since_usec = asking->asked_usec;
    if (!answered)
        abandon(asking);
    g_mutex_unlock(&self->lock);
    if (answered)
        asking_free(asking);
    return answered;
}

void
sinter_patience_set_func(SinterPatience *self, SinterRespondsFunc func, gpointer user_data)
{
    g_mutex_lock(&self->func_lock);
    self->func = func;
    self->user_data = user_data;
    g_mutex_unlock(&self->func_lock);
}

SinterPatience *
sinter_patience_new(const SinterPatienceLimits *limits)
{
    SinterPatience *self = g_new0(SinterPatience, 1);

    g_atomic_ref_count_init(&self->ref_count);
    self->limits = *limits;
    /* not exclusive: idle threads are shared with other pools, and end */
    self->threads = g_thread_pool_new(run, NULL, -1, FALSE, NULL);
    g_mutex_init(&self->lock);
    g_mutex_init(&self->func_lock);
    self->silences = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return self;
}

SinterPatience *
sinter_patience_ref(SinterPatience *self)
{
    g_atomic_ref_count_inc(&self->ref_count);
    return self;
}

void
sinter_patience_unref(SinterPatience *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->ref_count))
        return;
    g_thread_pool_free(self->threads, FALSE, FALSE); /* may run in one of its threads */
    g_mutex_clear(&self->lock);
    g_mutex_clear(&self->func_lock);
    g_hash_table_unref(self->silences);
    g_free(self);
}
