/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The thread of one job. It goes round one loop: observe, reconcile, step. What holds: the record
 * on disk names a step before the step begins; the thread holds the only copy of the record that
 * is written to; every way out restores what was done to the guest (throttle, pause); a lost
 * connection ends nothing, the loop looks again when it is back.
 */

#include "sinter-live-job-private.h"

#include "sinter-cleanup.h"
#include "sinter-destination.h"
#include "sinter-log.h"
#include "sinter-message-id.h"
#include "sinter-offline-job.h"
#include "sinter-recheck.h"

#include <libvirt/libvirt.h>

/* QEMU refuses a pivot for good reasons that pass (it was not ready after all, another command
 * held the domain); one that never passes must not be asked for for ever. */
#define MAX_PIVOT_TRIES 20

/* To give a guest back what was taken from it: five minutes, then a person must. */
#define MAX_RELEASE_TRIES 60

void
sinter_live_job_publish(SinterLiveJob *self, gboolean ended)
{
    self->context.func(self->record, &self->progress, ended, self->context.user_data);
}

/* @message_id: (nullable): what the journal's catalog explains */
static void
log_job_as(SinterLiveJob *self, GLogLevelFlags level, const char *message_id, const char *text)
{
    const SinterJobRecord *record = self->record;
    const SinterLogField fields[] = {
        { "MESSAGE_ID", message_id },           { "SINTER_JOB", record->id },
        { "DOMAIN_UUID", record->domain_uuid }, { "DOMAIN_NAME", record->domain_name },
        { "DISK", record->plan->disk },         { NULL, NULL },
    };

    sinter_log(level, fields, "job %s, %s of %s %s: %s", record->id,
               sinter_operation_name(record->plan->operation), record->domain_name,
               record->plan->disk, text);
}

void
sinter_live_job_log(SinterLiveJob *self, GLogLevelFlags level, const char *text)
{
    log_job_as(self, level, NULL, text);
}

static void
log_end(SinterLiveJob *self, const char *text)
{
    static const char *const message_ids[] = {
        [SINTER_PHASE_DONE] = SINTER_MESSAGE_ID_JOB_DONE,
        [SINTER_PHASE_FAILED] = SINTER_MESSAGE_ID_JOB_FAILED,
        [SINTER_PHASE_CANCELLED] = SINTER_MESSAGE_ID_JOB_CANCELLED,
        [SINTER_PHASE_QUARANTINED] = SINTER_MESSAGE_ID_JOB_QUARANTINED,
    };
    SinterPhase phase = self->record->phase;

    log_job_as(self, phase == SINTER_PHASE_DONE ? G_LOG_LEVEL_MESSAGE : G_LOG_LEVEL_WARNING,
               message_ids[phase], text);
}

gboolean
sinter_live_job_save(SinterLiveJob *self, GError **error)
{
    self->unsaved_news = FALSE;
    return sinter_job_store_save(self->context.store, self->record, error);
}

/* For news that the next look would find again: losing it loses nothing. */
void
sinter_live_job_save_or_log(SinterLiveJob *self)
{
    g_autoptr(GError) error = NULL;

    if (!sinter_live_job_save(self, &error))
        sinter_live_job_log(self, G_LOG_LEVEL_WARNING, error->message);
}

gboolean
sinter_live_job_enter_phase(SinterLiveJob *self, SinterPhase phase, GError **error)
{
    SinterPhase before = self->record->phase;

    if (before == phase)
        return TRUE;
    self->record->phase = phase;
    if (!sinter_live_job_save(self, error)) {
        self->record->phase = before;
        g_prefix_error(error, "the job's record cannot be written: ");
        return FALSE;
    }
    sinter_live_job_publish(self, FALSE);
    return TRUE;
}

gboolean
sinter_live_job_is_lost(SinterLiveJob *self, const GError *error)
{
    return self->context.virt->klass->error_is_lost(self->context.virt, error);
}

/* Where the end cannot be written, what is written must not be: the next daemon would begin anew
 * what its caller was told is over. To remove a file needs no room. */
static void
save_end(SinterLiveJob *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) second = NULL;

    if (sinter_live_job_save(self, &error))
        return;
    sinter_live_job_log(self, G_LOG_LEVEL_WARNING, error->message);
    if (!sinter_job_store_remove(self->context.store, self->record->id, &second))
        sinter_live_job_log(self, G_LOG_LEVEL_WARNING, second->message);
}

