/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The thread of one job. It goes round one loop: observe, reconcile, step. What holds: the record
 * on disk names a step before the step begins; the thread holds the only copy of the record that
 * is written to; every way out restores what was done to the guest (throttle, pause); a lost
 * connection ends nothing, the loop looks again when it is back.
 */

#include "sinter-job-kind.h"

/* To give a guest back what was taken from it: five minutes, then a person must. */
#define MAX_RELEASE_TRIES 60

static void
wait_for_admission(SinterLiveJob *self)
{
    gboolean admitted = FALSE;

    while (!admitted && !self->stopped && !self->record->cancel_requested) {
        g_autoptr(SinterMessage) message = sinter_mailbox_wait(self->mailbox, G_MAXUINT64);

        admitted = message->kind == SINTER_MESSAGE_ADMIT;
        sinter_live_job_hear(self, message);
    }
    /* what was heard meanwhile was of somebody else's block job */
    self->observation.seen = SINTER_SEEN_NOTHING;
}

/*
 * A guest must not stay held or slowed: because a daemon died, which is set right before all else,
 * or because a job ended while libvirt was busy, so no job ends before it is done. FALSE: look
 * again.
 */
static gboolean
settle_debts(SinterLiveJob *self, const SinterVerdict *verdict)
{
    g_autoptr(GError) error = NULL;

    if (!sinter_live_job_owes_guest(self) || !self->observation.domain_active ||
        (self->settled && verdict->next < SINTER_NEXT_VERIFY))
        return TRUE;
    self->settled = TRUE;
    if (sinter_live_job_release_guest(self, &error)) {
        self->n_release_tries = 0;
        return TRUE;
    }
    sinter_live_job_log(self, G_LOG_LEVEL_WARNING, error->message);
    if (++self->n_release_tries >= MAX_RELEASE_TRIES) {
        sinter_job_record_warn(self->record, "%s", error->message);
        return TRUE;
    }
    self->settled = FALSE;
    sinter_live_job_wait_or(self, self->context.retry_usec);
    return FALSE;
}

/* The block job is gone and no event has said how it ended: one may be on its way. */
static gboolean
may_hear_more(SinterLiveJob *self, const SinterVerdict *verdict)
{
    const SinterObservation *seen = &self->observation;

    if (self->record->plan->offline || self->heard_out || verdict->next < SINTER_NEXT_FAIL ||
        !seen->domain_active || seen->seen != SINTER_SEEN_NOTHING ||
        seen->block_job != SINTER_BLOCK_JOB_NONE || self->record->phase < SINTER_PHASE_COPYING ||
        self->record->phase >= SINTER_PHASE_VERIFYING)
        return FALSE;
    self->heard_out = TRUE;
    sinter_live_job_wait_or(self, 2 * self->context.poll_usec);
    return TRUE;
}

/* Looks, and finds the next step; FALSE when that was not possible, or is not the time yet. */
static gboolean
find_next(SinterLiveJob *self, SinterVerdict *verdict)
{
    g_autoptr(GError) error = NULL;

    if (!sinter_live_job_observe(self, &error)) {
        if (g_strcmp0(self->trouble, error->message) != 0)
            sinter_live_job_log(self, G_LOG_LEVEL_INFO, error->message);
        g_free(self->trouble);
        self->trouble = g_strdup(error->message);
        self->end_asked = FALSE;
        sinter_live_job_wait_or(self, self->context.retry_usec);
        return FALSE;
    }
    g_clear_pointer(&self->trouble, g_free);
    *verdict = sinter_reconcile(self->record, &self->observation);
    return !may_hear_more(self, verdict) && settle_debts(self, verdict);
}

static void
run(SinterLiveJob *self)
{
    SinterHeard heard = SINTER_HEARD_NEWS;

    while (!self->final && !self->stopped) {
        SinterVerdict verdict = { .next = SINTER_NEXT_PIVOT };

        /* READY: what follows must not wait for another look; libvirt checks it once more */
        if ((heard != SINTER_HEARD_READY || self->record->cancel_requested) &&
            !find_next(self, &verdict))
            heard = SINTER_HEARD_NEWS;
        else
            heard = sinter_live_job_step(self, &verdict);
    }
}

/* The daemon ends and the block job goes on: not so what only we can give back. */
static void
let_guest_go(SinterLiveJob *self)
{
    g_autoptr(GError) error = NULL;

    if (!sinter_live_job_release_guest(self, &error))
        sinter_live_job_log(self, G_LOG_LEVEL_WARNING, error->message);
}

static gpointer
live_job_thread(gpointer data)
{
    SinterLiveJob *self = data;
    g_autoptr(GError) error = NULL;

    if (self->record->phase == SINTER_PHASE_QUEUED) {
        if (!sinter_live_job_save(self, &error)) {
            g_prefix_error(&error, "the job's record cannot be written: ");
            sinter_live_job_fail(self, error);
        } else {
            wait_for_admission(self);
        }
    } else {
        sinter_live_job_renew_space(self);
    }
    run(self);
    sinter_space_ledger_give_up(self->context.ledger, self->record->id);
    if (self->final)
        sinter_live_job_publish(self, TRUE);
    else
        let_guest_go(self);
    g_mutex_lock(&self->lock);
    self->left = TRUE;
    g_cond_signal(&self->cond);
    g_mutex_unlock(&self->lock);
    return NULL;
}

SinterLiveJob *
sinter_live_job_start(const SinterLiveJobContext *context, SinterJobRecord *record)
{
    SinterLiveJob *self = g_new0(SinterLiveJob, 1);

    self->context = *context;
    self->record = record;
    self->mailbox = sinter_mailbox_new();
    g_mutex_init(&self->lock);
    g_cond_init(&self->cond);
    sinter_convergence_init(&self->convergence, context->patience_usec, context->max_pause_usec);
    self->thread = g_thread_new("job", live_job_thread, self);
    return self;
}

SinterMailbox *
sinter_live_job_get_mailbox(SinterLiveJob *self)
{
    return self->mailbox;
}

gboolean
sinter_live_job_join_until(SinterLiveJob *self, gint64 deadline_usec)
{
    gboolean left;

    if (!self)
        return TRUE;
    g_mutex_lock(&self->lock);
    while (!self->left && g_cond_wait_until(&self->cond, &self->lock, deadline_usec))
        ;
    left = self->left;
    g_mutex_unlock(&self->lock);
    if (left)
        sinter_live_job_join(self);
    return left;
}

void
sinter_live_job_join(SinterLiveJob *self)
{
    if (!self)
        return;
    g_thread_join(self->thread);
    g_async_queue_unref(self->mailbox);
    sinter_job_record_free(self->record);
    g_clear_pointer(&self->domain, sinter_domain_unref);
    g_clear_pointer(&self->host, g_ptr_array_unref);
    g_clear_error(&self->forced_failure);
    g_free(self->qemu_reason);
    g_free(self->trouble);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->cond);
    g_free(self);
}
