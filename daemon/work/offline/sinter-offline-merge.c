/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The offline merge, step by step: open and lock the images, read the whole host again, merge in a
 * worker, redefine the domain to name the result. Invariant: the images stay locked from the last
 * observation of the host until the domain is redefined, so no QEMU can have written to the old
 * chain in between, even if a worker was killed; and a merge that a crash interrupted is restarted,
 * never assumed complete, because the domain may have run since.
 */

#include "sinter-offline-merge.h"

#include "sinter-chain-space.h"
#include "sinter-cleanup.h"
#include "sinter-job-report.h"
#include "sinter-job-wait.h"
#include "sinter-lock-wait.h"
#include "sinter-offline-files.h"
#include "sinter-plain-path.h"
#include "sinter-point.h"
#include "sinter-recheck.h"

/* --- waiting ---------------------------------------------------------------------------------- */

/* @why: for the log; @what: what the job waits for */
static void
yield(SinterJobRun *run, const char *why, const char *what, guint64 timeout_usec)
{
    sinter_job_run_set_waiting(run, what);
    if (run->record->phase != SINTER_PHASE_WAITING) {
        run->record->phase = SINTER_PHASE_WAITING;
        run->progress.rate_bytes_per_sec = 0;
        run->progress.expected_end_usec = 0;
        sinter_space_ledger_give_up(run->context.ledger, run->record->id);
        sinter_job_run_save_or_log(run);
        sinter_job_run_publish(run, FALSE);
        sinter_job_run_log(run, G_LOG_LEVEL_INFO, why);
    }
    sinter_job_run_wait(run, timeout_usec);
}

void
sinter_offline_step_wait(SinterJobRun *run, const SinterVerdict *verdict)
{
    g_autofree char *what = g_strdup_printf("domain '%s', which must be shut off",
                                            sinter_chain_look(run)->domain->name);

    yield(run, "the domain is running: waiting until it is shut off", what, G_MAXUINT64);
}

/* --- before the merge ------------------------------------------------------------------------- */

/* Does not fail the job for a lost connection: the loop observes again. */
static gboolean
fail_unless_lost(SinterJobRun *run, const GError *error)
{
    if (!sinter_job_is_lost(error))
        sinter_job_run_fail(run, error);
    return FALSE;
}

static void
yield_to_holder(SinterJobRun *run, const GError *error)
{
    const char *path = sinter_error_get_file(error);
    g_autofree char *what = path ? sinter_lock_wait_describe(path) : g_strdup(error->message);

    yield(run, error->message, what, run->context.retry_usec);
}

static gboolean
open_files(SinterJobRun *run, SinterOfflineFiles **ret_files)
{
    const SinterDisk *disk =
        sinter_domain_find_disk(sinter_chain_look(run)->domain, run->record->plan->disk);
    g_autoptr(GError) error = NULL;

    *ret_files = sinter_offline_files_open(disk, run->record->plan, &error);
    if (*ret_files)
        return TRUE;
    if (g_error_matches(error, SINTER_ERROR, SINTER_ERROR_LOCKED))
        yield_to_holder(run, error);
    else
        sinter_job_run_fail(run, error);
    return FALSE;
}

/* Claims space beside all other jobs. A job that continues a merge may already have used part of
 * its earlier claim. */
static gboolean
claim_space(SinterJobRun *run)
{
    g_autoptr(GError) error = NULL;
    SinterSpace space;

    if (run->record->started_usec != 0) {
        sinter_chain_renew_space(run);
        return TRUE;
    }
    space = sinter_chain_claim_space(run, &error);
    if (space == SINTER_SPACE_PROMISED)
        yield(run, error->message, "space that other jobs have reserved", run->context.retry_usec);
    else if (space != SINTER_SPACE_GRANTED)
        sinter_job_run_fail(run, error);
    return space == SINTER_SPACE_GRANTED;
}

/* Runs the planner again on the present host, now that no other process can open the images. */
static gboolean
look_once_more(SinterJobRun *run)
{
    SinterVirt *virt = run->context.virt;
    SinterJobRecord *record = run->record;
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterHost) host = virt->klass->scan_all(virt, &error);
    const SinterDomain *domain;

    if (!host)
        return fail_unless_lost(run, error);
    SINTER_POINT("host-read");
    domain = sinter_host_find_domain(host, record->domain_uuid);
    if (domain && domain->active)
        return FALSE; /* it was started before the images were locked: the next observation shows
                       * it */
    if (!sinter_recheck_plan(record, host, &error))
        return fail_unless_lost(run, error);
    SINTER_POINT("plan-rechecked");
    if (!record->remove_identities)
        sinter_cleanup_remember_files(record, domain);
    return TRUE;
}