static void
finish(SinterLiveJob *self, SinterPhase phase, SinterError code, const char *message)
{
    SinterJobRecord *record = self->record;

    record->phase = phase;
    record->error_code = phase == SINTER_PHASE_DONE ? SINTER_ERROR_FAILED : code;
    g_free(record->error_message);
    record->error_message = g_strdup(message);
    record->ended_usec = g_get_real_time();
    save_end(self);
    log_end(self, message ? message : "done");
    for (guint i = 0; i < record->warnings->len; i++)
        sinter_live_job_log(self, G_LOG_LEVEL_WARNING, record->warnings->pdata[i]);
    self->final = TRUE;
}

/* --- observing ------------------------------------------------------------------------------ */

static void
observe_disk(SinterLiveJob *self, const SinterDisk *disk)
{
    g_auto(GStrv) chain = NULL;

    if (!disk) {
        self->observation.chain = SINTER_CHAIN_OTHER;
        return;
    }
    chain = sinter_disk_dup_chain(disk);
    self->observation.chain = sinter_reconcile_chain(self->record->plan, chain);
    self->observation.mirror = disk->mirror;
    self->observation.block_job = disk->block_job;
    if (self->observation.block_job == SINTER_BLOCK_JOB_NONE && disk->mirror != SINTER_MIRROR_NONE)
        self->observation.block_job = disk->mirror_job;
    self->observation.foreign_mirror = disk->mirror != SINTER_MIRROR_NONE &&
                                       !sinter_reconcile_is_our_mirror(self->record->plan, disk);
}

/* (transfer full): the domain. Before a start every domain is looked at: between the plan and the
 * start there may be hours in the queue, and there are changes that libvirt tells nobody, so the
 * plan is proved once more at the last moment. */
static SinterDomain *
scan(SinterLiveJob *self, GError **error)
{
    SinterVirt *virt = self->context.virt;
    SinterDomain *domain;

    g_clear_pointer(&self->host, g_ptr_array_unref);
    /* offline that look is taken when the images are locked */
    if (self->record->phase > SINTER_PHASE_STARTING || self->record->plan->offline)
        return virt->klass->scan_domain(virt, self->record->domain_uuid, error);
    self->host = virt->klass->scan_all(virt, error);
    if (!self->host)
        return NULL;
    domain = sinter_recheck_find_domain(self->host, self->record->domain_uuid);
    if (domain)
        return sinter_domain_ref(domain);
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "the domain is gone");
    return NULL;
}

/* Looks at the host. FALSE with an error when that was not possible. */
static gboolean
observe(SinterLiveJob *self, GError **error)
{
    SinterSeenEvent seen = self->observation.seen;
    g_autoptr(GError) cause = NULL;

    g_clear_pointer(&self->domain, sinter_domain_unref);
    self->observation = (SinterObservation){ .seen = seen };
    self->domain = scan(self, &cause);
    if (!self->domain) {
        if (g_error_matches(cause, SINTER_ERROR, SINTER_ERROR_NOT_FOUND))
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&cause));
        return FALSE;
    }
    if (self->domain->partial) {
        /* a disk or a block job that was not read is not one that is gone */
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                    "the domain could not be read whole, trying again: %s", self->domain->problem);
        return FALSE;
    }
    self->observation.domain_exists = TRUE;
    self->observation.domain_active = self->domain->active;
    observe_disk(self, sinter_domain_find_disk(self->domain, self->record->plan->disk));
    return TRUE;
}

/* --- what arrives while waiting ----------------------------------------------------------- */

typedef enum {
    HEARD_NOTHING, /* of no consequence: wait on */
    HEARD_READY,
    HEARD_NEWS, /* look at the world again */
} Heard;

static Heard
hear_block_job(SinterLiveJob *self, int status)
{
    switch (status) {
    case VIR_DOMAIN_BLOCK_JOB_READY:
        /* the pivot was asked for already: a late word of what a look has shown */
        return self->record->phase < SINTER_PHASE_PIVOTING ? HEARD_READY : HEARD_NEWS;
    case VIR_DOMAIN_BLOCK_JOB_COMPLETED:
        self->observation.seen = SINTER_SEEN_COMPLETED;
        return HEARD_NEWS;
    case VIR_DOMAIN_BLOCK_JOB_FAILED:
        self->observation.seen = SINTER_SEEN_FAILED;
        return HEARD_NEWS;
    case VIR_DOMAIN_BLOCK_JOB_CANCELED:
        self->observation.seen = SINTER_SEEN_CANCELED;
        return HEARD_NEWS;
    default:
        return HEARD_NOTHING;
    }
}

