/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a job receives while it waits. Invariant: a message that changes nothing for the job does
 * not end the wait, and the next observation finds whatever a missed message reported.
 */

#include "sinter-job-wait.h"

#include "sinter-job-report.h"

static void
hear_cancel(SinterJobRun *run)
{
    run->record->cancel_requested = TRUE;
    sinter_job_run_save_or_log(run);
}

static void
hear_bandwidth(SinterJobRun *run, guint64 bytes_per_sec)
{
    run->record->bandwidth_bytes_per_sec = bytes_per_sec;
    sinter_job_run_save_or_log(run);
    if (run->kind->apply_bandwidth)
        run->kind->apply_bandwidth(run);
    sinter_job_run_publish(run, FALSE);
}

static SinterHeard
hear_event(SinterJobRun *run, const SinterEvent *event)
{
    SinterHeard heard = run->kind->hear ? run->kind->hear(run, event) : SINTER_HEARD_NOTHING;

    if (heard == SINTER_HEARD_NEWS)
        run->news.since_usec = event->arrived_usec;
    return heard;
}

gint64
sinter_job_run_take_since(SinterJobRun *run)
{
    gint64 since_usec = run->news.since_usec;

    run->news.since_usec = 0;
    return since_usec != 0 ? since_usec : g_get_monotonic_time();
}

SinterHeard
sinter_job_run_hear(SinterJobRun *run, const SinterMessage *message)
{
    run->news.since_usec = 0;
    switch (message->kind) {
    case SINTER_MESSAGE_CANCEL:
        hear_cancel(run);
        return SINTER_HEARD_NEWS;
    case SINTER_MESSAGE_BANDWIDTH:
        hear_bandwidth(run, message->bytes_per_sec);
        return SINTER_HEARD_NOTHING;
    case SINTER_MESSAGE_EVENT:
        return hear_event(run, message->event);
    case SINTER_MESSAGE_STOP:
        if (run->life == SINTER_JOB_RUNS)
            run->life = SINTER_JOB_STOPPED;
        return SINTER_HEARD_NEWS;
    case SINTER_MESSAGE_ADMIT:
        return run->record->phase == SINTER_PHASE_QUEUED ? SINTER_HEARD_NEWS : SINTER_HEARD_NOTHING;
    case SINTER_MESSAGE_WORKER: /* late messages of a worker that has ended */
        break;
    }
    return SINTER_HEARD_NOTHING;
}

SinterHeard
sinter_job_run_wait(SinterJobRun *run, guint64 timeout_usec)
{
    SinterHeard heard = SINTER_HEARD_NOTHING;

    run->news.since_usec = 0;
    while (heard == SINTER_HEARD_NOTHING) {
        g_autoptr(SinterMessage) message = sinter_mailbox_wait(run->mailbox, timeout_usec);

        heard = message ? sinter_job_run_hear(run, message) : SINTER_HEARD_NEWS;
    }
    return heard;
}
