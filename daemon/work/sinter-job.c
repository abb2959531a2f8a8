/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The main context's side of a job: the values last published by its thread, and requests to it.
 * Invariant: values change only in the main context, by messages from the thread that arrive in
 * order; an ended job has no thread.
 */

#include "sinter-job.h"

#include "sinter-job-kinds.h"
#include "sinter-job-private.h"
#include "sinter-job-run.h"

struct _SinterJob {
    GObject parent_instance;
    SinterJobRecord *record; /* as last published */
    SinterJobProgress progress;
    SinterJobContext context;
    SinterJobRun *run; /* NULL if the job has ended */
    gboolean admitted;
    gboolean stopped;
};

G_DEFINE_FINAL_TYPE(SinterJob, sinter_job, G_TYPE_OBJECT)

enum { SIGNAL_CHANGED, SIGNAL_ENDED, N_SIGNALS };
static guint signals[N_SIGNALS];

/* A state published by the thread, on its way to the main context. */
typedef struct {
    SinterJob *job;
    SinterJobRecord *record;
    SinterJobProgress progress;
    gboolean ended;
} News;

static void
news_free(gpointer data)
{
    News *news = data;

    g_object_unref(news->job);
    g_clear_pointer(&news->record, sinter_job_record_free);
    g_free(news);
}

static gboolean
take_news(gpointer data)
{
    News *news = data;
    SinterJob *self = news->job;

    if (self->stopped)
        return G_SOURCE_REMOVE;
    sinter_job_record_free(self->record);
    self->record = g_steal_pointer(&news->record);
    self->progress = news->progress;
    if (news->ended)
        g_clear_pointer(&self->run, sinter_job_run_join);
    g_signal_emit(self, signals[SIGNAL_CHANGED], 0);
    if (news->ended)
        g_signal_emit(self, signals[SIGNAL_ENDED], 0);
    return G_SOURCE_REMOVE;
}

/* Runs in the job's thread. */
static void
on_published(const SinterJobRecord *record, const SinterJobProgress *progress, gboolean ended,
             gpointer user_data)
{
    News *news = g_new0(News, 1);

    news->job = g_object_ref(user_data);
    news->record = sinter_job_record_copy(record);
    news->progress = *progress;
    news->ended = ended;
    g_main_context_invoke_full(NULL, G_PRIORITY_DEFAULT, take_news, news, news_free);
}

SinterJob *
sinter_job_new(const SinterJobContext *context, SinterJobRecord *record)
{
    SinterJob *self = g_object_new(SINTER_TYPE_JOB, NULL);

    self->record = sinter_job_record_copy(record);
    self->admitted = record->phase > SINTER_PHASE_QUEUED;
    self->context = *context;
    self->context.func = on_published;
    self->context.user_data = self;
    if (sinter_phase_is_final(record->phase))
        sinter_job_record_free(record);
    else
        self->run =
            sinter_job_run_start(&self->context, sinter_job_kinds_for_record(record), record);
    return self;
}

void
sinter_job_admit(SinterJob *self)
{
    if (!self->run || self->record->phase > SINTER_PHASE_QUEUED)
        return;
    self->admitted = TRUE;
    sinter_mailbox_post(sinter_job_run_get_mailbox(self->run), SINTER_MESSAGE_ADMIT);
}

gboolean
sinter_job_is_admitted(SinterJob *self)
{
    return self->admitted;
}

void
sinter_job_post_event(SinterJob *self, const SinterEvent *event)
{
    if (self->run)
        sinter_mailbox_post_event(sinter_job_run_get_mailbox(self->run), event);
}

void
sinter_job_ask_to_stop(SinterJob *self)
{
    if (!self->run || self->stopped)
        return;
    self->stopped = TRUE;
    sinter_mailbox_post(sinter_job_run_get_mailbox(self->run), SINTER_MESSAGE_STOP);
}