static Heard
hear_event(SinterLiveJob *self, const SinterEvent *event)
{
    /* somebody else's, while the domain runs */
    if (event->kind == SINTER_EVENT_BLOCK_JOB && self->record->plan->offline)
        return event->status == VIR_DOMAIN_BLOCK_JOB_READY ? HEARD_NOTHING : HEARD_NEWS;
    switch (event->kind) {
    case SINTER_EVENT_BLOCK_JOB:
        return hear_block_job(self, event->status);
    case SINTER_EVENT_QMP_JOB_ERROR:
        g_free(self->qemu_reason);
        self->qemu_reason = g_strdup(event->text);
        return HEARD_NOTHING;
    case SINTER_EVENT_LIFECYCLE:
    case SINTER_EVENT_CONNECTED:
        return HEARD_NEWS;
    default:
        return HEARD_NOTHING;
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

static Heard
hear(SinterLiveJob *self, const SinterMessage *message)
{
    switch (message->kind) {
    case SINTER_MESSAGE_CANCEL:
        self->record->cancel_requested = TRUE;
        sinter_live_job_save_or_log(self);
        return HEARD_NEWS;
    case SINTER_MESSAGE_BANDWIDTH:
        hear_bandwidth(self, message->bytes_per_sec);
        return HEARD_NOTHING;
    case SINTER_MESSAGE_EVENT:
        return hear_event(self, message->event);
    case SINTER_MESSAGE_STOP:
        self->stopped = TRUE;
        return HEARD_NEWS;
    case SINTER_MESSAGE_ADMIT:
        return self->record->phase == SINTER_PHASE_QUEUED ? HEARD_NEWS : HEARD_NOTHING;
    case SINTER_MESSAGE_WORKER: /* the last words of one that is gone */
        break;
    }
    return HEARD_NOTHING;
}

void
sinter_live_job_hear(SinterLiveJob *self, const SinterMessage *message)
{
    hear(self, message);
}

/* --- waiting -------------------------------------------------------------------------------- */

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

/* A look at the progress; HEARD_NEWS when the world should be looked at as a whole. */
static Heard
poll_progress(SinterLiveJob *self)
{
    SinterVirt *virt = self->context.virt;
    const SinterDiskPlan *plan = self->record->plan;
    SinterBlockJobInfo info = { 0 };
    g_autoptr(GError) error = NULL;

    if (!virt->klass->get_info(virt, self->record->domain_uuid, plan->disk, &info, &error) ||
        info.type == SINTER_BLOCK_JOB_NONE)
        return HEARD_NEWS;
    if (self->unsaved_news)
        sinter_live_job_save_or_log(self);
    sinter_live_job_note_progress(self, info.done_bytes, info.total_bytes);
    if (plan->operation == SINTER_OPERATION_ACTIVE_COMMIT ||
        plan->operation == SINTER_OPERATION_COPY)
        sinter_live_job_converge(self, &info);
    /* progress is not readiness, but it is a reason to look whether an event was missed */
    self->n_full_polls = info.done_bytes >= info.total_bytes ? self->n_full_polls + 1 : 0;
    if (self->n_full_polls < 2)
        return HEARD_NOTHING;
    self->n_full_polls = 0;
    return HEARD_NEWS;
}

static Heard
wait_for_news(SinterLiveJob *self)
{
    Heard heard = HEARD_NOTHING;

    while (heard == HEARD_NOTHING) {
        guint64 timeout = sinter_convergence_next_sample_usec(
            &self->convergence, g_get_monotonic_time(), self->context.poll_usec);
        g_autoptr(SinterMessage) message = sinter_mailbox_wait(self->mailbox, timeout);

        heard = message ? hear(self, message) : poll_progress(self);
    }
    return heard;
}

/* For something that no event may announce: looks again after @timeout_usec at the latest. */
static Heard
wait_for_news_or(SinterLiveJob *self, guint64 timeout_usec)
{
    Heard heard = HEARD_NOTHING;

    while (heard == HEARD_NOTHING) {
        g_autoptr(SinterMessage) message = sinter_mailbox_wait(self->mailbox, timeout_usec);

        heard = message ? hear(self, message) : HEARD_NEWS;
    }
    return heard;
}

void
sinter_live_job_wait_or(SinterLiveJob *self, guint64 timeout_usec)
{
    wait_for_news_or(self, timeout_usec);
}

/* --- steps: one for each verdict; each returns what it last heard --------------------------- */

/* QEMU's own words, where they are known, say more than the fact that it failed. */
static Heard
step_fail(SinterLiveJob *self, const SinterVerdict *verdict)
{
    g_autofree char *message = NULL;

    if (self->forced_failure) {
        finish(self, SINTER_PHASE_FAILED, (SinterError)self->forced_failure->code,
               self->forced_failure->message);
        return HEARD_NEWS;
    }
    if (self->qemu_reason && self->observation.seen == SINTER_SEEN_FAILED)
        message = g_strdup_printf("%s: %s", verdict->reason, self->qemu_reason);
    finish(self, SINTER_PHASE_FAILED, verdict->error, message ? message : verdict->reason);
    return HEARD_NEWS;
}

static Heard
step_cancelled(SinterLiveJob *self, const SinterVerdict *verdict)
{
    if (self->forced_failure)
        return step_fail(self, verdict);
    if (self->record->plan->offline)
        sinter_offline_job_warn_of_part(self);
    finish(self, SINTER_PHASE_CANCELLED, verdict->error, verdict->reason);
    return HEARD_NEWS;
}

static Heard
step_quarantine(SinterLiveJob *self, const SinterVerdict *verdict)
{
    finish(self, SINTER_PHASE_QUARANTINED, verdict->error, verdict->reason);
    return HEARD_NEWS;
}

void
sinter_live_job_fail(SinterLiveJob *self, const GError *error)
{
    finish(self, SINTER_PHASE_FAILED,
           error->domain == SINTER_ERROR ? (SinterError)error->code : SINTER_ERROR_FAILED,
           error->message);
}

/* Only news: whether a block job runs is looked at, never read from the record. So it is saved at
 * the first look at the progress, and a job that is through before that saves the time. */
static void
note_copying(SinterLiveJob *self)
{
    self->record->phase = SINTER_PHASE_COPYING;
    self->unsaved_news = TRUE;
    g_clear_pointer(&self->host, g_ptr_array_unref);
    sinter_live_job_publish(self, FALSE);
}

/* Other jobs may need the room that there is: stays in the queue, and looks again when one of them
 * has ended. */
static Heard
wait_for_space(SinterLiveJob *self, const GError *error)
{
    if (!self->space_told)
        sinter_live_job_log(self, G_LOG_LEVEL_INFO, error->message);
    self->space_told = TRUE;
    return wait_for_news_or(self, self->context.retry_usec);
}

static Heard
step_start(SinterLiveJob *self, const SinterVerdict *verdict)
{
    SinterVirt *virt = self->context.virt;
    SinterJobRecord *record = self->record;
    g_autoptr(GError) error = NULL;
    SinterSpace space = SINTER_SPACE_LACKING;

    if (sinter_recheck_plan(record, self->host, &error) &&
        sinter_destination_check(record->plan, &error))
        space = sinter_live_job_claim_space(self, &error);
    if (space == SINTER_SPACE_PROMISED)
        return wait_for_space(self, error);
    if (space != SINTER_SPACE_GRANTED) {
        sinter_live_job_fail(self, error);
        return HEARD_NEWS;
    }
    if (record->phase == SINTER_PHASE_QUEUED)
        sinter_cleanup_remember_files(record, self->domain);
    if (record->started_usec == 0)
        record->started_usec = g_get_real_time();
    self->observation.seen = SINTER_SEEN_NOTHING;
    if (!sinter_live_job_enter_phase(self, SINTER_PHASE_STARTING, &error) ||
        !virt->klass->start(virt, self->domain, record->plan, record->bandwidth_bytes_per_sec,
                            &error)) {
        if (!sinter_live_job_is_lost(self, error))
            sinter_live_job_fail(self, error);
        return HEARD_NEWS;
    }
    note_copying(self);
    return wait_for_news(self);
}

/* Ends the block job because we cannot go on; once it is gone the job fails with @error. */
static Heard
give_up(SinterLiveJob *self, GError *error)
{
    SinterVirt *virt = self->context.virt;
    g_autoptr(GError) cause = NULL;

    g_clear_error(&self->forced_failure);
    self->forced_failure = error;
    self->record->cancel_requested = TRUE;
    self->record->phase = SINTER_PHASE_READY;
    self->end_asked =
        virt->klass->end(virt, self->record->domain_uuid, self->record->plan->disk, FALSE, &cause);
    if (self->end_asked)
        return wait_for_news(self);
    sinter_live_job_log(self, G_LOG_LEVEL_WARNING, cause->message);
    return wait_for_news_or(self, self->context.poll_usec);
}

static Heard
step_pivot(SinterLiveJob *self, const SinterVerdict *verdict)
{
    SinterVirt *virt = self->context.virt;
    const SinterDiskPlan *plan = self->record->plan;
    gboolean pivot = plan->operation == SINTER_OPERATION_ACTIVE_COMMIT || plan->pivot;
    g_autoptr(GError) error = NULL;

    if (!sinter_live_job_enter_phase(self, SINTER_PHASE_PIVOTING, &error))
        return give_up(self, g_steal_pointer(&error));
    if (virt->klass->end(virt, self->record->domain_uuid, plan->disk, pivot, &error))
        return wait_for_news(self);
    if (sinter_live_job_is_lost(self, error))
        return HEARD_NEWS;
    self->record->phase = SINTER_PHASE_READY;
    if (++self->n_pivot_tries >= MAX_PIVOT_TRIES) {
        g_prefix_error(&error,
                       "the move to the merged image was refused %u times: ", self->n_pivot_tries);
        return give_up(self, g_steal_pointer(&error));
    }
    wait_for_news_or(self, self->context.poll_usec);
    return HEARD_NEWS;
}

static Heard
step_wait(SinterLiveJob *self, const SinterVerdict *verdict)
{
    if (self->record->phase < SINTER_PHASE_COPYING)
        note_copying(self);
    self->observation.seen = SINTER_SEEN_NOTHING; /* it was of an earlier block job */
    return wait_for_news(self);
}

static Heard
step_cancel(SinterLiveJob *self, const SinterVerdict *verdict)
{
    SinterVirt *virt = self->context.virt;
    g_autoptr(GError) error = NULL;

    if (!self->end_asked) {
        if (!virt->klass->end(virt, self->record->domain_uuid, self->record->plan->disk, FALSE,
                              &error)) {
            /* it may have ended by itself just now: the next look tells */
            sinter_live_job_log(self, G_LOG_LEVEL_INFO, error->message);
            wait_for_news_or(self, self->context.poll_usec);
            return HEARD_NEWS;
        }
        self->end_asked = TRUE;
    }
    return wait_for_news(self);
}

/* Whether the next boot will find the merged chain; told as a warning when not. */
static void
check_definition(SinterLiveJob *self, const SinterDisk *disk)
{
    SinterJobRecord *record = self->record;
    const SinterLayer *live = disk->layers->len > 0 ? disk->layers->pdata[0] : NULL;
    const SinterLayer *next = disk->inactive_layers && disk->inactive_layers->len > 0
                                  ? disk->inactive_layers->pdata[0]
                                  : NULL;

    if (!self->domain->persistent || !live || !disk->inactive_layers)
        return; /* neither a domain nor a disk that comes with the next boot must follow */
    if (next && sinter_layer_same_file(live, next))
        return;
    sinter_job_record_warn(record,
                           "the definition for the next boot names '%s' and not '%s': correct it "
                           "(virsh edit %s) before the domain is started again",
                           next ? next->description : "no image", live->description,
                           record->domain_name);
    /* the files that it names must then stay: the reference graph sees to that */
}

static gboolean
check_layers(const SinterDisk *disk, GError **error)
{
    for (guint i = 0; i < disk->layers->len; i++) {
        const SinterLayer *layer = disk->layers->pdata[i];

        if (layer->missing) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                        "after the merge the chain names '%s', which is not there",
                        layer->description);
            return FALSE;
        }
    }
    return TRUE;
}

