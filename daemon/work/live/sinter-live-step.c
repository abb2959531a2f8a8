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
#include "sinter-live-denial.h"
#include "sinter-live-guest.h"
#include "sinter-live-handover.h"
#include "sinter-live-reconcile.h"
#include "sinter-live-restore.h"
#include "sinter-live-wait.h"
#include "sinter-plain-path.h"
#include "sinter-point.h"
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
    g_autoptr(GError) error = NULL;

    if (end->forced_failure) {
        sinter_job_run_finish(run, SINTER_PHASE_FAILED, (SinterError)end->forced_failure->code,
                              end->forced_failure->message);
        return;
    }
    if (state->look.observation.seen != SINTER_SEEN_FAILED) {
        sinter_job_run_finish(run, SINTER_PHASE_FAILED, verdict->error, verdict->reason);
        return;
    }
    error = g_error_new(SINTER_ERROR, (int)verdict->error, "%s%s%s", verdict->reason,
                        end->qemu_reason ? ": " : "", end->qemu_reason ? end->qemu_reason : "");
    sinter_live_explain_denial(run, &error);
    sinter_job_run_fail(run, error);
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
        SINTER_POINT("cancel-requesting");
        if (!virt->klass->end(virt, run->record->domain_uuid, run->record->plan->disk, FALSE,
                              &error)) {
            /* it may have just ended on its own: the next observation shows */
            sinter_job_run_log(run, G_LOG_LEVEL_INFO, error->message);
            sinter_job_run_wait(run, run->context.poll_usec);
            return;
        }
        end->asked = TRUE;
        SINTER_POINT("cancel-requested");
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
    SINTER_POINT("pivot-requesting");
    if (virt->klass->end(virt, run->record->domain_uuid, plan->disk, sinter_live_pivots(plan),
                         &error)) {
        SINTER_POINT("pivot-requested");
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

    if (sinter_live_wait(run) != SINTER_HEARD_READY || run->record->cancel_requested)
        return;
    SINTER_POINT("ready-heard");
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
    sinter_job_run_set_waiting(run, "space that other jobs have reserved");
    sinter_job_run_wait(run, run->context.retry_usec);
}

/* The destination of a copy does not respond: stays in the queue, where it can be cancelled. */
static void
wait_for_destination(SinterJobRun *run, const GError *error)
{
    sinter_job_run_set_waiting(run, error->message);
    sinter_job_run_wait(run, run->context.retry_usec);
}

static gboolean
check_destination(SinterJobRun *run)
{
    g_autoptr(GError) error = NULL;

    if (sinter_destination_check(run->record->plan, run->context.storage, &error))
        return TRUE;
    if (g_error_matches(error, SINTER_ERROR, SINTER_ERROR_BUSY))
        wait_for_destination(run, error);
    else
        sinter_job_run_fail(run, error);
    return FALSE;
}

/* Returns whether the job may start now; otherwise it has waited, or ended. */
static gboolean
is_clear_to_start(SinterJobRun *run)
{
    SinterJobRecord *record = run->record;
    g_autoptr(GError) error = NULL;
    SinterSpace space = SINTER_SPACE_LACKING;

    /* first, because the plan looks the destination up as well */
    if (!check_destination(run))
        return FALSE;
    if (sinter_recheck_plan(record, sinter_chain_look(run)->host, &error))
        space = sinter_chain_claim_space(run, &error);
    if (space == SINTER_SPACE_PROMISED)
        wait_for_space(run, error);
    else if (space != SINTER_SPACE_GRANTED)
        sinter_job_run_fail(run, error);
    return space == SINTER_SPACE_GRANTED;
}

static gboolean
is_commit(const SinterDiskPlan *plan)
{
    return plan->operation == SINTER_OPERATION_ACTIVE_COMMIT ||
           plan->operation == SINTER_OPERATION_COMMIT;
}

static gboolean
note_start(SinterJobRun *run, GError **error)
{
    SINTER_POINT("start-noting");
    if (!sinter_job_run_enter_phase(run, SINTER_PHASE_STARTING, error))
        return FALSE;
    SINTER_POINT("block-job-requesting");
    return TRUE;
}

/* libvirt did not get the lock of the domain in time, so nothing has begun: back to the queue. */
static void
wait_for_lock(SinterJobRun *run, const GError *cause)
{
    SinterJobRecord *record = run->record;
    g_autofree char *what =
        g_strdup_printf("domain '%s', which is busy (%s)", record->domain_name, cause->message);
    g_autoptr(GError) error = NULL;

    sinter_space_ledger_give_up(run->context.ledger, record->id);
    record->started_usec = 0;
    if (!sinter_job_run_enter_phase(run, SINTER_PHASE_QUEUED, &error)) {
        sinter_job_run_fail(run, error);
        return;
    }
    sinter_job_run_log(run, G_LOG_LEVEL_INFO, cause->message);
    sinter_job_run_set_waiting(run, what);
    sinter_job_run_wait(run, run->context.retry_usec);
}

