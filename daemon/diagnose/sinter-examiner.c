/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Examines in a thread of its own, and waits for it only for a while. Invariant: an answer that
 * came too late is discarded, because it is about the past.
 */

#include "sinter-examiner.h"

struct _SinterExaminer {
    gatomicrefcount ref_count; /* the owner and the thread hold one each */
    SinterExamineFunc func;
    GMutex lock; /* guards the rest */
    GCond cond;  /* signals that busy was cleared */
    gboolean busy;
    SinterExamination examination; /* while it is busy */
    SinterSymptoms *symptoms;
};

static void
examiner_unref(SinterExaminer *self)
{
    if (!g_atomic_ref_count_dec(&self->ref_count))
        return;
    sinter_examination_clear(&self->examination);
    sinter_symptoms_free(self->symptoms);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->cond);
    g_free(self);
}

SinterExaminer *
sinter_examiner_new(SinterExamineFunc func)
{
    SinterExaminer *self = g_new0(SinterExaminer, 1);

    g_atomic_ref_count_init(&self->ref_count);
    g_mutex_init(&self->lock);
    g_cond_init(&self->cond);
    self->func = func;
    return self;
}

void
sinter_examiner_free(SinterExaminer *self)
{
    if (self)
        examiner_unref(self);
}

static gpointer
examine_in_thread(gpointer data)
{
    SinterExaminer *self = data;
    SinterSymptoms *symptoms = self->func(&self->examination);

    g_mutex_lock(&self->lock);
    self->symptoms = symptoms;
    self->busy = FALSE;
    g_cond_signal(&self->cond);
    g_mutex_unlock(&self->lock);
    examiner_unref(self);
    return NULL;
}

/* Returns whether no thread is at work, with the lock held. */
static gboolean
wait_idle(SinterExaminer *self, guint64 patience_usec)
{
    gint64 end_usec = g_get_monotonic_time() + (gint64)patience_usec;

    while (self->busy && g_cond_wait_until(&self->cond, &self->lock, end_usec))
        ;
    return !self->busy;
}

/* Starts a thread, with the lock held. */
static void
start(SinterExaminer *self, const SinterExamination *examination)
{
    g_clear_pointer(&self->symptoms, sinter_symptoms_free);
    sinter_examination_clear(&self->examination);
    sinter_examination_copy(&self->examination, examination);
    self->busy = TRUE;
    g_atomic_ref_count_inc(&self->ref_count);
    g_thread_unref(g_thread_new("examiner", examine_in_thread, self));
}

SinterSymptoms *
sinter_examiner_ask(SinterExaminer *self, const SinterExamination *examination,
                    guint64 patience_usec)
{
    SinterSymptoms *symptoms = NULL;

    g_mutex_lock(&self->lock);
    if (wait_idle(self, patience_usec)) {
        start(self, examination);
        if (wait_idle(self, patience_usec))
            symptoms = g_steal_pointer(&self->symptoms);
    }
    g_mutex_unlock(&self->lock);
    if (symptoms)
        return symptoms;
    symptoms = sinter_examine_nothing(examination);
    symptoms->silent = TRUE;
    return symptoms;
}
