/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a job hears while it waits: events, its callers, the progress of its block job. What holds:
 * a word that is of no consequence ends no wait, and one that was missed is found by looking.
 */

#include "sinter-job-kind.h"

#include <libvirt/libvirt.h>

/* --- what arrives ----------------------------------------------------------------------------- */

static SinterHeard
hear_block_job(SinterLiveJob *self, int status)
{
    switch (status) {
    case VIR_DOMAIN_BLOCK_JOB_READY:
        /* the pivot was asked for already: a late word of what a look has shown */
        return self->record->phase < SINTER_PHASE_PIVOTING ? SINTER_HEARD_READY : SINTER_HEARD_NEWS;
    case VIR_DOMAIN_BLOCK_JOB_COMPLETED:
        self->observation.seen = SINTER_SEEN_COMPLETED;
        return SINTER_HEARD_NEWS;
    case VIR_DOMAIN_BLOCK_JOB_FAILED:
        self->observation.seen = SINTER_SEEN_FAILED;
        return SINTER_HEARD_NEWS;
    case VIR_DOMAIN_BLOCK_JOB_CANCELED:
        self->observation.seen = SINTER_SEEN_CANCELED;
        return SINTER_HEARD_NEWS;
    default:
        return SINTER_HEARD_NOTHING;
    }
}

static SinterHeard
hear_event(SinterLiveJob *self, const SinterEvent *event)
{
    /* somebody else's, while the domain runs */
    if (event->kind == SINTER_EVENT_BLOCK_JOB && self->record->plan->offline)
        return event->status == VIR_DOMAIN_BLOCK_JOB_READY ? SINTER_HEARD_NOTHING
                                                           : SINTER_HEARD_NEWS;
    switch (event->kind) {
    case SINTER_EVENT_BLOCK_JOB:
        return hear_block_job(self, event->status);
    case SINTER_EVENT_QMP_JOB_ERROR:
        g_free(self->qemu_reason);
        self->qemu_reason = g_strdup(event->text);
        return SINTER_HEARD_NOTHING;
    case SINTER_EVENT_LIFECYCLE:
    case SINTER_EVENT_CONNECTED:
        return SINTER_HEARD_NEWS;
    default:
        return SINTER_HEARD_NOTHING;
    }
}

static void
hear_bandwidth(SinterLiveJob *self, guint64 bytes_per_sec)
{
    SinterVirt *virt = self->context.virt;
    SinterJobRecord *record = self->record;
    g_autoptr(GError) error = NULL;

    record->bandwidth_bytes_per_sec = bytes_per_sec;
    sinter_live_job_save_or_log(self);
    if (self->worker) {
        sinter_offline_worker_set_bandwidth(self->worker, bytes_per_sec);
    } else if (!record->plan->offline &&
               (record->phase == SINTER_PHASE_COPYING || record->phase == SINTER_PHASE_READY)) {
        if (!virt->klass->set_bandwidth(virt, record->domain_uuid, record->plan->disk,
                                        bytes_per_sec, &error))
            sinter_live_job_log(self, G_LOG_LEVEL_WARNING, error->message);
    }
    sinter_live_job_publish(self, FALSE);
}

SinterHeard
sinter_live_job_hear(SinterLiveJob *self, const SinterMessage *message)
{
    switch (message->kind) {
    case SINTER_MESSAGE_CANCEL:
        self->record->cancel_requested = TRUE;
        sinter_live_job_save_or_log(self);
        return SINTER_HEARD_NEWS;
    case SINTER_MESSAGE_BANDWIDTH:
        hear_bandwidth(self, message->bytes_per_sec);
        return SINTER_HEARD_NOTHING;
    case SINTER_MESSAGE_EVENT:
        return hear_event(self, message->event);
    case SINTER_MESSAGE_STOP:
        self->stopped = TRUE;
        return SINTER_HEARD_NEWS;
    case SINTER_MESSAGE_ADMIT:
        return self->record->phase == SINTER_PHASE_QUEUED ? SINTER_HEARD_NEWS
                                                          : SINTER_HEARD_NOTHING;
    case SINTER_MESSAGE_WORKER: /* the last words of one that is gone */
        break;
    }
    return SINTER_HEARD_NOTHING;
}

/* --- waiting ---------------------------------------------------------------------------------- */

void
sinter_live_job_note_progress(SinterLiveJob *self, guint64 done_bytes, guint64 total_bytes)
{
    SinterJobProgress *progress = &self->progress;
    guint64 remaining;

    progress->done_bytes = done_bytes;
    progress->total_bytes = MAX(total_bytes, done_bytes);
    progress->rate_bytes_per_sec =
        sinter_rate_sample(&self->rate, g_get_monotonic_time(), done_bytes);
    remaining = progress->total_bytes - progress->done_bytes;
    if (progress->done_bytes > 0) /* before that the total need not be known */
        sinter_space_ledger_lower(self->context.ledger, self->record->id, remaining);
    progress->expected_end_usec = 0;
    if (progress->rate_bytes_per_sec > 0)
        progress->expected_end_usec =
            g_get_real_time() +
            (gint64)((double)remaining * G_USEC_PER_SEC / (double)progress->rate_bytes_per_sec);
    sinter_live_job_publish(self, FALSE);
}

/* A look at the progress; SINTER_HEARD_NEWS when the world should be looked at as a whole. */
static SinterHeard
poll_progress(SinterLiveJob *self)
{
    SinterVirt *virt = self->context.virt;
    const SinterDiskPlan *plan = self->record->plan;
    SinterBlockJobInfo info = { 0 };
    g_autoptr(GError) error = NULL;

    if (!virt->klass->get_info(virt, self->record->domain_uuid, plan->disk, &info, &error) ||
        info.type == SINTER_BLOCK_JOB_NONE)
        return SINTER_HEARD_NEWS;
    if (self->unsaved_news)
        sinter_live_job_save_or_log(self);
    sinter_live_job_note_progress(self, info.done_bytes, info.total_bytes);
    if (plan->operation == SINTER_OPERATION_ACTIVE_COMMIT ||
        plan->operation == SINTER_OPERATION_COPY)
        sinter_live_job_converge(self, &info);
    /* progress is not readiness, but it is a reason to look whether an event was missed */
    self->n_full_polls = info.done_bytes >= info.total_bytes ? self->n_full_polls + 1 : 0;
    if (self->n_full_polls < 2)
        return SINTER_HEARD_NOTHING;
    self->n_full_polls = 0;
    return SINTER_HEARD_NEWS;
}

SinterHeard
sinter_live_job_wait(SinterLiveJob *self)
{
    SinterHeard heard = SINTER_HEARD_NOTHING;

    while (heard == SINTER_HEARD_NOTHING) {
        guint64 timeout = sinter_convergence_next_sample_usec(
            &self->convergence, g_get_monotonic_time(), self->context.poll_usec);
        g_autoptr(SinterMessage) message = sinter_mailbox_wait(self->mailbox, timeout);

        heard = message ? sinter_live_job_hear(self, message) : poll_progress(self);
    }
    return heard;
}

SinterHeard
sinter_live_job_wait_or(SinterLiveJob *self, guint64 timeout_usec)
{
    SinterHeard heard = SINTER_HEARD_NOTHING;

    while (heard == SINTER_HEARD_NOTHING) {
        g_autoptr(SinterMessage) message = sinter_mailbox_wait(self->mailbox, timeout_usec);

        heard = message ? sinter_live_job_hear(self, message) : SINTER_HEARD_NEWS;
    }
    return heard;
}