static Heard
step_verify(SinterLiveJob *self, const SinterVerdict *verdict)
{
    SinterJobRecord *record = self->record;
    const SinterDisk *disk = sinter_domain_find_disk(self->domain, record->plan->disk);
    g_autoptr(GError) error = NULL;
    g_autofree char *doubt = NULL;
    gboolean may_remove = TRUE;
    gboolean again = FALSE;

    if (record->phase < SINTER_PHASE_VERIFYING) {
        /* it reads only: nothing has to be written down before */
        record->phase = SINTER_PHASE_VERIFYING;
        sinter_live_job_publish(self, FALSE);
    }
    if (!check_layers(disk, &error)) {
        finish(self, SINTER_PHASE_QUARANTINED, (SinterError)error->code, error->message);
        return HEARD_NEWS;
    }
    check_definition(self, disk);
    if (record->plan->operation == SINTER_OPERATION_PULL && !record->plan->offline)
        may_remove = sinter_live_job_flush_pulled(self, &again);
    if (again)
        return HEARD_NEWS;
    if (!sinter_cleanup_sync(record->plan, &doubt, &error)) {
        finish(self, SINTER_PHASE_QUARANTINED, (SinterError)error->code, error->message);
        return HEARD_NEWS;
    }
    if (doubt)
        sinter_job_record_warn(record, "the merged files stay: %s", doubt);
    if (sinter_cleanup_changes_anything(record->plan) &&
        !sinter_live_job_enter_phase(self, SINTER_PHASE_CLEANING, &error))
        sinter_job_record_warn(record, "the merged files stay: %s", error->message);
    else if (!sinter_cleanup_run(self->context.virt, record, may_remove && !doubt, &error))
        return HEARD_NEWS; /* the connection is lost: look again, clean again */
    finish(self, SINTER_PHASE_DONE, SINTER_ERROR_FAILED, NULL);
    return HEARD_NEWS;
}

