/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs examinations in a pool of threads. Invariant: a thread that hangs is replaced by another
 * one, so silent storage never delays the examination of other storage; each question is answered
 * within ANSWER_MSEC.
 */

#include "sinter-diagnoser.h"

#define ANSWER_MSEC 1000
#define N_THREADS 8
/* Threads that hang are replaced up to this number in total. */
#define MAX_THREADS 256

struct _SinterDiagnoser {
    gatomicrefcount ref_count; /* the owner and each question hold one */
    SinterDiagnoserFunc func;  /* NULL after the owner has freed it; main context only */
    gpointer user_data;
    GThreadPool *pool;
    GHashTable *questions; /* id → Question: those without a final answer */
    guint n_silent;        /* of these, those whose thread hangs */
};

typedef struct {
    SinterDiagnoser *self;
    char *id;
    SinterExamination examination;
    SinterSymptoms *symptoms; /* set by the thread */
    guint timeout_id;
    gboolean silent;
} Question;

static void
diagnoser_unref(SinterDiagnoser *self)
{
    if (!g_atomic_ref_count_dec(&self->ref_count))
        return;
    g_hash_table_unref(self->questions);
    g_free(self);
}

static void
question_free(Question *question)
{
    g_clear_handle_id(&question->timeout_id, g_source_remove);
    sinter_symptoms_free(question->symptoms);
    sinter_examination_clear(&question->examination);
    g_free(question->id);
    diagnoser_unref(question->self);
    g_free(question);
}

static void
adjust_threads(SinterDiagnoser *self)
{
    if (self->pool)
        g_thread_pool_set_max_threads(self->pool, (int)MIN(N_THREADS + self->n_silent, MAX_THREADS),
                                      NULL);
}

static void
answer(Question *question, const SinterSymptoms *symptoms)
{
    SinterDiagnoser *self = question->self;

    if (self->func)
        self->func(question->id, symptoms, self->user_data);
}

static gboolean
on_examined(gpointer data)
{
    Question *question = data;
    SinterDiagnoser *self = question->self;

    g_hash_table_remove(self->questions, question->id);
    if (question->silent) {
        self->n_silent--;
        adjust_threads(self);
    }
    answer(question, question->symptoms);
    question_free(question);
    return G_SOURCE_REMOVE;
}

static gboolean
on_silent(gpointer data)
{
    Question *question = data;
    SinterDiagnoser *self = question->self;
    g_autoptr(SinterSymptoms) symptoms = sinter_examine_nothing(&question->examination);

    question->timeout_id = 0;
    question->silent = TRUE;
    self->n_silent++;
    adjust_threads(self);
    symptoms->silent = TRUE;
    answer(question, symptoms);
    return G_SOURCE_REMOVE;
}

static void
examine_in_thread(gpointer data, gpointer user_data)
{
    Question *question = data;

    question->symptoms = sinter_examine(&question->examination);
    g_idle_add(on_examined, question);
}

SinterDiagnoser *
sinter_diagnoser_new(SinterDiagnoserFunc func, gpointer user_data)
{
    SinterDiagnoser *self = g_new0(SinterDiagnoser, 1);

    g_atomic_ref_count_init(&self->ref_count);
    self->func = func;
    self->user_data = user_data;
    self->pool = g_thread_pool_new(examine_in_thread, NULL, N_THREADS, FALSE, NULL);
    self->questions = g_hash_table_new(g_str_hash, g_str_equal);
    return self;
}

void
sinter_diagnoser_free(SinterDiagnoser *self)
{
    if (!self)
        return;
    self->func = NULL;
    g_thread_pool_free(g_steal_pointer(&self->pool), FALSE, FALSE);
    diagnoser_unref(self);
}

void
sinter_diagnoser_ask(SinterDiagnoser *self, const char *id, const SinterExamination *examination)
{
    Question *question;

    if (g_hash_table_contains(self->questions, id))
        return;
    question = g_new0(Question, 1);
    g_atomic_ref_count_inc(&self->ref_count);
    question->self = self;
    question->id = g_strdup(id);
    sinter_examination_copy(&question->examination, examination);
    question->timeout_id = g_timeout_add(ANSWER_MSEC, on_silent, question);
    g_hash_table_insert(self->questions, question->id, question);
    g_thread_pool_push(self->pool, question, NULL);
}
