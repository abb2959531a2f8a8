/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The thread of one job. It runs one loop: observe, decide, step; the kind implements each of
 * these. Invariant: only this thread writes to the record; a lost connection does not end the job,
 * it observes again after the reconnection; a job ends once.
 */

#include "sinter-job-run.h"

#include "sinter-job-report.h"
#include "sinter-job-wait.h"
#include "sinter-point.h"

static void
wait_for_admission(SinterJobRun *run)
{
    gboolean admitted = run->kind->starts_at_once;

    while (!admitted && run->life == SINTER_JOB_RUNS && !run->record->cancel_requested) {
        g_autoptr(SinterMessage) message = sinter_mailbox_wait(run->mailbox, G_MAXUINT64);

        admitted = message->kind == SINTER_MESSAGE_ADMIT;
        /* a job that has not begun ignores events */
        if (message->kind != SINTER_MESSAGE_EVENT)
            sinter_job_run_hear(run, message);
    }
}

static void
note_trouble(SinterJobRun *run, const GError *error)
{
    if (g_strcmp0(run->news.trouble, error->message) != 0)
        sinter_job_run_log(run, G_LOG_LEVEL_INFO, error->message);
    g_free(run->news.trouble);
    run->news.trouble = g_strdup(error->message);
}

/* Observes and decides the next step; FALSE if that was not possible, or it is not time yet. */
static gboolean
find_next(SinterJobRun *run, SinterVerdict *verdict)
{
    g_autoptr(GError) error = NULL;

    SINTER_POINT("observing");
    if (!run->kind->observe(run, &error)) {
        note_trouble(run, error);
        sinter_job_run_wait(run, run->context.retry_usec);
        return FALSE;
    }
    g_clear_pointer(&run->news.trouble, g_free);
    *verdict = run->kind->decide(run);
    SINTER_POINT("decided");
    return !run->kind->may_step || run->kind->may_step(run, verdict);
}

/* The final phases of the three ends. */
static const SinterPhase end_phases[SINTER_N_NEXTS] = {
    [SINTER_NEXT_FAIL] = SINTER_PHASE_FAILED,
    [SINTER_NEXT_CANCELLED] = SINTER_PHASE_CANCELLED,
    [SINTER_NEXT_QUARANTINE] = SINTER_PHASE_QUARANTINED,
};

static void
step(SinterJobRun *run, const SinterVerdict *verdict)
{
    if (run->kind->steps[verdict->next]) {
        run->kind->steps[verdict->next](run, verdict);
        return;
    }
    g_assert(verdict->next >= SINTER_NEXT_FAIL); /* otherwise the kind decided on a step that it
                                                  * does not implement */
    sinter_job_run_finish(run, end_phases[verdict->next], verdict->error, verdict->reason);
}

static void
run_loop(SinterJobRun *run)
{
    while (run->life == SINTER_JOB_RUNS) {
        SinterVerdict verdict = sinter_verdict_cancelled();

        /* a job that has not begun needs no observation, which may take long, to end */
        if ((run->record->phase != SINTER_PHASE_QUEUED || !run->record->cancel_requested) &&
            !find_next(run, &verdict))
            continue;
        SINTER_POINT("stepping");
        step(run, &verdict);
    }
}

static void
begin(SinterJobRun *run)
{
    g_autoptr(GError) error = NULL;

    SINTER_POINT("job-begun");
    if (run->record->phase != SINTER_PHASE_QUEUED) {
        if (run->kind->take_over)
            run->kind->take_over(run);
    } else if (!sinter_job_run_save(run, &error)) {
        g_prefix_error(&error, "the job record cannot be written: ");
        sinter_job_run_fail(run, error);
    } else {
        SINTER_POINT("job-queued");
        wait_for_admission(run);
        SINTER_POINT("job-admitted");
    }
}

static void
end(SinterJobRun *run)
{
    SINTER_POINT("job-ended");
    sinter_space_ledger_give_up(run->context.ledger, run->record->id);
    if (run->life == SINTER_JOB_OVER)
        sinter_job_run_publish(run, TRUE);
    else if (run->kind->leave)
        run->kind->leave(run);
    g_mutex_lock(&run->thread.lock);
    run->thread.left = TRUE;
    g_cond_signal(&run->thread.cond);
    g_mutex_unlock(&run->thread.lock);
}

static gpointer
job_thread(gpointer data)
{
    SinterJobRun *run = data;

    begin(run);
    run_loop(run);
    end(run);
    return NULL;
}

SinterJobRun *
sinter_job_run_start(const SinterJobContext *context, const SinterJobKind *kind,
                     SinterJobRecord *record)
{
    SinterJobRun *run = g_new0(SinterJobRun, 1);

    run->context = *context;
    run->kind = kind;
    run->state = g_malloc0(kind->state_size);
    run->record = record;
    run->mailbox = sinter_mailbox_new();
    g_mutex_init(&run->thread.lock);
    g_cond_init(&run->thread.cond);
    if (kind->init)
        kind->init(run);
    run->thread.thread = g_thread_new("job", job_thread, run);
    return run;
}

SinterMailbox *
sinter_job_run_get_mailbox(SinterJobRun *run)
{
    return run->mailbox;
}

gboolean
sinter_job_run_join_until(SinterJobRun *run, gint64 deadline_usec)
{
    SinterJobThread *thread;
    gboolean left;

    if (!run)
        return TRUE;
    thread = &run->thread;
    g_mutex_lock(&thread->lock);
    while (!thread->left && g_cond_wait_until(&thread->cond, &thread->lock, deadline_usec))
        ;
    left = thread->left;
    g_mutex_unlock(&thread->lock);
    if (left)
        sinter_job_run_join(run);
    return left;
}

void
sinter_job_run_join(SinterJobRun *run)
{
    if (!run)
        return;
    g_thread_join(run->thread.thread);
    if (run->kind->clear)
        run->kind->clear(run);
    g_free(run->state);
    g_async_queue_unref(run->mailbox);
    sinter_job_record_free(run->record);
    g_free(run->news.trouble);
    g_mutex_clear(&run->thread.lock);
    g_cond_clear(&run->thread.cond);
    g_free(run);
}