static gboolean
begin(SinterJobRun *run)
{
    SinterVirt *virt = run->context.virt;
    SinterJobRecord *record = run->record;
    gboolean was_written = record->base_written;
    g_autoptr(GError) error = NULL;

    SINTER_POINT("merge-noting");
    if (record->started_usec == 0)
        record->started_usec = g_get_real_time();
    record->base_written |= record->plan->operation != SINTER_OPERATION_PULL;
    if (!sinter_job_run_enter_phase(run, SINTER_PHASE_STARTING, &error))
        return fail_unless_lost(run, error);
    SINTER_POINT("chain-removing");
    /* an explicit chain in the definition would become outdated */
    if (!virt->klass->redefine_disk(virt, record->domain_uuid, record->plan->disk, NULL, NULL,
                                    &error) ||
        !sinter_job_run_enter_phase(run, SINTER_PHASE_COPYING, &error) ||
        /* before the headers change: libvirt would trust the old chain more */
        !virt->klass->sync_definition(virt, record->domain_name, &error)) {
        if (!sinter_job_is_lost(error))
            record->base_written = was_written;
        return fail_unless_lost(run, error);
    }
    SINTER_POINT("merge-noted");
    return TRUE;
}

/* --- after the merge -------------------------------------------------------------------------- */

static gboolean
follow_with_definition(SinterJobRun *run, const SinterOfflineFiles *files)
{
    SinterVirt *virt = run->context.virt;
    const SinterDiskPlan *plan = run->record->plan;
    g_autofree char *path = sinter_plain_path(plan->chain_after[0]);
    g_autoptr(GError) error = NULL;

    if (plan->operation != SINTER_OPERATION_ACTIVE_COMMIT &&
        plan->operation != SINTER_OPERATION_CHECK)
        return TRUE;
    SINTER_POINT("change-noting");
    if (!sinter_job_run_enter_phase(run, SINTER_PHASE_PIVOTING, &error))
        return fail_unless_lost(run, error);
    SINTER_POINT("definition-changing");
    if (virt->klass->redefine_disk(virt, run->record->domain_uuid, plan->disk, path,
                                   sinter_offline_files_get_result_format(files), &error)) {
        SINTER_POINT("definition-changed");
        return TRUE;
    }
    g_prefix_error(&error,
                   "all data is merged into '%s', but the definition could not be updated; the "
                   "chain is unchanged: ",
                   plan->chain_after[0]);
    return fail_unless_lost(run, error);
}

static void
take_error(SinterJobRun *run, const SinterWorkerMessage *answer)
{
    g_autoptr(GError) error = g_error_new_literal(SINTER_ERROR, (int)answer->code, answer->text);

    if (answer->code == SINTER_ERROR_LOCKED)
        yield(run, answer->text, answer->text, run->context.retry_usec);
    else if (answer->code != SINTER_ERROR_CANCELLED || !run->record->cancel_requested)
        sinter_job_run_fail(run, error);
}

static void
take_death(SinterJobRun *run, const SinterWorkerOutcome *outcome)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    if (run->record->cancel_requested)
        return;
    text = sinter_worker_seat_note_death(run, outcome);
    if (!text)
        return;
    error = g_error_new(SINTER_ERROR, SINTER_ERROR_FAILED, "%s; the chain is unchanged", text);
    sinter_job_run_fail(run, error);
}

static void
take_outcome(SinterJobRun *run, const SinterOfflineFiles *files, const SinterWorkerOutcome *outcome)
{
    const SinterWorkerMessage *answer = outcome->answer;

    SINTER_POINT("merged");
    if (answer && answer->kind == SINTER_WORKER_DONE)
        follow_with_definition(run, files);
    else if (answer && answer->kind == SINTER_WORKER_ERROR)
        take_error(run, answer);
    else
        take_death(run, outcome);
}

void
sinter_offline_step_merge(SinterJobRun *run, const SinterVerdict *verdict)
{
    g_autoptr(SinterOfflineFiles) files = NULL;
    g_auto(SinterWorkerOutcome) outcome = { 0 };
    g_auto(SinterWorkerTask) task = { 0 };
    g_autoptr(GError) error = NULL;

    SINTER_POINT("images-opening");
    if (!open_files(run, &files) || !look_once_more(run) || !claim_space(run) || !begin(run))
        return;
    sinter_offline_files_make_task(files, run->record->bandwidth_bytes_per_sec, &task);
    if (sinter_worker_seat_run(run, &task, &outcome, &error))
        take_outcome(run, files, &outcome);
    else if (error)
        sinter_job_run_fail(run, error);
}