typedef Heard (*Step)(SinterLiveJob *self, const SinterVerdict *verdict);

static const Step steps[] = {
    [SINTER_NEXT_START] = step_start,         [SINTER_NEXT_WAIT] = step_wait,
    [SINTER_NEXT_PIVOT] = step_pivot,         [SINTER_NEXT_CANCEL] = step_cancel,
    [SINTER_NEXT_VERIFY] = step_verify,       [SINTER_NEXT_FAIL] = step_fail,
    [SINTER_NEXT_CANCELLED] = step_cancelled, [SINTER_NEXT_QUARANTINE] = step_quarantine,
};

static Heard
step_offline_merge(SinterLiveJob *self, const SinterVerdict *verdict)
{
    sinter_offline_job_merge(self);
    return HEARD_NEWS;
}

static Heard
step_offline_wait(SinterLiveJob *self, const SinterVerdict *verdict)
{
    sinter_offline_job_wait(self);
    return HEARD_NEWS;
}

/* Where the worker takes QEMU's place; the end of the story is the same. */
static const Step offline_steps[] = {
    [SINTER_NEXT_START] = step_offline_merge, [SINTER_NEXT_WAIT] = step_offline_wait,
    [SINTER_NEXT_VERIFY] = step_verify,       [SINTER_NEXT_FAIL] = step_fail,
    [SINTER_NEXT_CANCELLED] = step_cancelled, [SINTER_NEXT_QUARANTINE] = step_quarantine,
};

