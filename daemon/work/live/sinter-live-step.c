/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The steps of a live job. Invariant: the record on disk names a step before the step changes
 * anything; no step assumes that it succeeded, the next observation decides.
 */

#include "sinter-live-step.h"

#include "sinter-chain-space.h"
#include "sinter-chain-verify.h"
#include "sinter-cleanup.h"
#include "sinter-destination.h"
#include "sinter-job-report.h"
#include "sinter-job-wait.h"
#include "sinter-live-guest.h"
#include "sinter-live-handover.h"
#include "sinter-live-reconcile.h"
#include "sinter-live-wait.h"
#include "sinter-recheck.h"

/* QEMU refuses a pivot for valid temporary reasons (the job was not ready after all, another
 * command held the domain); a permanent refusal must not be retried forever. */
#define MAX_PIVOT_TRIES 20

/* --- ends ----------------------------------------------------------------------------------- */

/* QEMU's own message, if known, says more than the mere failure. */
void
sinter_live_step_fail(SinterJobRun *run, const SinterVerdict *verdict)
{
    const SinterLiveState *state = sinter_live_state(run);
    const SinterLiveEnd *end = &state->end;
    g_autofree char *message = NULL;

    if (end->forced_failure) {
        sinter_job_run_finish(run, SINTER_PHASE_FAILED, (SinterError)end->forced_failure->code,
                              end->forced_failure->message);
        return;
    }
    if (end->qemu_reason && state->look.observation.seen == SINTER_SEEN_FAILED)
        message = g_strdup_printf("%s: %s", verdict->reason, end->qemu_reason);
    sinter_job_run_finish(run, SINTER_PHASE_FAILED, verdict->error,
                          message ? message : verdict->reason);
}

void
sinter_live_step_cancelled(SinterJobRun *run, const SinterVerdict *verdict)
{
    if (sinter_live_state(run)->end.forced_failure)
        sinter_live_step_fail(run, verdict);
    else
        sinter_job_run_finish(run, SINTER_PHASE_CANCELLED, verdict->error, verdict->reason);
}

/* Warns what an administrator must do if it is unknown whether the pivot happened. */
static void
warn_of_doubt(SinterJobRun *run)
{
    SinterJobRecord *record = run->record;
    const SinterDiskPlan *plan = record->plan;
    const char *name = record->domain_name;

    if (sinter_chain_look(run)->observation.domain_active)
        sinter_job_record_warn(record,
                               "domain '%s' runs: shut it down now, each write makes '%s' and '%s' "
                               "differ more",
                               name, plan->chain_before[0], plan->chain_after[0]);
    sinter_job_record_warn(record,
                           "with the domain shut off, compare the images with 'sinter job %s "
                           "--compare'; then use the one that has the guest's last writes with "
                           "'sinter job %s --resolve old' ('%s') or '--resolve new' ('%s')",
                           record->id, record->id, plan->chain_before[0], plan->chain_after[0]);
    if (record->definition_guarded)
        sinter_job_record_warn(record, "domain '%s' does not start until then", name);
}

void
sinter_live_step_quarantine(SinterJobRun *run, const SinterVerdict *verdict)
{
    const SinterDiskPlan *plan = run->record->plan;
    g_autofree char *message = NULL;

    if (run->record->phase == SINTER_PHASE_PIVOTING && sinter_live_pivots(plan)) {
        run->record->in_doubt = TRUE;
        warn_of_doubt(run);
        message = g_strdup_printf("%s; the old image is '%s', the new one '%s'", verdict->reason,
                                  plan->chain_before[0], plan->chain_after[0]);
    }
    sinter_job_run_finish(run, SINTER_PHASE_QUARANTINED, verdict->error,
                          message ? message : verdict->reason);
}

/* Ends the block job because we cannot continue; once it has ended, the job fails with @error. */
static void
give_up(SinterJobRun *run, GError *error)
{
    SinterLiveEnd *end = &sinter_live_state(run)->end;
    SinterVirt *virt = run->context.virt;
    g_autoptr(GError) cause = NULL;

    g_clear_error(&end->forced_failure);
    end->forced_failure = error;
    run->record->cancel_requested = TRUE;
    end->asked =
        virt->klass->end(virt, run->record->domain_uuid, run->record->plan->disk, FALSE, &cause);
    if (end->asked) {
        sinter_live_wait(run);
        return;
    }
    sinter_job_run_log(run, G_LOG_LEVEL_WARNING, cause->message);
    sinter_job_run_wait(run, run->context.poll_usec);
}

void
sinter_live_step_cancel(SinterJobRun *run, const SinterVerdict *verdict)
{
    SinterLiveEnd *end = &sinter_live_state(run)->end;
    SinterVirt *virt = run->context.virt;
    g_autoptr(GError) error = NULL;

    if (!end->asked) {
        if (!virt->klass->end(virt, run->record->domain_uuid, run->record->plan->disk, FALSE,
                              &error)) {
            /* it may have just ended on its own: the next observation shows */
            sinter_job_run_log(run, G_LOG_LEVEL_INFO, error->message);
            sinter_job_run_wait(run, run->context.poll_usec);
            return;
        }
        end->asked = TRUE;
    }
    sinter_live_wait(run);
}

