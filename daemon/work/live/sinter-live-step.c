/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The steps of a job, one for each verdict of sinter_reconcile(). What holds: the record on disk
 * names a step before it changes anything; no step believes that it worked, the next look tells.
 */

#include "sinter-job-kind.h"

#include "sinter-cleanup.h"
#include "sinter-destination.h"
#include "sinter-offline-job.h"
#include "sinter-recheck.h"

/* QEMU refuses a pivot for good reasons that pass (it was not ready after all, another command
 * held the domain); one that never passes must not be asked for for ever. */
#define MAX_PIVOT_TRIES 20

/* QEMU's own words, where they are known, say more than the fact that it failed. */
static SinterHeard
step_fail(SinterLiveJob *self, const SinterVerdict *verdict)
{
    g_autofree char *message = NULL;

    if (self->forced_failure) {
        sinter_live_job_finish(self, SINTER_PHASE_FAILED, (SinterError)self->forced_failure->code,
                               self->forced_failure->message);
        return SINTER_HEARD_NEWS;
    }
    if (self->qemu_reason && self->observation.seen == SINTER_SEEN_FAILED)
        message = g_strdup_printf("%s: %s", verdict->reason, self->qemu_reason);
    sinter_live_job_finish(self, SINTER_PHASE_FAILED, verdict->error,
                           message ? message : verdict->reason);
    return SINTER_HEARD_NEWS;
}

static SinterHeard
step_cancelled(SinterLiveJob *self, const SinterVerdict *verdict)
{
    if (self->forced_failure)
        return step_fail(self, verdict);
    if (self->record->plan->offline)
        sinter_offline_job_warn_of_part(self);
    sinter_live_job_finish(self, SINTER_PHASE_CANCELLED, verdict->error, verdict->reason);
    return SINTER_HEARD_NEWS;
}

static SinterHeard
step_quarantine(SinterLiveJob *self, const SinterVerdict *verdict)
{
    sinter_live_job_finish(self, SINTER_PHASE_QUARANTINED, verdict->error, verdict->reason);
    return SINTER_HEARD_NEWS;
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
static SinterHeard
wait_for_space(SinterLiveJob *self, const GError *error)
{
    if (!self->space_told)
        sinter_live_job_log(self, G_LOG_LEVEL_INFO, error->message);
    self->space_told = TRUE;
    return sinter_live_job_wait_or(self, self->context.retry_usec);
}

static SinterHeard
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
        return SINTER_HEARD_NEWS;
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
        return SINTER_HEARD_NEWS;
    }
    note_copying(self);
    return sinter_live_job_wait(self);
}

/* Ends the block job because we cannot go on; once it is gone the job fails with @error. */
static SinterHeard
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
        return sinter_live_job_wait(self);
    sinter_live_job_log(self, G_LOG_LEVEL_WARNING, cause->message);
    return sinter_live_job_wait_or(self, self->context.poll_usec);
}

static SinterHeard
step_pivot(SinterLiveJob *self, const SinterVerdict *verdict)
{
    SinterVirt *virt = self->context.virt;
    const SinterDiskPlan *plan = self->record->plan;
    gboolean pivot = plan->operation == SINTER_OPERATION_ACTIVE_COMMIT || plan->pivot;
    g_autoptr(GError) error = NULL;

    if (!sinter_live_job_enter_phase(self, SINTER_PHASE_PIVOTING, &error))
        return give_up(self, g_steal_pointer(&error));
    if (virt->klass->end(virt, self->record->domain_uuid, plan->disk, pivot, &error))
        return sinter_live_job_wait(self);
    if (sinter_live_job_is_lost(self, error))
        return SINTER_HEARD_NEWS;
    self->record->phase = SINTER_PHASE_READY;
    if (++self->n_pivot_tries >= MAX_PIVOT_TRIES) {
        g_prefix_error(&error,
                       "the move to the merged image was refused %u times: ", self->n_pivot_tries);
        return give_up(self, g_steal_pointer(&error));
    }
    sinter_live_job_wait_or(self, self->context.poll_usec);
    return SINTER_HEARD_NEWS;
}