gboolean
sinter_job_stop(SinterJob *self, gint64 deadline_usec)
{
    if (!self->run)
        return TRUE;
    sinter_job_ask_to_stop(self);
    if (sinter_job_run_join_until(self->run, deadline_usec)) {
        self->run = NULL;
        return TRUE;
    }
    self->run = NULL;
    g_object_ref(self); /* held by the thread, which publishes to the job */
    return FALSE;
}

static void
sinter_job_finalize(GObject *object)
{
    SinterJob *self = SINTER_JOB(object);

    g_assert(!self->run); /* the thread holds a reference: it must have ended */
    g_clear_pointer(&self->record, sinter_job_record_free);
    G_OBJECT_CLASS(sinter_job_parent_class)->finalize(object);
}

static void
sinter_job_class_init(SinterJobClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_job_finalize;
    signals[SIGNAL_CHANGED] = g_signal_new("changed", SINTER_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL,
                                           NULL, NULL, G_TYPE_NONE, 0);
    signals[SIGNAL_ENDED] = g_signal_new("ended", SINTER_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                         NULL, G_TYPE_NONE, 0);
}

static void
sinter_job_init(SinterJob *self)
{
}

const SinterJobRecord *
sinter_job_get_record(SinterJob *self)
{
    return self->record;
}

const SinterJobProgress *
sinter_job_get_progress(SinterJob *self)
{
    return &self->progress;
}

gboolean
sinter_job_is_cancelable(SinterJob *self)
{
    SinterPhase phase = self->record->phase;

    return self->run && (phase < SINTER_PHASE_PIVOTING || phase == SINTER_PHASE_RESOLVING);
}

static gboolean
check_unended(SinterJob *self, GError **error)
{
    if (self->run)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED, "job %s has already ended: %s",
                self->record->id, sinter_phase_name(self->record->phase));
    return FALSE;
}

gboolean
sinter_job_cancel(SinterJob *self, GError **error)
{
    if (!check_unended(self, error))
        return FALSE;
    if (!sinter_job_is_cancelable(self)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "job %s is %s and can no longer be cancelled", self->record->id,
                    sinter_phase_name(self->record->phase));
        return FALSE;
    }
    sinter_mailbox_post(sinter_job_run_get_mailbox(self->run), SINTER_MESSAGE_CANCEL);
    return TRUE;
}

static gboolean
check_in_doubt(SinterJob *self, const char *choice, GError **error)
{
    const char *const choices[] = { SINTER_JOB_CHOICE_COMPARE, SINTER_JOB_CHOICE_OLD,
                                    SINTER_JOB_CHOICE_NEW, NULL };

    if (!g_strv_contains(choices, choice)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "invalid choice '%.64s': expected 'old' or 'new'", choice);
        return FALSE;
    }
    if (!self->record->in_doubt) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                    "job %s is not quarantined between two images: there is nothing to resolve",
                    self->record->id);
        return FALSE;
    }
    if (self->run)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY, "job %s is %s", self->record->id,
                    sinter_phase_name(self->record->phase));
    return !self->run;
}

gboolean
sinter_job_resolve(SinterJob *self, const char *choice, GError **error)
{
    SinterJobRecord *record;

    if (!check_in_doubt(self, choice, error))
        return FALSE;
    g_free(self->record->choice);
    self->record->choice = g_strdup(choice);
    self->record->phase = SINTER_PHASE_RESOLVING;
    self->progress = (SinterJobProgress){ 0 };
    record = sinter_job_record_copy(self->record);
    self->run = sinter_job_run_start(&self->context, sinter_job_kinds_for_record(record), record);
    g_signal_emit(self, signals[SIGNAL_CHANGED], 0);
    return TRUE;
}

gboolean
sinter_job_set_bandwidth(SinterJob *self, guint64 bytes_per_sec, GError **error)
{
    if (!check_unended(self, error))
        return FALSE;
    sinter_mailbox_post_bandwidth(sinter_job_run_get_mailbox(self->run), bytes_per_sec);
    return TRUE;
}