/* --- copying -------------------------------------------------------------------------------- */

void
sinter_live_step_pivot(SinterJobRun *run, const SinterVerdict *verdict)
{
    SinterLiveEnd *end = &sinter_live_state(run)->end;
    SinterVirt *virt = run->context.virt;
    const SinterDiskPlan *plan = run->record->plan;
    g_autoptr(GError) error = NULL;

    if (!sinter_live_announce_pivot(run, &error)) {
        if (!sinter_job_is_lost(error))
            give_up(run, g_steal_pointer(&error));
        return;
    }
    if (virt->klass->end(virt, run->record->domain_uuid, plan->disk, sinter_live_pivots(plan),
                         &error)) {
        sinter_live_wait(run);
        return;
    }
    if (sinter_job_is_lost(error))
        return;
    end->refused = TRUE;
    if (++end->n_pivot_tries >= MAX_PIVOT_TRIES) {
        g_prefix_error(&error, "the pivot was refused %u times: ", end->n_pivot_tries);
        give_up(run, g_steal_pointer(&error));
        return;
    }
    sinter_job_run_wait(run, run->context.poll_usec);
}

/* When the copy is ready, pivots without another observation: libvirt checks again anyway. */
static void
wait_for_block_job(SinterJobRun *run)
{
    const SinterVerdict ready = { .next = SINTER_NEXT_PIVOT };

    if (sinter_live_wait(run) == SINTER_HEARD_READY && !run->record->cancel_requested)
        sinter_live_step_pivot(run, &ready);
}

/* Informational only: whether a block job runs is always observed, never taken from the record. So
 * it is saved at the first progress poll, and a job that finishes earlier is never saved in this
 * phase. */
static void
note_copying(SinterJobRun *run)
{
    run->record->phase = SINTER_PHASE_COPYING;
    run->news.unsaved = TRUE;
    g_clear_pointer(&sinter_chain_look(run)->host, sinter_host_free);
    sinter_job_run_publish(run, FALSE);
}

void
sinter_live_step_wait(SinterJobRun *run, const SinterVerdict *verdict)
{
    if (run->record->phase < SINTER_PHASE_COPYING)
        note_copying(run);
    /* earlier events belonged to an earlier block job */
    sinter_chain_look(run)->observation.seen = SINTER_SEEN_NOTHING;
    wait_for_block_job(run);
}

/* --- the start ------------------------------------------------------------------------------ */

/* Other jobs may need the available space: stays in the queue, and checks again when one of them
 * has ended. */
static void
wait_for_space(SinterJobRun *run, const GError *error)
{
    SinterLiveState *state = sinter_live_state(run);

    if (!state->space_logged)
        sinter_job_run_log(run, G_LOG_LEVEL_INFO, error->message);
    state->space_logged = TRUE;
    sinter_job_run_wait(run, run->context.retry_usec);
}

/* Returns whether the job may start now; otherwise it has waited, or ended. */
static gboolean
is_clear_to_start(SinterJobRun *run)
{
    SinterJobRecord *record = run->record;
    g_autoptr(GError) error = NULL;
    SinterSpace space = SINTER_SPACE_LACKING;

    if (sinter_recheck_plan(record, sinter_chain_look(run)->host, &error) &&
        sinter_destination_check(record->plan, &error))
        space = sinter_chain_claim_space(run, &error);
    if (space == SINTER_SPACE_PROMISED)
        wait_for_space(run, error);
    else if (space != SINTER_SPACE_GRANTED)
        sinter_job_run_fail(run, error);
    return space == SINTER_SPACE_GRANTED;
}

void
sinter_live_step_start(SinterJobRun *run, const SinterVerdict *verdict)
{
    SinterChainLook *look = sinter_chain_look(run);
    SinterVirt *virt = run->context.virt;
    SinterJobRecord *record = run->record;
    g_autoptr(GError) error = NULL;

    if (!is_clear_to_start(run))
        return;
    if (record->phase == SINTER_PHASE_QUEUED)
        sinter_cleanup_remember_files(record, look->domain);
    if (record->started_usec == 0)
        record->started_usec = g_get_real_time();
    look->observation.seen = SINTER_SEEN_NOTHING;
    if (!sinter_job_run_enter_phase(run, SINTER_PHASE_STARTING, &error) ||
        !virt->klass->start(virt, look->domain, record->plan, record->bandwidth_bytes_per_sec,
                            &error)) {
        if (!sinter_job_is_lost(error))
            sinter_job_run_fail(run, error);
        return;
    }
    note_copying(run);
    wait_for_block_job(run);
}

/* --- after the block job -------------------------------------------------------------------- */

void
sinter_live_step_verify(SinterJobRun *run, const SinterVerdict *verdict)
{
    gboolean may_remove = TRUE;
    gboolean again = FALSE;

    if (!sinter_chain_verify(run))
        return;
    if (run->record->plan->operation == SINTER_OPERATION_PULL)
        may_remove = sinter_live_flush_pulled(run, &again);
    if (!again)
        sinter_chain_clean_up(run, may_remove);
}