static SinterHeard
step_wait(SinterLiveJob *self, const SinterVerdict *verdict)
{
    if (self->record->phase < SINTER_PHASE_COPYING)
        note_copying(self);
    self->observation.seen = SINTER_SEEN_NOTHING; /* it was of an earlier block job */
    return sinter_live_job_wait(self);
}

static SinterHeard
step_cancel(SinterLiveJob *self, const SinterVerdict *verdict)
{
    SinterVirt *virt = self->context.virt;
    g_autoptr(GError) error = NULL;

    if (!self->end_asked) {
        if (!virt->klass->end(virt, self->record->domain_uuid, self->record->plan->disk, FALSE,
                              &error)) {
            /* it may have ended by itself just now: the next look tells */
            sinter_live_job_log(self, G_LOG_LEVEL_INFO, error->message);
            sinter_live_job_wait_or(self, self->context.poll_usec);
            return SINTER_HEARD_NEWS;
        }
        self->end_asked = TRUE;
    }
    return sinter_live_job_wait(self);
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

static SinterHeard
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
        sinter_live_job_finish(self, SINTER_PHASE_QUARANTINED, (SinterError)error->code,
                               error->message);
        return SINTER_HEARD_NEWS;
    }
    check_definition(self, disk);
    if (record->plan->operation == SINTER_OPERATION_PULL && !record->plan->offline)
        may_remove = sinter_live_job_flush_pulled(self, &again);
    if (again)
        return SINTER_HEARD_NEWS;
    if (!sinter_cleanup_sync(record->plan, &doubt, &error)) {
        sinter_live_job_finish(self, SINTER_PHASE_QUARANTINED, (SinterError)error->code,
                               error->message);
        return SINTER_HEARD_NEWS;
    }
    if (doubt)
        sinter_job_record_warn(record, "the merged files stay: %s", doubt);
    if (sinter_cleanup_changes_anything(record->plan) &&
        !sinter_live_job_enter_phase(self, SINTER_PHASE_CLEANING, &error))
        sinter_job_record_warn(record, "the merged files stay: %s", error->message);
    else if (!sinter_cleanup_run(self->context.virt, record, may_remove && !doubt, &error))
        return SINTER_HEARD_NEWS; /* the connection is lost: look again, clean again */
    sinter_live_job_finish(self, SINTER_PHASE_DONE, SINTER_ERROR_FAILED, NULL);
    return SINTER_HEARD_NEWS;
}

typedef SinterHeard (*Step)(SinterLiveJob *self, const SinterVerdict *verdict);

static const Step steps[] = {
    [SINTER_NEXT_START] = step_start,         [SINTER_NEXT_WAIT] = step_wait,
    [SINTER_NEXT_PIVOT] = step_pivot,         [SINTER_NEXT_CANCEL] = step_cancel,
    [SINTER_NEXT_VERIFY] = step_verify,       [SINTER_NEXT_FAIL] = step_fail,
    [SINTER_NEXT_CANCELLED] = step_cancelled, [SINTER_NEXT_QUARANTINE] = step_quarantine,
};

static SinterHeard
step_offline_merge(SinterLiveJob *self, const SinterVerdict *verdict)
{
    sinter_offline_job_merge(self);
    return SINTER_HEARD_NEWS;
}

static SinterHeard
step_offline_wait(SinterLiveJob *self, const SinterVerdict *verdict)
{
    sinter_offline_job_wait(self);
    return SINTER_HEARD_NEWS;
}

/* Where the worker takes QEMU's place; the end of the story is the same. */
static const Step offline_steps[] = {
    [SINTER_NEXT_START] = step_offline_merge, [SINTER_NEXT_WAIT] = step_offline_wait,
    [SINTER_NEXT_VERIFY] = step_verify,       [SINTER_NEXT_FAIL] = step_fail,
    [SINTER_NEXT_CANCELLED] = step_cancelled, [SINTER_NEXT_QUARANTINE] = step_quarantine,
};

SinterHeard
sinter_live_job_step(SinterLiveJob *self, const SinterVerdict *verdict)
{
    return (self->record->plan->offline ? offline_steps : steps)[verdict->next](self, verdict);
}