/* --- the thread ----------------------------------------------------------------------------- */

static void
wait_for_admission(SinterLiveJob *self)
{
    gboolean admitted = FALSE;

    while (!admitted && !self->stopped && !self->record->cancel_requested) {
        g_autoptr(SinterMessage) message = sinter_mailbox_wait(self->mailbox, G_MAXUINT64);

        admitted = message->kind == SINTER_MESSAGE_ADMIT;
        hear(self, message);
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
    wait_for_news_or(self, self->context.retry_usec);
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
    wait_for_news_or(self, 2 * self->context.poll_usec);
    return TRUE;
}

/* Looks, and finds the next step; FALSE when that was not possible, or is not the time yet. */
static gboolean
find_next(SinterLiveJob *self, SinterVerdict *verdict)
{
    g_autoptr(GError) error = NULL;

    if (!observe(self, &error)) {
        if (g_strcmp0(self->trouble, error->message) != 0)
            sinter_live_job_log(self, G_LOG_LEVEL_INFO, error->message);
        g_free(self->trouble);
        self->trouble = g_strdup(error->message);
        self->end_asked = FALSE;
        wait_for_news_or(self, self->context.retry_usec);
        return FALSE;
    }
    g_clear_pointer(&self->trouble, g_free);
    *verdict = sinter_reconcile(self->record, &self->observation);
    return !may_hear_more(self, verdict) && settle_debts(self, verdict);
}

static void
run(SinterLiveJob *self)
{
    Heard heard = HEARD_NEWS;

    while (!self->final && !self->stopped) {
        SinterVerdict verdict = { .next = SINTER_NEXT_PIVOT };

        /* READY: what follows must not wait for another look; libvirt checks it once more */
        if ((heard != HEARD_READY || self->record->cancel_requested) && !find_next(self, &verdict))
            heard = HEARD_NEWS;
        else
            heard =
                (self->record->plan->offline ? offline_steps : steps)[verdict.next](self, &verdict);
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