/* @cause: (transfer full): why libvirt did not start the block job */
static void
fail_start(SinterJobRun *run, GError *cause)
{
    g_autoptr(GError) error = cause;

    if (sinter_job_is_lost(error))
        return;
    if (g_error_matches(error, SINTER_ERROR, SINTER_ERROR_TIMED_OUT)) {
        wait_for_lock(run, error);
        return;
    }
    sinter_live_explain_denial(run, &error);
    sinter_job_run_fail(run, error);
}

void
sinter_live_step_start(SinterJobRun *run, const SinterVerdict *verdict)
{
    SinterChainLook *look = sinter_chain_look(run);
    SinterVirt *virt = run->context.virt;
    SinterJobRecord *record = run->record;
    gboolean was_written = record->base_written;
    g_autoptr(GError) error = NULL;

    SINTER_POINT("start-checking");
    if (!is_clear_to_start(run))
        return;
    SINTER_POINT("start-cleared");
    if (record->phase == SINTER_PHASE_QUEUED)
        sinter_cleanup_remember_files(record, look->domain);
    sinter_live_restore_prepare(record, look->domain);
    if (record->started_usec == 0)
        record->started_usec = g_get_real_time();
    look->observation.seen = SINTER_SEEN_NOTHING;
    record->base_written = was_written || is_commit(record->plan);
    if (!note_start(run, &error)) {
        sinter_job_run_fail(run, error);
        return;
    }
    if (!virt->klass->start(virt, look->domain, record->plan, record->bandwidth_bytes_per_sec,
                            &error)) {
        if (!sinter_job_is_lost(error))
            record->base_written = was_written;
        fail_start(run, g_steal_pointer(&error));
        return;
    }
    SINTER_POINT("block-job-requested");
    note_copying(run);
    SINTER_POINT("copying");
    wait_for_block_job(run);
}

/* Takes over a block job that another program has started. From here on it is this job's. */
void
sinter_live_step_adopt(SinterJobRun *run, const SinterVerdict *verdict)
{
    SinterChainLook *look = sinter_chain_look(run);
    SinterJobRecord *record = run->record;
    g_autoptr(GError) error = NULL;

    if (sinter_recheck_plan(record, look->host, &error)) {
        sinter_cleanup_remember_files(record, look->domain);
        record->started_usec = g_get_real_time();
        record->base_written = TRUE;
        if (sinter_job_run_enter_phase(run, SINTER_PHASE_READY, &error))
            return;
    }
    sinter_job_run_fail(run, error);
}

/* --- after the block job -------------------------------------------------------------------- */

static const SinterLayer *
first_layer(const GPtrArray *layers)
{
    return layers && layers->len > 0 ? layers->pdata[0] : NULL;
}

/* libvirt composes the path of the new image from the names in the headers: links to their own
 * folder would make it grow with each merge. */
static void
make_definition_plain(SinterJobRun *run)
{
    SinterVirt *virt = run->context.virt;
    const SinterJobRecord *record = run->record;
    const SinterDisk *disk =
        sinter_domain_find_disk(sinter_chain_look(run)->domain, record->plan->disk);
    const SinterLayer *next = disk ? first_layer(disk->inactive_layers) : NULL;
    g_autofree char *plain = next && next->path ? sinter_plain_path(next->path) : NULL;
    g_autoptr(GError) error = NULL;

    if (plain && sinter_live_pivots(record->plan) && !g_str_equal(plain, next->path) &&
        !virt->klass->redefine_disk(virt, record->domain_uuid, record->plan->disk, plain,
                                    next->format, &error))
        sinter_job_run_log(run, G_LOG_LEVEL_WARNING, error->message);
}

void
sinter_live_step_verify(SinterJobRun *run, const SinterVerdict *verdict)
{
    gboolean may_remove = TRUE;
    gboolean again = FALSE;

    SINTER_POINT("verifying");
    /* first, because a QEMU that is killed before it loses what was pulled */
    if (run->record->plan->operation == SINTER_OPERATION_PULL)
        may_remove = sinter_live_flush_pulled(run, &again);
    if (again)
        return;
    SINTER_POINT("flushed");
    if (!sinter_chain_verify(run))
        return;
    make_definition_plain(run);
    sinter_chain_clean_up(run, may_remove);
}
