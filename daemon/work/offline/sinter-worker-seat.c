/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A worker from its start to its end, as the job that needs it sees it. Invariant: only the
 * messages of the worker that was started last count, and each image is reported on once.
 */

#include "sinter-worker-seat.h"

#include "sinter-job-report.h"
#include "sinter-job-wait.h"
#include "sinter-point.h"

/* A worker that dies this often dies because of the data that it reads. */
#define MAX_DEATHS 3

/* The time from the request to cancel until the worker is killed. */
#define CANCEL_USEC (10 * G_USEC_PER_SEC)

void
sinter_worker_outcome_clear(SinterWorkerOutcome *outcome)
{
    sinter_worker_message_free(outcome->answer);
    g_clear_pointer(&outcome->reports, g_ptr_array_unref);
    g_free(outcome->death);
}

static void
take_report(SinterWorkerOutcome *outcome, SinterWorkerMessage *said)
{
    if (said->place < outcome->reports->len && !outcome->reports->pdata[said->place])
        outcome->reports->pdata[said->place] = g_steal_pointer(&said->report);
}

/* Returns whether that was the worker's last message. */
static gboolean
hear_worker(SinterJobRun *run, SinterMessage *message, SinterWorkerOutcome *outcome)
{
    SinterWorkerMessage *said = message->worker;

    SINTER_POINT("worker-heard");
    if (message->serial != sinter_worker_seat(run)->n_workers)
        return FALSE;
    if (!said) {
        outcome->death = g_steal_pointer(&message->text);
        return TRUE;
    }
    if (said->kind == SINTER_WORKER_PROGRESS)
        sinter_job_run_note_progress(run, said->done_bytes, said->total_bytes);
    else if (said->kind == SINTER_WORKER_REPORT)
        take_report(outcome, said);
    else if (!outcome->answer)
        outcome->answer = g_steal_pointer(&message->worker);
    return FALSE;
}

static void
ask_to_give_up(SinterJobRun *run, SinterWorkerOutcome *outcome)
{
    if (!run->record->cancel_requested || outcome->kill_usec != 0)
        return;
    sinter_offline_worker_cancel(sinter_worker_seat(run)->worker);
    outcome->kill_usec = g_get_monotonic_time() + CANCEL_USEC;
}

static guint64
time_left(const SinterWorkerOutcome *outcome)
{
    if (outcome->kill_usec == 0 || outcome->killed)
        return G_MAXUINT64;
    return (guint64)MAX(outcome->kill_usec - g_get_monotonic_time(), 0);
}

/* Waits until the worker has ended; FALSE if the daemon stops first. */
static gboolean
follow(SinterJobRun *run, SinterWorkerOutcome *outcome)
{
    gboolean ended = FALSE;

    while (!ended) {
        g_autoptr(SinterMessage) message = NULL;

        ask_to_give_up(run, outcome);
        message = sinter_mailbox_wait(run->mailbox, time_left(outcome));
        if (!message) {
            sinter_offline_worker_kill(sinter_worker_seat(run)->worker);
            outcome->killed = TRUE;
        } else if (message->kind == SINTER_MESSAGE_WORKER) {
            ended = hear_worker(run, message, outcome);
        } else {
            sinter_job_run_hear(run, message);
        }
        if (run->life == SINTER_JOB_STOPPED)
            return FALSE;
    }
    return TRUE;
}

static void
free_report(gpointer data)
{
    sinter_image_report_free(data);
}

gboolean
sinter_worker_seat_run(SinterJobRun *run, const SinterWorkerTask *task,
                       SinterWorkerOutcome *outcome, GError **error)
{
    SinterWorkerSeat *seat = sinter_worker_seat(run);
    gboolean ended;

    outcome->reports = g_ptr_array_new_with_free_func(free_report);
    g_ptr_array_set_size(outcome->reports, (int)task->request->files->len);
    seat->worker = sinter_offline_worker_start(run->context.worker_program, task, run->mailbox,
                                               ++seat->n_workers, error);
    if (!seat->worker)
        return FALSE;
    SINTER_POINT("worker-started");
    ended = follow(run, outcome);
    g_clear_pointer(&seat->worker, sinter_offline_worker_free);
    return ended;
}

char *
sinter_worker_seat_note_death(SinterJobRun *run, const SinterWorkerOutcome *outcome)
{
    g_autofree char *text = g_strdup_printf(
        "sinter-worker died: %s",
        outcome->death && !outcome->answer ? outcome->death : "it sent an invalid message");

    sinter_job_run_log(run, G_LOG_LEVEL_WARNING, text);
    if (++sinter_worker_seat(run)->n_deaths < MAX_DEATHS)
        return NULL;
    return g_strdup_printf("%s; gave up after %d attempts", text, MAX_DEATHS);
}

void
sinter_worker_seat_apply_bandwidth(SinterJobRun *run)
{
    SinterOfflineWorker *worker = sinter_worker_seat(run)->worker;

    if (worker)
        sinter_offline_worker_set_bandwidth(worker, run->record->bandwidth_bytes_per_sec);
}
